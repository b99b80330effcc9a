//! Reorganisations: of two hashes of one block one is replaced, with every event of it.
//!
//! Known blocks are in a table of howdah's own, one row a hash, with its state: a block lives, or
//! is replaced by another, or is suspended by a marker until it or another comes. Events of a
//! replaced block go straight to the retracted ones; a suspended block lives again with the first
//! event of it that comes again. Batches of the streams run one after the other.

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{KeyColumn, Reorganisation, Stream, System};

use crate::delta::without_modifiers;
use crate::history;
use crate::retract::{CAUSE, equal, joined, take};
use crate::staging::{ORD, Staging};

pub mod quiet;

/// The state of a known block.
pub const STATE: &str = "state";
/// Its events count.
pub const LIVE: i16 = 0;
/// Another hash has taken its number: its events never count again.
pub const REPLACED: i16 = 1;
/// A marker has taken it back; it may come again.
pub const SUSPENDED: i16 = 2;

/// A stream of a reorganisation with the staging table of this batch.
#[derive(Debug, Clone, Copy)]
pub struct Staged<'a> {
    /// The stream.
    pub stream: &'a Stream,
    /// Its staging table.
    pub staging: &'a Staging,
}

/// The columns of the table of known blocks: scope, number, hash.
#[must_use]
pub fn columns(reorganisation: &Reorganisation) -> Vec<&KeyColumn> {
    let Reorganisation { scope, block, hash, .. } = reorganisation;
    scope.iter().chain([block, hash]).collect()
}

fn names(reorganisation: &Reorganisation) -> Vec<Ident> {
    columns(reorganisation).into_iter().map(|column| column.name.clone()).collect()
}

/// Scope and number.
fn number(reorganisation: &Reorganisation) -> Vec<Ident> {
    let mut names = names(reorganisation);
    names.pop();
    names
}

fn scope(reorganisation: &Reorganisation) -> Vec<Ident> {
    reorganisation.scope.iter().map(|column| column.name.clone()).collect()
}

/// `a.k = b.k and …`, true for no column.
fn same(a: &str, b: &str, columns: &[Ident]) -> String {
    if columns.is_empty() { "true".to_owned() } else { equal(a, b, columns) }
}

/// `create table` of known blocks.
#[must_use]
pub fn create_blocks(reorganisation: &Reorganisation) -> String {
    let columns = columns(reorganisation).into_iter();
    format!(
        "create table {} ({}, {STATE} smallint not null default {LIVE}, \
         seen_at timestamptz not null default now(), primary key ({}))",
        reorganisation.blocks,
        name::list(columns.map(|column| format!("{} {} not null", column.name, column.type_name))),
        name::list(names(reorganisation)),
    )
}

/// The temporary table of the blocks that go in this step, with the cause.
#[must_use]
pub fn going(reorganisation: &Reorganisation) -> RelName {
    RelName {
        schema: Ident::new("pg_temp"),
        name: name::fitting("howdah_going", &reorganisation.name),
    }
}

/// `create temporary table` of [`going`].
#[must_use]
pub fn create_going(reorganisation: &Reorganisation) -> String {
    let columns = columns(reorganisation).into_iter();
    format!(
        "create temporary table if not exists {} ({}, cause text not null, primary key ({})) \
         on commit delete rows",
        going(reorganisation).name,
        name::list(columns.map(|column| format!("{} {} not null", column.name, column.type_name))),
        name::list(names(reorganisation)),
    )
}

/// The staged rows between `$1` and `$2` of all `staged`: order, scope, number, hash, and what is
/// in one block only.
fn rows(reorganisation: &Reorganisation, staged: &[Staged<'_>]) -> String {
    let once = reorganisation.once.iter().map(|column| column.name.clone());
    let columns: Vec<Ident> = names(reorganisation).into_iter().chain(once).collect();
    let part = |staged: &Staged<'_>| {
        format!(
            "select {ORD}, {} from {} r",
            name::list(&columns),
            staged.staging.as_stream_rows(staged.stream)
        )
    };
    joined(staged.iter().map(part), " union all ")
}

/// The query for the order of the first staged row between `$1` and `$2` that replaces a block: its
/// number is known with another hash, or what is in one block only was seen in another. Null: none.
///
/// Rows of blocks that are replaced already count no more and replace nothing.
#[must_use]
pub fn first_conflict(
    system: &System,
    reorganisation: &Reorganisation,
    staged: &[Staged<'_>],
) -> String {
    let Reorganisation { blocks, hash, block, .. } = reorganisation;
    let (number, all) = (number(reorganisation), names(reorganisation));
    let (hash, block) = (&hash.name, &block.name);
    let mut windows = format!(
        "first_value({hash}) over (partition by {} order by {ORD}, {hash}) as howdah_first",
        name::list(&number)
    );
    let mut here = format!(
        "c.{hash} <> c.howdah_first or exists (select from {blocks} b where {} \
         and b.{hash} <> c.{hash} and b.{STATE} = {LIVE})",
        same("b", "c", &number)
    );
    let mut ctes = vec![format!("r as ({})", rows(reorganisation, staged))];
    let mut elsewhere = String::new();
    if !reorganisation.once.is_empty() {
        let once = once(reorganisation);
        windows.push_str(&format!(
            ", first_value({hash}) over (partition by {} order by {ORD}, {hash}) as howdah_once",
            name::list(&once)
        ));
        here.push_str(&format!(" or c.{hash} <> c.howdah_once"));
        elsewhere = format!(
            " union all select c.{ORD} from c join near t on {} \
             where t.{hash} <> c.{hash} or t.{block} <> c.{block}",
            same("t", "c", &once)
        );
    }
    ctes.push(format!(
        "c as materialized (select r.*, {windows} from r where not exists \
         (select from {blocks} b where {} and b.{STATE} = {REPLACED}))",
        same("b", "r", &all)
    ));
    ctes.extend(near(system, reorganisation, "c"));
    format!(
        "with {} select min({ORD}) from (select {ORD} from c where {here}{elsewhere}) p",
        ctes.join(", ")
    )
}

/// The CTEs `stretch` and `near`: the live events of blocks at most [`Reorganisation::depth`] away
/// from one of the blocks in the relation `of`: scope, number, hash, and what is in one block only.
/// None where nothing is.
fn near(system: &System, reorganisation: &Reorganisation, of: &str) -> Vec<String> {
    if reorganisation.once.is_empty() {
        return Vec::new();
    }
    let events = events_near(system, reorganisation);
    vec![stretches(reorganisation, of), format!("near as materialized ({events})")]
}

/// The CTE `stretch`: the blocks in the relation `of` and those at most [`Reorganisation::depth`]
/// away, in stretches, each of which is one range of an index.
fn stretches(reorganisation: &Reorganisation, of: &str) -> String {
    let Reorganisation { block, depth, .. } = reorganisation;
    let block = &block.name;
    let scope = scope(reorganisation);
    let scoped =
        |also: &str| name::list(scope.iter().map(ToString::to_string).chain([also.into()]));
    let by_scope = if scope.is_empty() {
        String::new()
    } else {
        format!("partition by {} ", name::list(&scope))
    };
    format!(
        "stretch as materialized (select {}, max({block}) + {depth} as howdah_high \
         from (select {}, count(*) filter (where {block} - howdah_before > {}) \
         over ({by_scope}order by {block}) as howdah_stretch \
         from (select {}, lag({block}) over ({by_scope}order by {block}) as howdah_before \
         from (select distinct {} from {of}) b) b) b group by {})",
        scoped(&format!("min({block}) - {depth} as howdah_low")),
        scoped(&block.to_string()),
        u64::from(*depth) * 2,
        scoped(&block.to_string()),
        scoped(&block.to_string()),
        scoped("howdah_stretch"),
    )
}

/// The query for `columns` of the rows of a table that are of the blocks of `stretch`.
fn within_stretches(
    reorganisation: &Reorganisation,
    table: &RelName,
    columns: impl Iterator<Item = Ident>,
) -> String {
    format!(
        "select t.* from stretch h cross join lateral (select {} from {table} t where {} \
         and t.{} between h.howdah_low and h.howdah_high offset 0) t",
        name::list(columns.map(|column| format!("t.{column}"))),
        same("t", "h", &scope(reorganisation)),
        reorganisation.block.name,
    )
}

/// The query for the live events of the blocks of `stretch`: scope, number, hash, and what is in
/// one block only.
fn events_near(system: &System, reorganisation: &Reorganisation) -> String {
    let once = || reorganisation.once.iter().map(|column| column.name.clone());
    let events = reorganisation.of.iter().map(|index| {
        let columns = names(reorganisation).into_iter().chain(once());
        within_stretches(reorganisation, &system.streams[*index].table, columns)
    });
    joined(events, " union all ")
}

/// Scope and what is in one block only.
fn once(reorganisation: &Reorganisation) -> Vec<Ident> {
    let once = reorganisation.once.iter().map(|column| column.name.clone());
    scope(reorganisation).into_iter().chain(once).collect()
}

/// The statement that notes in [`going`] the blocks that the staged rows at the order `$2` replace.
/// Rows between `$1` and `$2` that are of the same event group, and thus not applied yet, are
/// looked at too.
#[must_use]
pub fn note_replaced(
    system: &System,
    reorganisation: &Reorganisation,
    staged: &[Staged<'_>],
) -> String {
    let Reorganisation { blocks, hash, .. } = reorganisation;
    let (number, all) = (number(reorganisation), names(reorganisation));
    let hash = &hash.name;
    let of = |row: &str| name::list(all.iter().map(|column| format!("{row}.{column}")));
    let mut parts = vec![
        format!(
            "select {} from c join {blocks} b on {} where b.{hash} <> c.{hash} \
             and b.{STATE} <> {REPLACED}",
            of("b"),
            same("b", "c", &number)
        ),
        format!(
            "select {} from c join r b on {} where b.{hash} <> c.{hash}",
            of("b"),
            same("b", "c", &number)
        ),
    ];
    if !reorganisation.once.is_empty() {
        let once = once(reorganisation);
        let differs = format!("({}) <> ({})", of("b"), of("c"));
        parts.extend(["near", "r"].map(|events| {
            let same = same("b", "c", &once);
            format!("select {} from c join {events} b on {same} where {differs}", of("b"))
        }));
    }
    let ctes = [
        format!("r as materialized ({})", rows(reorganisation, staged)),
        format!("c as (select * from r where {ORD} = $2)"),
    ];
    let ctes: Vec<String> = ctes.into_iter().chain(near(system, reorganisation, "c")).collect();
    format!(
        "with {} insert into {} ({list}, cause) select distinct {list}, 'replaced' from ({}) g \
         on conflict do nothing",
        ctes.join(", "),
        going(reorganisation),
        joined(parts.into_iter(), " union all "),
        list = name::list(&all),
    )
}

/// The query whether a block in [`going`] lies deeper below the highest known one than may be.
#[must_use]
pub fn too_deep(reorganisation: &Reorganisation) -> String {
    let Reorganisation { blocks, block, depth, .. } = reorganisation;
    format!(
        "select exists (select from {} g where g.{block} < (select max(b.{block}) from {blocks} b \
         where {}) - {depth})",
        going(reorganisation),
        same("b", "g", &scope(reorganisation)),
        block = block.name,
    )
}

/// The statement that gives the known blocks in [`going`] their new state.
#[must_use]
pub fn set_states(reorganisation: &Reorganisation) -> String {
    let all = names(reorganisation);
    let list = name::list(&all);
    format!(
        "insert into {} as b ({list}, {STATE}) select {list}, \
         case cause when 'replaced' then {REPLACED} else {SUSPENDED} end from {} \
         on conflict ({list}) do update set {STATE} = excluded.{STATE}",
        reorganisation.blocks,
        going(reorganisation),
    )
}

/// The statement that moves the rows of a stream that are of blocks in [`going`] to the retracted
/// ones, and notes them in [`crate::retract::gone`]. Its effect is their number.
#[must_use]
pub fn take_back(reorganisation: &Reorganisation, stream: &Stream) -> Option<String> {
    let using =
        format!("{} r where {}", going(reorganisation), equal("t", "r", &names(reorganisation)));
    Some(take(stream, stream.retracted.as_ref()?, &using, "r.cause"))
}

/// The query that puts those events of a stream back into their chunks that are of the blocks in
/// [`going`] and in segments. `None`: nothing of the stream is folded.
#[must_use]
pub fn thaw_going(reorganisation: &Reorganisation, stream: &Stream) -> Option<String> {
    stream.segment.as_ref()?;
    let block = &reorganisation.block.name;
    Some(format!(
        "select {}(array_agg(g.{block}), array_agg(g.{block})) from {} g",
        history::thaw_blocks(stream),
        going(reorganisation)
    ))
}

/// The query that puts those events of a stream back that [`near`] may look for beside the blocks
/// `$1`, an array as text.
#[must_use]
pub fn thaw_near(reorganisation: &Reorganisation, stream: &Stream) -> Option<String> {
    stream.segment.as_ref()?;
    let Reorganisation { block, depth, .. } = reorganisation;
    let type_name = without_modifiers(&block.type_name);
    let range = |sign: &str| {
        format!(
            "array(select (b {sign} {depth})::{type_name} from unnest($1::text::{type_name}[]) b)"
        )
    };
    Some(format!("select {}({}, {})", history::thaw_blocks(stream), range("-"), range("+")))
}

/// The condition that the row `r` is of a replaced block.
#[must_use]
pub fn is_replaced(reorganisation: &Reorganisation) -> String {
    format!(
        "exists (select from {} b where {} and b.{STATE} = {REPLACED})",
        reorganisation.blocks,
        equal("b", "r", &names(reorganisation))
    )
}

/// The statement that takes back from the retracted events those that a marker suspended and that
/// are among the staged rows between `$1` and `$2`: they come again. Gives their orders.
#[must_use]
pub fn restore(reorganisation: &Reorganisation, staged: Staged<'_>) -> Option<String> {
    let Staged { stream, staging } = staged;
    let retracted = stream.retracted.as_ref()?;
    Some(format!(
        "with back as (delete from {retracted} x using {} r, {} b \
         where {} and {} and b.{STATE} <> {REPLACED} and x.{CAUSE} = 'reorganised' \
         returning r.{ORD}) \
         select distinct {ORD} from back",
        staging.as_stream_rows(stream),
        reorganisation.blocks,
        equal("x", "r", &stream.key),
        equal("b", "r", &names(reorganisation)),
    ))
}

/// The statement that makes the blocks of the staged rows between `$1` and `$2` known, and those
/// alive again that were suspended.
#[must_use]
pub fn register(reorganisation: &Reorganisation, staged: &[Staged<'_>]) -> String {
    let list = name::list(names(reorganisation));
    format!(
        "insert into {} as b ({list}) select distinct {list} from ({}) r order by {list} \
         on conflict ({list}) do update set {STATE} = {LIVE} where b.{STATE} = {SUSPENDED}",
        reorganisation.blocks,
        rows(reorganisation, staged),
    )
}

/// The statement that ends the waiting of suspended blocks whose number lives now with another
/// hash, among those of the staged rows between `$1` and `$2`.
#[must_use]
pub fn settle(reorganisation: &Reorganisation, staged: &[Staged<'_>]) -> String {
    let Reorganisation { blocks, hash, .. } = reorganisation;
    let number = number(reorganisation);
    format!(
        "update {blocks} o set {STATE} = {REPLACED} from (select distinct {} from ({}) r) r \
         where {} and o.{STATE} = {SUSPENDED} and exists (select from {blocks} b where {} \
         and b.{hash} <> o.{hash} and b.{STATE} = {LIVE})",
        name::list(&number),
        rows(reorganisation, staged),
        same("o", "r", &number),
        same("b", "o", &number),
        hash = hash.name,
    )
}

/// The query for the order of the first staged marker between `$1` and `$2` that the stream does
/// not have (null: none).
#[must_use]
pub fn first_marker(marker: Staged<'_>) -> String {
    let Staged { stream, staging } = marker;
    let known = if stream.key.is_empty() {
        "false".to_owned()
    } else {
        format!("exists (select from {} t where {})", stream.table, equal("t", "r", &stream.key))
    };
    format!("select min({ORD}) from {} r where not {known}", staging.as_stream_rows(stream))
}

/// The statement that notes in [`going`] the blocks that the staged marker between `$1` and `$2`
/// takes back. `None`: there is no marker.
#[must_use]
pub fn note_suspended(reorganisation: &Reorganisation, marker: Staged<'_>) -> Option<String> {
    let fork = &reorganisation.marker.as_ref()?.fork;
    let list = name::list(names(reorganisation));
    Some(format!(
        "insert into {} ({list}, cause) select distinct {}, 'reorganised' from {} r \
         join {} b on {} and b.{} >= r.{fork} and b.{STATE} = {LIVE} on conflict do nothing",
        going(reorganisation),
        name::list(names(reorganisation).iter().map(|column| format!("b.{column}"))),
        marker.staging.as_stream_rows(marker.stream),
        reorganisation.blocks,
        same("b", "r", &scope(reorganisation)),
        reorganisation.block.name,
    ))
}

/// The columns by which the events of a block are found.
#[must_use]
pub fn index(reorganisation: &Reorganisation) -> Vec<Ident> {
    number(reorganisation)
}
