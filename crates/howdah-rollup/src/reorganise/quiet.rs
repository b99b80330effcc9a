//! Batches that take nothing back: what the server must say of their blocks before their rows may
//! go straight into the chunks.
//!
//! The blocks of a batch are parameters, `$1`, `$2`, …: one array for each of [`columns`], of one
//! length. They are few beside the rows, so these statements cost little where nothing is wrong,
//! which is nearly always.

use howdah_catalog::{Ident, name};
use howdah_system::{KeyColumn, Reorganisation, System};

use super::{LIVE, REPLACED, STATE, events_near, names, number, once, stretches, within_stretches};
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
///
/// What is there already of these blocks is read by ranges and held against them by hashed
/// subqueries, which is what `not in` always is: a join would be planned for the few rows that the
/// planner expects of an array, and ask a thousand times.
#[must_use]
pub fn is_disturbed(system: &System, reorganisation: &Reorganisation) -> String {
    let Reorganisation { blocks, hash, block, .. } = reorganisation;
    let (number, all) = (number(reorganisation), names(reorganisation));
    let ctes = [
        given(reorganisation),
        format!("k as materialized (select distinct {} from c)", name::list(&all)),
        stretches(reorganisation, "k"),
    ];
    let known = all.iter().cloned().chain([Ident::new(STATE)]);
    let mut signs = vec![
        format!("exists (select from k group by {} having count(*) > 1)", name::list(&number)),
        format!(
            "exists (select from ({}) t where not {} \
             and t.{STATE} <> case when {} then {REPLACED} else {LIVE} end)",
            within_stretches(reorganisation, blocks, known),
            not_in("k", &number),
            not_in("k", &all),
        ),
    ];
    // An event of a block that came alive again waits there until it comes again itself.
    let streams = reorganisation.of.iter().map(|index| &system.streams[*index]);
    signs.extend(streams.filter_map(|stream| stream.retracted.as_ref()).map(|retracted| {
        format!(
            "exists (select from ({}) t where not {})",
            within_stretches(reorganisation, retracted, all.iter().cloned()),
            not_in("k", &all),
        )
    }));
    if !reorganisation.once.is_empty() {
        let once = once(reorganisation);
        let there: Vec<Ident> = once.iter().chain([&block.name, &hash.name]).cloned().collect();
        let once_list = name::list(&once);
        signs.push(format!(
            "exists (select from (select distinct {} from c) c group by {once_list} \
             having count(*) > 1)",
            name::list(&there)
        ));
        // Most events that are near are of the batch itself, or of its transactions.
        signs.push(format!(
            "exists (select from ({}) t where {} and not {})",
            events_near(system, reorganisation),
            not_in("c", &there),
            not_in("c", &once),
        ));
    }
    format!("with {} select {}", name::list(ctes), signs.join(" or "))
}

/// The condition that the row `t` has other values in these columns than every row of a relation.
fn not_in(relation: &str, columns: &[Ident]) -> String {
    let of_row = name::list(columns.iter().map(|column| format!("t.{column}")));
    format!("(({of_row}) not in (select {} from {relation}))", name::list(columns))
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
