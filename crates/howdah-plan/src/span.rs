//! The views of open spans: the last event of each key, and how long ago it was.

use howdah_catalog::name::stable_hash;
use howdah_catalog::{Catalog, Ident, Literal, RelName, name};
use howdah_system::{Spans, Stream, System};

use crate::roles::{Wanted, push_grants};
use crate::step::{Plan, Step};

/// The view of the spans that have no end yet: `machine_time_open`.
#[must_use]
pub fn open_view(system: &System, spans: &Spans) -> RelName {
    let schema = system.streams[spans.stream].table.schema.clone();
    RelName { schema, name: Ident::new(format!("{}_open", spans.name)) }
}

pub(crate) fn plan(plan: &mut Plan, system: &System, catalog: &Catalog) {
    for spans in system.spans.iter().filter(|spans| !spans.alone) {
        let stream = &system.streams[spans.stream];
        let view = open_view(system, spans);
        let query = query(stream, spans);
        let comment = format!(
            "howdah: spans of {} that have no end yet {:016x}",
            stream.table.plain(),
            stable_hash(&query)
        );
        let have = catalog.relation(&view);
        if have.is_none_or(|have| have.comment.as_deref() != Some(&comment)) {
            let mut step = create(&view, stream, &query, &comment);
            // A view that is made again has lost its grants.
            let readers = [&system.roles.reader, &system.roles.writer].into_iter();
            let readers = readers.filter(|role| have.is_some() && catalog.roles.contains_key(role));
            step.sql.extend(readers.map(|role| format!("grant select on {view} to {role}")));
            plan.steps.push(step);
        }
        let reads = [&system.roles.reader, &system.roles.writer]
            .map(|role| Wanted::relation(&view, role, "SELECT"));
        let what = view.plain();
        push_grants(plan, catalog, &format!("grants {what}"), &what, &reads);
    }
}

/// The newest event of each key comes first by the index that finds neighbours.
fn query(stream: &Stream, spans: &Spans) -> String {
    let (by, time) = (name::list(&spans.by), &stream.time);
    let order = spans.order(stream);
    let order = name::list(order.iter().map(|column| format!("{column} desc")));
    let filter = spans.filter.as_ref();
    let filter = filter.map(|it| format!(" where ({})", it.text)).unwrap_or_default();
    let columns = name::list(stream.columns.iter().map(|column| &column.name));
    let stop = match spans.longest {
        Some(seconds) => format!("least(now(), {time} + interval '{seconds} seconds')"),
        None => "now()".to_owned(),
    };
    format!(
        "select distinct on ({by}) {columns}, \
         greatest(extract(epoch from {stop} - {time}), 0) as seconds \
         from {}{filter} order by {by}, {order}",
        stream.table
    )
}

fn create(view: &RelName, stream: &Stream, query: &str, comment: &str) -> Step {
    Step::new(
        format!("view {}", view.plain()),
        format!("make the view {} of the open spans of {}", view.plain(), stream.table.plain()),
        vec![
            format!("drop view if exists {view}"),
            format!("create view {view} with (security_invoker = true) as {query}"),
            format!("comment on view {view} is {}", Literal(comment)),
        ],
    )
    .undo(vec![format!("drop view {view}")])
    .check(format!(
        "select coalesce(obj_description(to_regclass({}), 'pg_class') = {}, false)",
        Literal(&view.to_string()),
        Literal(comment)
    ))
}
