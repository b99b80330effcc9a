//! The view and the functions of a stream's history: made when segments are declared, and anew when
//! the stream's columns change.

use howdah_catalog::{Catalog, Ident, Literal, name};
use howdah_rollup::history;
use howdah_system::{Stream, System};

use crate::step::{Action, Plan, Step};

/// The steps for those streams whose view is not there, or has other columns.
pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog) {
    for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
        let columns: Vec<&str> = stream.columns.iter().map(|it| it.name.as_str()).collect();
        let have = catalog
            .relation(&history::view(stream))
            .map(|view| view.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
        if have.as_ref() != Some(&columns) {
            plan.steps.push(step(stream));
        }
    }
}

fn step(stream: &Stream) -> Step {
    let view = history::view(stream);
    let list = name::list(stream.columns.iter().map(|column| &column.name));
    let mut step = Step::new(
        format!("history {}", stream.table.plain()),
        format!("make the view {} and the functions beside it", view.plain()),
        vec![format!(
            "create view {view} with (security_invoker = true) as select {list} from {}",
            stream.table
        )],
    )
    .undo(vec![format!("drop function {}", history::between(stream)), format!("drop view {view}")])
    .check(check(stream));
    step.action = Action::Readers { stream: stream.name.clone() };
    step
}

/// Whether the view has the columns of the stream's table, in their order.
fn check(stream: &Stream) -> String {
    let columns = |relation: &str| {
        format!(
            "(select array_agg(attname order by attnum) from pg_catalog.pg_attribute \
             where attrelid = to_regclass({}) and attnum > 0 and not attisdropped)",
            Literal(relation)
        )
    };
    let view = history::view(stream).to_string();
    let between: &Ident = &history::between(stream).name;
    format!(
        "select coalesce({} = {}, false) and exists (select from pg_catalog.pg_proc \
         where proname = {})",
        columns(&view),
        columns(&stream.table.to_string()),
        Literal(between.as_str())
    )
}
