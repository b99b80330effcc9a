//! Folding a chunk: its rows become segments, in one transaction that readers never notice.
//!
//! 1. The fence is moved, under the exclusive stream lock: every batch that begins later and holds
//!    an event of the chunk locks the chunk and looks for segments before it writes.
//! 2. The codes are chosen on a sample; a new layout gets its table, and view and functions are
//!    made anew.
//! 3. One transaction reads one moment of the chunk: its rows come by a cursor, in the order of
//!    segments, which are gathered here and written (`fill.rs`, `gather.rs`); then the chunk is
//!    locked against writers, the rows that were read are deleted, and it commits. Rows that came
//!    meanwhile stay.
//! 4. The chunk is vacuumed; once no page is left, which is when no reader can see a row of it any
//!    more, its indexes are emptied too.
//!
//! Whatever ends the process in between, the next fold looks at the database and goes on.

use std::time::Duration;

use howdah_catalog::{Catalog, RelName};
use howdah_error::{Code as ErrorCode, Error, Kind, Result};
use howdah_pg::{RetryPolicy, failpoint, from_pg, retry};
use howdah_plan::{history, walls_like};
use howdah_rollup::lock::{self, AdvisoryLock};
use howdah_system::{Stream, System};
use tokio_postgres::Client;

use crate::choose::{self, Choice};
use crate::chunks::Chunk;
use crate::code::{Code, Column, Width};
use crate::fill::{self, Filled};
use crate::gather::Needed;
use crate::layout::Layout;
use crate::read_sql::{self, Installed};
use crate::session::{self, is_locked, lost};
use crate::{exact, store};

/// A stream has no more layouts than this; the last one takes whatever fits none of the others.
const MOST_LAYOUTS: usize = 12;
/// Arrays that are small once compressed stay in the segment's row up to so many bytes of it: each
/// that is stored elsewhere costs 80 bytes more.
const TOAST_TARGET: u32 = 1_024;
/// How long a fold waits for a lock at a time: who comes behind it waits as long.
const LOCK_WAIT: &str = "50ms";
/// Attempts to lock a chunk against writers, a quarter of a second apart.
const LOCK_TRIES: u32 = 240;

/// What the fold of a chunk did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The events that went into segments.
    pub rows: i64,
    /// The segments.
    pub segments: i64,
    /// The segment table.
    pub table: RelName,
    /// Whether the chunk's space was given back to the system.
    pub emptied: bool,
}

/// Takes the right to fold and restore chunks of the stream, for this session.
pub(crate) async fn own(client: &Client, stream: &Stream) -> Result<()> {
    let lock = AdvisoryLock::history(stream);
    let sql = format!("select pg_try_advisory_lock({}, {})", lock::CLASS, lock.0);
    let row = client
        .query_one(&sql, &[])
        .await
        .map_err(|error| from_pg("could not take the lock of a stream's history", &error))?;
    if row.get(0) {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("stream \"{}\" is being folded", stream.name))
        .code(ErrorCode::FoldUnderWay)
        .detail("Another session folds or restores its chunks.")
        .hint("Wait for it, and start again."))
}

/// Gives it back. Should that fail, the end of the session does it.
pub(crate) async fn disown(client: &Client, stream: &Stream) {
    let lock = AdvisoryLock::history(stream);
    let sql = format!("select pg_advisory_unlock({}, {})", lock::CLASS, lock.0);
    let _ = client.batch_execute(&sql).await;
}

/// Makes the view and the functions of a stream's history, where they are missing or not as the
/// stream is now.
pub async fn prepare(
    client: &Client,
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
) -> Result<()> {
    exact::check_stream(stream)?;
    let columns = store::columns(client, stream).await?;
    make_objects(client, system, catalog, stream, &columns).await
}

/// Drops the views of all histories, which name every column of their streams, so that a migration
/// can drop or alter one; gives how many. Applying the system file makes them anew.
pub async fn drop_views(client: &Client) -> Result<usize> {
    let failed = |error| from_pg("could not drop the views of histories", &error);
    let rows = client.query(include_str!("views.sql"), &[]).await.map_err(failed)?;
    for row in &rows {
        let view = RelName::new(row.get::<_, &str>(0), row.get::<_, &str>(1));
        client.batch_execute(&format!("drop view if exists {view}")).await.map_err(failed)?;
    }
    Ok(rows.len())
}

async fn make_objects(
    client: &Client,
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    columns: &[Column],
) -> Result<()> {
    transaction(client, "could not make the view of a stream's history", async || {
        let layouts = store::layouts(client, stream).await?;
        store::follow_columns(client, stream, columns, layouts).await?;
        let layouts = store::layouts(client, stream).await?;
        let sql = objects(system, catalog, stream, columns, &layouts);
        make_readers(client, stream, &sql).await
    })
    .await
}

/// Folds the rows that `chunk` holds now.
///
/// # Errors
/// The stream or the chunk cannot be folded exactly (HD0405), or another session is at it
/// (HD0406): nothing is changed.
pub async fn fold_chunk(
    client: &Client,
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    chunk: &Chunk,
) -> Result<Folded> {
    exact::check_stream(stream)?;
    exact::check_chunk(client, stream, chunk).await?;
    own(client, stream).await?;
    let result = fold_owned(client, system, catalog, stream, chunk).await;
    disown(client, stream).await;
    result
}

async fn fold_owned(
    client: &Client,
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    chunk: &Chunk,
) -> Result<Folded> {
    let columns = store::columns(client, stream).await?;
    let known = store::layouts(client, stream).await?;
    exact::check_columns(stream, &columns, &known)?;
    if !store::is_fenced(client, stream, chunk).await? {
        // Batches behind the fence call what is made here.
        make_objects(client, system, catalog, stream, &columns).await?;
        set_fence(client, stream, chunk).await?;
    }
    failpoint::hit("history.fence").await?;
    let (plain, coded) = split(stream, &columns);
    let mut choices = choose::choose(client, stream, chunk, (&plain, &coded), &known).await?;
    let time = columns
        .iter()
        .find(|column| column.name == stream.time.as_str())
        .ok_or_else(|| lost("the time column is gone"))?;
    let mut sums = true;
    let mut crowded = false;
    let (rows, segments, table) = loop {
        let picked = choices.iter().map(|it| (it.column.clone(), it.codes[0].clone()));
        let lz4: Vec<String> =
            choices.iter().filter(|it| it.lz4).map(|it| it.column.name.clone()).collect();
        let layout = Layout::new(plain.clone(), picked.collect(), time, sums).with_lz4(&lz4);
        let installed = install(client, system, catalog, stream, &columns, layout).await?;
        failpoint::hit("history.made").await?;
        session::begin(client).await?;
        let swapped = swap(client, stream, chunk, &installed, crowded).await;
        if let Ok(Filled::Done { rows, segments }) = swapped {
            break (rows, segments, installed.table);
        }
        let _ = client.batch_execute("rollback").await;
        match swapped? {
            Filled::Misfit(needed) => narrow(&mut choices, &needed),
            Filled::Crowded => crowded = true,
            _ if sums => sums = false,
            _ => return Err(lost("a chunk does not fit its own types")),
        }
    };
    failpoint::hit("history.folded").await?;
    let emptied = empty_chunk(client, chunk).await?;
    session::run(client, "could not analyze segments", &format!("analyze {table}")).await?;
    Ok(Folded { rows, segments, table, emptied })
}

/// The tenant and the columns of `by` stay plain; the others become arrays.
fn split(stream: &Stream, columns: &[Column]) -> (Vec<Column>, Vec<Column>) {
    let names = history::plain(stream);
    let column = |name: &String| columns.iter().find(|column| column.name == *name).cloned();
    let plain: Vec<Column> = names.iter().filter_map(column).collect();
    let coded = columns.iter().filter(|column| !plain.contains(column)).cloned().collect();
    (plain, coded)
}

async fn set_fence(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<()> {
    let lock = AdvisoryLock::stream(stream).exclusive();
    transaction(client, "could not move the fence of a stream", async || {
        // Batches that are under way end first; those that come later see the fence.
        session::run(client, "could not wait for batches", &lock).await?;
        session::hold(client).await?;
        store::fence(client, stream, chunk).await
    })
    .await
}

/// One short transaction, tried again when a lock is not to be had at once.
async fn transaction(
    client: &Client,
    context: &str,
    work: impl AsyncFn() -> Result<()>,
) -> Result<()> {
    let policy = RetryPolicy {
        attempts: LOCK_TRIES,
        total: Duration::from_secs(120),
        ..RetryPolicy::default()
    };
    retry(&policy, context, async || {
        session::begin_read_committed(client).await?;
        let wait = format!("set local lock_timeout = '{LOCK_WAIT}'");
        let result = match session::run(client, context, &wait).await {
            Ok(()) => work().await,
            Err(error) => Err(error),
        };
        session::end(client, result).await
    })
    .await
}

/// The segment table of a layout: one that is there and is the same, or a new one.
async fn install(
    client: &Client,
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    columns: &[Column],
    layout: Layout,
) -> Result<Installed> {
    let mut known = store::layouts(client, stream).await?;
    if let Some(same) = known.iter().find(|it| it.layout.is_like(&layout)) {
        return Ok(same.clone());
    }
    let layout = if known.len() + 1 >= MOST_LAYOUTS { widest(&layout) } else { layout };
    if let Some(same) = known.iter().find(|it| it.layout.is_like(&layout)) {
        return Ok(same.clone());
    }
    let number = known.last().map_or(1, |it| it.number + 1);
    let table = history::segments(stream, number);
    let made = Installed { number, table, layout, since: Vec::new() };
    let mut sql = create(system, catalog, stream, &made);
    known.push(made.clone());
    let readers = objects(system, catalog, stream, columns, &known);
    sql.push(String::new());
    let sql = sql.join(";\n");
    transaction(client, "could not make a segment table", async || {
        session::hold(client).await?;
        session::run(client, "could not make a segment table", &sql).await?;
        store::keep_layout(client, stream, &made).await?;
        make_readers(client, stream, &readers).await
    })
    .await?;
    Ok(made)
}

/// A layout that takes any value.
fn widest(layout: &Layout) -> Layout {
    let columns = layout.coded.iter().map(|it| {
        let code = if it.code == Code::Text { Code::Text } else { Code::Plain };
        (it.column.clone(), code)
    });
    Layout::new(layout.plain.clone(), columns.collect(), &layout.time, false)
}

/// What makes a segment table: found by key and by time, walled and granted as the stream is.
fn create(system: &System, catalog: &Catalog, stream: &Stream, made: &Installed) -> Vec<String> {
    let Installed { table, layout, .. } = made;
    let last = howdah_catalog::Ident::new(&layout.times.1);
    let by: Vec<String> = layout.plain.iter().map(|it| it.ident().to_string()).collect();
    let mut out = vec![
        format!(
            "create table {table} ({}) with (toast_tuple_target = {TOAST_TARGET})",
            howdah_catalog::name::list(layout.definitions())
        ),
        format!(
            "comment on table {table} is 'howdah: segments of {}'",
            stream.table.plain().replace('\'', "''")
        ),
    ];
    // Nobody compares whole arrays, and to look at them `analyze` would read all of the table.
    let unseen: Vec<String> = layout
        .coded
        .iter()
        .map(|it| {
            format!("alter column {} set statistics 0", howdah_catalog::Ident::new(&it.array))
        })
        .collect();
    if !unseen.is_empty() {
        out.push(format!("alter table {table} {}", howdah_catalog::name::list(unseen)));
    }
    if !by.is_empty() {
        out.push(format!("create index on {table} ({}, {last})", by.join(", ")));
    }
    out.push(format!("create index on {table} ({last})"));
    out.push(format!("create index on {table} (howdah_chunk)"));
    // Events of replaced blocks are among the newest.
    if let Some(block) = block_of(system, stream)
        && let Some(it) = layout.coded.iter().find(|it| it.column.name == block.as_str())
        && let Some((_, high)) = &it.extremes
    {
        out.push(format!("create index on {table} ({})", howdah_catalog::Ident::new(high)));
    }
    out.extend(walls_like(system, catalog, stream, table));
    out.extend(grants(system, catalog, table));
    out
}

/// The column of the block's number, where the stream's events are of blocks that may be replaced.
fn block_of<'a>(system: &'a System, stream: &Stream) -> Option<&'a howdah_catalog::Ident> {
    let of = |index: &usize| system.streams[*index].table == stream.table;
    let found = system.reorganisations.iter().find(|it| it.of.iter().any(of))?;
    Some(&found.block.name)
}

fn grants(system: &System, catalog: &Catalog, relation: &RelName) -> Vec<String> {
    [&system.roles.reader, &system.roles.writer]
        .into_iter()
        .filter(|role| catalog.roles.contains_key(*role))
        .map(|role| format!("grant select on {relation} to {role}"))
        .collect()
}

/// The statements that make the view and the functions.
struct Objects {
    view: String,
    functions: Vec<String>,
    grants: Vec<String>,
    drops: String,
}

fn objects(
    system: &System,
    catalog: &Catalog,
    stream: &Stream,
    columns: &[Column],
    layouts: &[Installed],
) -> Objects {
    let view = read_sql::view(stream, columns, layouts);
    let functions: Vec<String> = std::iter::once(read_sql::between(stream, columns, layouts))
        .chain([read_sql::hold(stream)])
        .chain(read_sql::thaw(stream, columns, layouts))
        .chain(
            block_of(system, stream)
                .and_then(|block| read_sql::thaw_blocks(stream, columns, layouts, block)),
        )
        .collect();
    let drops = format!(
        "drop function if exists {}; drop function if exists {}; drop function if exists {}; \
         drop function if exists {}; drop view if exists {}",
        history::hold(stream),
        history::thaw_blocks(stream),
        history::thaw(stream),
        history::between(stream),
        history::view(stream)
    );
    Objects { view, functions, grants: grants(system, catalog, &history::view(stream)), drops }
}

/// Replaces the view and the functions; where their columns changed, makes them anew.
async fn make_readers(client: &Client, stream: &Stream, objects: &Objects) -> Result<()> {
    let context = "could not make the view of a stream's history";
    let mut statements: Vec<String> = Vec::new();
    statements.push(objects.view.clone());
    statements.extend(objects.functions.iter().cloned());
    let plain = statements.join(";\n");
    let replace = plain
        .replace("create view ", "create or replace view ")
        .replace("create function ", "create or replace function ");
    session::run(client, context, "savepoint howdah_readers").await?;
    if let Err(error) = client.batch_execute(&replace).await {
        // Other columns, types or arguments.
        let changed = matches!(session::state(&error), Some("42P16" | "42P13"));
        if !changed {
            return Err(from_pg(context, &error));
        }
        session::run(client, context, "rollback to savepoint howdah_readers").await?;
        session::run(client, context, &format!("{};\n{plain}", objects.drops)).await?;
    }
    let comment = format!(
        "comment on view {} is 'howdah: recent events and segments of {}'",
        history::view(stream),
        stream.table.plain().replace('\'', "''")
    );
    let rest: Vec<&str> =
        objects.grants.iter().map(String::as_str).chain([comment.as_str()]).collect();
    session::run(client, context, &rest.join(";\n")).await
}

/// Within the transaction: segments in, rows out, and its commit, where every value fits its code.
async fn swap(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    it: &Installed,
    crowded: bool,
) -> Result<Filled> {
    let context = "could not fold a chunk";
    let failed = |error| from_pg(context, &error);
    let filled = fill::fill(client, stream, chunk, it, crowded).await?;
    let Filled::Done { rows, segments } = filled else { return Ok(filled) };
    failpoint::hit("history.written").await?;
    lock_chunk(client, chunk).await?;
    session::hold(client).await?;
    failpoint::hit("history.locked").await?;
    let sql = format!("delete from only {}", chunk.table);
    let deleted = client.execute(&sql, &[]).await.map_err(failed)?;
    if i64::try_from(deleted) != Ok(rows) {
        return Err(lost(&format!("{rows} rows were folded and {deleted} deleted")));
    }
    failpoint::hit("history.deleted").await?;
    store::note(client, stream, chunk, (it.number, rows, segments)).await?;
    session::run(client, context, "commit").await?;
    Ok(filled)
}

/// Locks the chunk against writers, waiting a little at a time: writers of late events that come
/// meanwhile wait no longer than that.
pub(crate) async fn lock_chunk(client: &Client, chunk: &Chunk) -> Result<()> {
    let context = "could not lock a chunk";
    session::run(client, context, &format!("set local lock_timeout = '{LOCK_WAIT}'")).await?;
    let sql = format!("lock table only {} in share row exclusive mode", chunk.table);
    for _ in 0..LOCK_TRIES {
        session::run(client, context, "savepoint howdah_lock").await?;
        match client.batch_execute(&sql).await {
            Ok(()) => return session::run(client, context, "release savepoint howdah_lock").await,
            Err(error) if is_locked(&error) => {}
            Err(error) => return Err(from_pg(context, &error)),
        }
        session::run(client, context, "rollback to savepoint howdah_lock").await?;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(Error::new(Kind::Unavailable, context)
        .code(ErrorCode::LockTimeout)
        .detail(format!("Somebody writes into \"{}\" and does not end.", chunk.table.plain()))
        .hint("Start the fold again when that transaction is over; nothing was changed."))
}

/// Takes from each column the codes that do not fit what the chunk's values need.
fn narrow(choices: &mut [Choice], needed: &[Needed]) {
    for (choice, needed) in choices.iter_mut().zip(needed) {
        let first = choice.codes[0].clone();
        if needed.fits(&first) {
            continue;
        }
        // Of the same kind only the width differs.
        let kind = first.with_width(Width::Int8);
        choice.codes.retain(|code| code.with_width(Width::Int8) != kind || needed.fits(code));
    }
}

/// Gives the space of the deleted rows back, as far as nobody needs them any more. `false`: some
/// of it stays until a later call or vacuum.
pub async fn empty_chunk(client: &Client, chunk: &Chunk) -> Result<bool> {
    let context = "could not vacuum a folded chunk";
    let before = client
        .query_one("select current_setting('statement_timeout')", &[])
        .await
        .map_err(|error| from_pg(context, &error))?;
    let before: String = before.get(0);
    session::run(client, context, "set statement_timeout = 0").await?;
    let vacuum = format!("vacuum (index_cleanup on, truncate on) {}", chunk.table);
    let cleaned = session::run(client, context, &vacuum).await;
    client
        .query_one("select set_config('statement_timeout', $1, false)", &[&before])
        .await
        .map_err(|error| from_pg(context, &error))?;
    cleaned?;
    failpoint::hit("history.vacuumed").await?;
    empty(client, chunk).await
}

/// Without a page nobody can see a row of it, whatever moment he reads: then its indexes may go.
async fn empty(client: &Client, chunk: &Chunk) -> Result<bool> {
    let table = &chunk.table;
    let is_empty = async || -> Result<bool> {
        let row = client
            .query_one("select pg_relation_size($1::text::regclass) = 0", &[&table.to_string()])
            .await
            .map_err(|error| from_pg("could not measure a chunk", &error))?;
        Ok(row.get(0))
    };
    if !is_empty().await? {
        return Ok(false);
    }
    session::begin_read_committed(client).await?;
    let lock = format!(
        "set local lock_timeout = '{LOCK_WAIT}'; lock table only {table} in access exclusive mode"
    );
    let result = match client.batch_execute(&lock).await {
        Ok(()) if is_empty().await? => {
            session::run(client, "could not empty a chunk", &format!("truncate only {table}"))
                .await
                .map(|()| true)
        }
        Ok(()) => Ok(false),
        // Somebody reads it; nothing is lost by leaving it.
        Err(error) if is_locked(&error) => {
            let _ = client.batch_execute("rollback").await;
            return Ok(false);
        }
        Err(error) => Err(from_pg("could not empty a chunk", &error)),
    };
    session::end(client, result).await
}
