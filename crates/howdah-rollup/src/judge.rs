//! Which event of a batch would break the check of a state.
//!
//! Every staged event that is not a duplicate gets the state as it would stand right after it: the
//! stored row merged with a running aggregate over the batch in stream order. The first event whose
//! check is false is the one to refuse; the events before it are right whatever follows. So the
//! verdict of an event depends on the events before it and never on how the batch was cut.
//!
//! The legs of an event have the same order, and the window's frame ends behind the last of them:
//! an event is judged by what all its legs leave behind.

use howdah_catalog::{Ident, name};
use howdah_error::{Error, Result};
use howdah_system::{Rollup, Stream};

use crate::column::{ColumnRole, RollupColumns, columns};
use crate::staging::{ORD, Staging};
use crate::table::same_key;

/// A column of a state's table that howdah does not keep, and the SQL of its default: a limit that
/// the application sets, for instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignColumn {
    /// Its name.
    pub name: Ident,
    /// What a row that is not there yet would have: the default, or `null`, with the type.
    pub default: String,
}

/// The query that gives, for the staged rows between `$1` and `$2` in stream order, the order of
/// the first event that would break the check of `rollup` (null: none).
///
/// # Errors
/// The state has a check and a measure whose running value SQL cannot give (`first`, `last`,
/// `position`).
pub fn first_refused(
    stream: &Stream,
    rollup: &Rollup,
    foreign: &[ForeignColumn],
    staging: &Staging,
) -> Result<Option<String>> {
    let Some(check) = &rollup.check else { return Ok(None) };
    let RollupColumns { stored, generated } = columns(stream, rollup);
    if let Some(column) = stored
        .iter()
        .find(|column| matches!(column.role, ColumnRole::End { .. } | ColumnRole::Position))
    {
        return Err(Error::input(format!(
            "state \"{}\" has a check and keeps {}, which cannot be judged event by event",
            rollup.name, column.name
        ))
        .hint("Keep first, last and position in a state of their own, without a check."));
    }
    let keys: Vec<&Ident> = rollup.by.iter().map(|key| &key.name).collect();
    let key_list = name::list(&keys);
    let filter = rollup.filter.as_ref().map(|f| format!(" where {}", f.text)).unwrap_or_default();
    let running = stored.iter().map(|column| {
        format!("{} over howdah_so_far as {}", column.aggregate(&[], false), column.name)
    });
    let merged = stored.iter().map(|column| {
        format!(
            "case when s.howdah_here then {} else w.{} end as {}",
            column.merge("s", "w"),
            column.name,
            column.name
        )
    });
    let merged = merged.chain(foreign.iter().map(|column| {
        let name = &column.name;
        format!("case when s.howdah_here then s.{name} else {} end as {name}", column.default)
    }));
    let expressions = generated
        .iter()
        .map(|column| format!(", {} as {}", column.expression, column.name))
        .collect::<String>();
    let matching = same_key("s", "w", &rollup.by);
    let of_state = |name: &Ident| {
        keys.contains(&name)
            || stored.iter().any(|column| column.name == *name)
            || generated.iter().any(|column| column.name == *name)
            || foreign.iter().any(|column| column.name == *name)
    };
    let event: Vec<&Ident> = check.columns.iter().filter(|name| !of_state(name)).collect();
    Ok(Some(format!(
        "with candidate as ({}),\n\
         w as (select {ORD}, {key_list}, {} from candidate{filter} \
         window howdah_so_far as (partition by {key_list} order by {ORD} \
         range unbounded preceding)),\n\
         m as (select w.{ORD}, {}, {} from w left join \
         (select *, true as howdah_here from {}) s on {matching})\n\
         select min({ORD}) from (select m.*{expressions} from m) v where not ({})",
        candidates(stream, staging),
        name::list(running.chain(event.iter().map(ToString::to_string))),
        name::list(keys.iter().map(|key| format!("w.{key}"))),
        name::list(merged.chain(event.iter().map(|name| format!("w.{name}")))),
        rollup.levels[0].table,
        check.text,
    )))
}

/// The staged rows that an insert would add: not in the stream yet, and the first of their key in
/// the batch.
fn candidates(stream: &Stream, staging: &Staging) -> String {
    let rows = staging.as_stream_rows(stream);
    if stream.key.is_empty() {
        return format!("select * from {rows} c");
    }
    let matching = stream
        .key
        .iter()
        .map(|column| format!("t.{column} = c.{column}"))
        .collect::<Vec<_>>()
        .join(" and ");
    format!(
        "select * from (select c.*, row_number() over (partition by {} order by {ORD}) \
         as howdah_repeat from {rows} c) c where howdah_repeat = 1 \
         and not exists (select from {} t where {matching})",
        name::list(&stream.key),
        stream.table,
    )
}

/// The query that gives, for the staged rows between `$1` and `$2`, the order of those that an
/// insert would pass over, and whether the stream has them already (else they repeat an earlier
/// one of the batch). `None`: the stream has no key, or one that events do not give.
#[must_use]
pub fn repeated(stream: &Stream, staging: &Staging) -> Option<String> {
    if stream.key.is_empty() {
        return None;
    }
    let keys: Vec<(&Ident, String)> =
        stream.key.iter().map(|key| Some((key, staging.value(key)?))).collect::<Option<_>>()?;
    let values = keys.iter().map(|(key, value)| format!("{value} as {key}"));
    let matching: Vec<String> = keys.iter().map(|(key, _)| format!("t.{key} = k.{key}")).collect();
    Some(format!(
        "select {ORD}, howdah_here from (select k.*, \
         row_number() over (partition by {} order by {ORD}) as howdah_repeat, \
         exists (select from {} t where {}) as howdah_here \
         from (select s.{ORD}, {} from {} s where s.{ORD} between $1 and $2) k) c \
         where howdah_repeat > 1 or howdah_here",
        name::list(&stream.key),
        stream.table,
        matching.join(" and "),
        name::list(values),
        staging.table(),
    ))
}

/// The query that gives the keys of the staged rows between `$1` and `$2`: one row with, for each
/// key column, an array as text, and one of the values of `block`. `None`: the stream has no key.
#[must_use]
pub fn staged_keys(stream: &Stream, staging: &Staging, block: Option<&Ident>) -> Option<String> {
    let arrays = stream.key.iter().map(|key| format!("array_agg(r.{key})::text"));
    let arrays = arrays.chain(block.map(|block| format!("array_agg(distinct r.{block})::text")));
    let rows = staging.as_stream_rows(stream);
    (!stream.key.is_empty()).then(|| format!("select {} from {rows} r", name::list(arrays)))
}

/// The query that gives, for the staged rows between `$1` and `$2`, the order of those for which
/// one of `conditions` (the constraints of the stream's table) is false.
#[must_use]
pub fn broken(stream: &Stream, staging: &Staging, conditions: &[String]) -> String {
    let broken: Vec<String> =
        conditions.iter().map(|condition| format!("({condition}) is false")).collect();
    let any = if broken.is_empty() { "false".to_owned() } else { broken.join(" or ") };
    format!("select {ORD} from {} r where {any}", staging.as_stream_rows(stream))
}
