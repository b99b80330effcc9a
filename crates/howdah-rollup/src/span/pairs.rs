//! Events and their neighbours: the spans that a batch takes away and those that it adds.
//!
//! Around each event that came or went stand the event before and the one behind it, looked up by
//! an index. With them in order, what was there before the batch gives the old spans, what is there
//! now the new ones. Between two neighbours of different events there may be others that were not
//! looked at; such a pair is the same before and after, and is left out.

use howdah_catalog::{Ident, Literal, RelName, name};
use howdah_system::{Spans, Stream, System};

use super::{CAME, NO, SIGN, moved, temporary_column};
use crate::retract::joined;

/// Statistics of temporary tables are guesses, and the plan is kept: rows are found by index one by
/// one where that is said (`lateral`), everything else is hashed.
pub(super) const PLAN: &str = "set local enable_nestloop = off; set local enable_seqscan = off";
pub(super) const PLAN_FREELY: &str =
    "set local enable_nestloop to default; set local enable_seqscan to default";

/// Where recent and folded events of a stream are read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The view.
    pub view: RelName,
}

/// The temporary table of the spans that changed.
pub(super) fn table(spans: &Spans) -> RelName {
    RelName { schema: Ident::new("pg_temp"), name: name::fitting("howdah_pairs", &spans.name) }
}

/// The columns of the stream that anything made of the spans reads, in the stream's order.
pub(super) fn used(system: &System, spans: usize) -> Vec<&Ident> {
    let of = &system.spans[spans];
    let stream = &system.streams[of.stream];
    let mut named: Vec<String> = Vec::new();
    let finding = of.by.iter().chain(&of.within).chain(&stream.order).chain(&stream.key);
    named.extend(finding.map(|column| column.as_str().to_owned()));
    for rollup in system.rollups_of_spans(spans) {
        let prefix = format!("{}.", rollup.at.other());
        let by = rollup.rollup.by.iter().map(|key| &key.name);
        let by = by.chain(rollup.calendar.iter().flat_map(|calendar| &calendar.by));
        let read = crate::fold::expressions(&rollup.rollup).flat_map(|expr| &expr.columns);
        for column in by.chain(read) {
            let column = column.as_str();
            let own = column.strip_prefix(&prefix).filter(|_| !of.alone).unwrap_or(column);
            named.push(own.to_owned());
        }
    }
    let is_named = |column: &&Ident| named.iter().any(|name| name == column.as_str());
    stream.columns.iter().map(|column| &column.name).filter(is_named).collect()
}

/// The places of some columns among those that are used.
pub(super) fn places(used: &[&Ident], columns: &[Ident]) -> Vec<usize> {
    columns.iter().filter_map(|name| used.iter().position(|known| *known == name)).collect()
}

/// The statement that makes [`table`].
pub(super) fn create(system: &System, spans: usize) -> String {
    let of = &system.spans[spans];
    let stream = &system.streams[of.stream];
    let used = used(system, spans);
    let sides: &[&str] = if of.alone { &["b"] } else { &["b", "e"] };
    let columns = sides.iter().flat_map(|side| {
        used.iter().enumerate().filter_map(move |(n, column)| {
            Some(temporary_column(format!("{side}{n}"), stream.column(column)?))
        })
    });
    format!(
        "create temporary table if not exists {} ({SIGN} integer not null, {}) \
         on commit delete rows",
        table(of).name,
        name::list(columns)
    )
}

/// What the texts of one kind of spans are put together from.
struct Texts<'a> {
    stream: &'a Stream,
    spans: &'a Spans,
    used: Vec<&'a Ident>,
    /// What orders the events of one key.
    order: Vec<Ident>,
}

impl<'a> Texts<'a> {
    fn new(system: &'a System, spans: usize) -> Self {
        let of = &system.spans[spans];
        let stream = &system.streams[of.stream];
        Self { stream, spans: of, used: used(system, spans), order: of.order(stream) }
    }

    /// `c0, c1, …`.
    fn c(&self, alias: &str) -> String {
        name::list((0..self.used.len()).map(|n| format!("{alias}c{n}")))
    }

    /// `PREFIXn` of some columns.
    fn at(&self, columns: &[Ident], prefix: &str) -> Vec<String> {
        places(&self.used, columns).into_iter().map(|n| format!("{prefix}{n}")).collect()
    }

    fn filter(&self) -> String {
        self.spans.filter.as_ref().map(|it| format!(" and ({})", it.text)).unwrap_or_default()
    }

    /// The condition that a row `p` of the points and one of used columns are of one event.
    fn same_event(&self, row: &str) -> String {
        let places = self.at(&self.stream.key, &format!("{row}.c"));
        joined(self.stream.key.iter().zip(places).map(|(key, c)| format!("p.{key} = {c}")), " and ")
    }

    /// The events of the key of `p` in a relation, on one side of `p`, nearest first.
    fn beside(&self, relation: &RelName, side: &Side, more: &str) -> String {
        let Side { compare, time, direction, limit } = side;
        let columns = self.used.iter().enumerate().map(|(n, column)| format!("s.{column} as c{n}"));
        let by = self.spans.by.iter().map(|column| format!("s.{column} = p.{column}"));
        let of =
            |alias: &str| name::list(self.order.iter().map(|column| format!("{alias}.{column}")));
        let at = &self.stream.time;
        // The time alone finds the chunk.
        let near =
            [format!("s.{at} {time} p.{at}"), format!("({}) {compare} ({})", of("s"), of("p"))];
        format!(
            "select {} from {relation} s where {}{}{more} order by {} limit {limit}",
            name::list(columns),
            joined(by.chain(near), " and "),
            self.filter(),
            name::list(self.order.iter().map(|column| format!("s.{column}{direction}"))),
        )
    }

    /// The event itself, if it is there, and those behind it: two in all.
    fn ahead(&self, history: Option<&History>) -> String {
        let side = Side { compare: ">=", time: ">=", direction: "", limit: 2 };
        let recent = &self.stream.table;
        let Some(history) = history else { return self.beside(recent, &side, "") };
        let (at, fence) = (&self.stream.time, self.fence());
        // What is behind an event that lies behind the fence lies there too.
        format!(
            "(select * from ({} ) r) union all (select * from ({}) h)",
            self.beside(recent, &side, &format!(" and p.{at} >= {fence}")),
            self.beside(&history.view, &side, &format!(" and p.{at} < {fence}")),
        )
    }

    /// The event before it.
    fn behind(&self, history: Option<&History>) -> String {
        let side = Side { compare: "<", time: "<=", direction: " desc", limit: 1 };
        let recent = &self.stream.table;
        let Some(history) = history else { return self.beside(recent, &side, "") };
        let (at, fence) = (&self.stream.time, self.fence());
        let unfolded = self.beside(recent, &side, &format!(" and s.{at} >= {fence}"));
        format!(
            "(select * from ({unfolded}) r) union all (select * from ({}) h)",
            self.beside(&history.view, &side, &format!(" and not exists ({unfolded})")),
        )
    }

    /// The time before which events may be folded.
    fn fence(&self) -> String {
        format!(
            "(select coalesce(max(timestamptz '2000-01-01 00:00:00+00' + \
             fenced_us * interval '1 microsecond'), '-infinity') from howdah.folds \
             where stream = {})",
            Literal(&self.stream.table.to_string())
        )
    }

    /// The spans of the rows of `source` (with `c0, c1, …` and `howdah_point`).
    fn pairs_of(&self, source: &str) -> String {
        let columns = (0..self.used.len())
            .map(|n| format!("c{n} as b{n}, lead(c{n}) over w as e{n}"))
            .chain(["howdah_point as bp, lead(howdah_point) over w as ep".to_owned()]);
        format!(
            "select {} from {source} window w as (partition by {} order by {})",
            name::list(columns),
            name::list(self.at(&self.spans.by, "c")),
            name::list(self.at(&self.order, "c")),
        )
    }

    /// The condition that a pair is a span.
    fn is_span(&self) -> String {
        is_span(self.stream, self.spans, &self.used)
    }
}

/// The condition that a row of `b0, e0, …` is a span: there is a next event, and none of the
/// columns of `within` differs.
fn is_span(stream: &Stream, spans: &Spans, used: &[&Ident]) -> String {
    let time = places(used, std::slice::from_ref(&stream.time));
    let ends = time.into_iter().map(|n| format!("e{n} is not null"));
    let within = places(used, &spans.within).into_iter();
    let within = within.map(|n| format!("b{n} is not distinct from e{n}"));
    joined(ends.chain(within), " and ")
}

/// One side of an event.
struct Side {
    compare: &'static str,
    time: &'static str,
    direction: &'static str,
    limit: u32,
}

/// The statement that puts into [`table`] the spans that changed, by the events that came and went.
pub(super) fn changed(system: &System, spans: usize, history: Option<&History>) -> String {
    let texts = Texts::new(system, spans);
    let key = name::list(&texts.stream.key);
    let points = format!(
        "points as materialized (select distinct on ({key}) m.* from {} m order by {key}, {NO})",
        moved(texts.stream)
    );
    if texts.spans.alone {
        return texts.changed_alone(&points);
    }
    let mut ctes = vec![points];
    ctes.extend(texts.around(history));
    ctes.push(format!("was as materialized ({})", texts.pairs_of(&texts.was())));
    ctes.push(format!("now_is as materialized ({})", texts.pairs_of(&texts.now_is())));
    let columns =
        name::list((0..texts.used.len()).flat_map(|n| [format!("b{n}"), format!("e{n}")]));
    let arm = |sign: &str, of: &str, other: &str| {
        let same = places(&texts.used, &texts.stream.key).into_iter();
        let same = same.flat_map(|n| [format!("o.b{n} = d.b{n}"), format!("o.e{n} = d.e{n}")]);
        format!(
            "select {sign}, {columns} from {of} d where {} and (bp or ep or not exists \
             (select from {other} o where {}))",
            texts.is_span(),
            joined(same, " and ")
        )
    };
    format!(
        "with {} insert into {} ({SIGN}, {columns}) {} union all {}",
        ctes.join(",\n"),
        table(texts.spans),
        arm("-1", "was", "now_is"),
        arm("1", "now_is", "was"),
    )
}

impl Texts<'_> {
    /// The CTEs that find the events around each point: `around` has each once.
    fn around(&self, history: Option<&History>) -> [String; 3] {
        let c_key = name::list(self.at(&self.stream.key, "c"));
        [
            format!(
                "ahead as materialized (select n.*, ({}) as howdah_own from points p \
                 cross join lateral ({}) n)",
                self.same_event("n"),
                self.ahead(history)
            ),
            // What stands behind an event that came has that event before it.
            format!(
                "starts as materialized (select p.* from points p where not exists \
                 (select from ahead a where not a.howdah_own and {}))",
                self.same_event("a")
            ),
            format!(
                "around as materialized (select distinct on ({c_key}) {columns} from \
                 (select {columns} from ahead union all select {of_n} from starts p \
                 cross join lateral ({behind}) n) x order by {c_key})",
                columns = self.c(""),
                of_n = self.c("n."),
                behind = self.behind(history)
            ),
        ]
    }

    /// The events as they were before the batch.
    fn was(&self) -> String {
        let stayed = format!(
            "select {}, false as howdah_point from around a where not exists \
             (select from points p where {})",
            self.c("a."),
            self.same_event("a")
        );
        if self.stream.retracted.is_none() {
            return format!("({stayed}) w");
        }
        let columns = name::list(self.used.iter().map(|column| format!("p.{column}")));
        let filter = self.filter();
        format!(
            "({stayed} union all select {columns}, true from points p \
             where not p.{CAME}{filter}) w"
        )
    }

    /// The events as they are now.
    fn now_is(&self) -> String {
        format!(
            "(select {}, p.{} is not null as howdah_point from around a \
             left join points p on {}) i",
            self.c("a."),
            self.stream.key[0],
            self.same_event("a")
        )
    }

    /// Events by themselves: those that went, and those that are there.
    fn changed_alone(&self, points: &str) -> String {
        let of = |alias: &str| name::list(self.used.iter().map(|it| format!("{alias}.{it}")));
        let key = self.stream.key.iter().map(|key| format!("s.{key} = p.{key}"));
        let mut rows = format!(
            "select 1, {} from points p cross join lateral \
             (select * from {} s where {} limit 1) s",
            of("s"),
            self.stream.table,
            joined(key, " and ")
        );
        if self.stream.retracted.is_some() {
            rows.push_str(&format!(
                " union all select -1, {} from points p where not p.{CAME}",
                of("p")
            ));
        }
        let columns = (0..self.used.len()).map(|n| format!("b{n}"));
        format!(
            "with {points} insert into {} ({SIGN}, {}) {rows}",
            table(self.spans),
            name::list(columns)
        )
    }
}

/// All spans, as rows like those of [`table`], from the events of `relation`.
pub(super) fn all(system: &System, spans: usize, relation: &RelName) -> String {
    let texts = Texts::new(system, spans);
    let used = || texts.used.iter().enumerate();
    let filter = texts.spans.filter.as_ref();
    let filter = filter.map(|it| format!(" where ({})", it.text)).unwrap_or_default();
    if texts.spans.alone {
        let columns = used().map(|(n, column)| format!("{column} as b{n}"));
        return format!("select 1 as {SIGN}, {} from {relation}", name::list(columns));
    }
    let columns =
        used().map(|(n, column)| format!("{column} as b{n}, lead({column}) over w as e{n}"));
    format!(
        "select 1 as {SIGN}, x.* from (select {} from {relation}{filter} \
         window w as (partition by {} order by {})) x where {}",
        name::list(columns),
        name::list(&texts.spans.by),
        name::list(&texts.order),
        texts.is_span()
    )
}
