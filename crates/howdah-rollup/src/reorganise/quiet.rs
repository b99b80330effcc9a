//! Batches that take nothing back: what the server must say of their blocks before their rows may
//! go straight into the chunks.
//!
//! The blocks of a batch are parameters, `$1`, `$2`, …: one array for each of [`columns`], of one
//! length. They are few beside the rows, so these statements cost little where nothing is wrong,
//! which is nearly always.

use howdah_catalog::{Ident, name};
use howdah_system::{KeyColumn, Reorganisation, Stream, System};

use super::{LIVE, REPLACED, STATE, names, near, number, once, same};
use crate::delta::without_modifiers;

/// The columns of the arrays: scope, number, hash, and what is in one block only.
#[must_use]
pub fn columns(reorganisation: &Reorganisation) -> Vec<&KeyColumn> {
    super::columns(reorganisation).into_iter().chain(&reorganisation.once).collect()
}

/// `c (…) as materialized (select * from unnest($1::…[], …))`.
fn given(reorganisation: &Reorganisation) -> String {
    let columns = columns(reorganisation);
    let parameters = columns.iter().enumerate().map(|(index, column)| {
        format!("${}::{}[]", index + 1, without_modifiers(&column.type_name))
    });
    format!(
        "c ({}) as materialized (select * from unnest({}))",
        name::list(columns.iter().map(|column| &column.name)),
        name::list(parameters),
    )
}

/// The query whether a batch with these blocks may take events back, meet events that were taken
/// back, or wake blocks that a marker suspended. False: rows of these blocks are new, or repeated,
/// and nothing else follows from them. It may be true where nothing is to be done.
#[must_use]
pub fn is_disturbed(system: &System, reorganisation: &Reorganisation) -> String {
    let Reorganisation { blocks, hash, block, .. } = reorganisation;
    let (number, all) = (number(reorganisation), names(reorganisation));
    let hash = &hash.name;
    let mut ctes = vec![
        given(reorganisation),
        format!("k as materialized (select distinct {} from c)", name::list(&all)),
    ];
    let mut signs = vec![
        format!("exists (select from k group by {} having count(*) > 1)", name::list(&number)),
        format!(
            "exists (select from k join {blocks} b on {} \
             where b.{STATE} <> case when b.{hash} = k.{hash} then {LIVE} else {REPLACED} end)",
            same("b", "k", &number)
        ),
    ];
    // An event of a block that came alive again waits there until it comes again itself.
    let streams = reorganisation.of.iter().map(|index| &system.streams[*index]);
    signs.extend(streams.filter_map(|stream| met(stream, &all)));
    if !reorganisation.once.is_empty() {
        ctes.extend(near(system, reorganisation, "k"));
        let once = name::list(once(reorganisation));
        let block = &block.name;
        signs.push(format!(
            "exists (select from (select {once}, {block}, {hash} from c \
             union select {once}, {block}, {hash} from near) u \
             group by {once} having count(*) > 1)"
        ));
    }
    format!("with {} select {}", ctes.join(", "), signs.join(" or "))
}

/// The condition that an event of one of the blocks `k` was taken back before.
fn met(stream: &Stream, all: &[Ident]) -> Option<String> {
    let retracted = stream.retracted.as_ref()?;
    Some(format!(
        "exists (select from k cross join lateral (select from {retracted} x where {} limit 1) x)",
        same("x", "k", all)
    ))
}

/// The statement that makes the blocks known; none of them may be known otherwise than alive.
#[must_use]
pub fn register(reorganisation: &Reorganisation) -> String {
    let list = name::list(names(reorganisation));
    format!(
        "with {} insert into {} ({list}) select distinct {list} from c order by {list} \
         on conflict ({list}) do nothing",
        given(reorganisation),
        reorganisation.blocks,
    )
}
