//! Spans as the rows that the expressions of a rollup speak of: whole, or in parts.

use howdah_catalog::{Ident, Literal, name};
use howdah_system::{Bucket, Calendar, SpanAt, SpanRollup, Stream, System};

use super::SIGN;
use super::pairs::{places, used};
use crate::bucket::bucket_sql;
use crate::retract::joined;

/// The rows of a level of `rollup`, from spans (`source`: a relation like the table of pairs).
pub(super) fn rows(system: &System, rollup: &SpanRollup, level: usize, source: &str) -> String {
    let spans = &system.spans[rollup.spans];
    let stream = &system.streams[spans.stream];
    let used = used(system, rollup.spans);
    let time = places(&used, std::slice::from_ref(&stream.time));
    let time = time.first().copied().unwrap_or_default();
    let (begin, end) = (format!("q.b{time}"), format!("q.e{time}"));
    let (plain, other) = if rollup.at == SpanAt::End { ("e", "b") } else { ("b", "e") };
    let mut columns: Vec<String> = vec![format!("q.{SIGN}")];
    columns.extend(used.iter().enumerate().map(|(n, column)| format!("q.{plain}{n} as {column}")));
    let mut row =
        Row { inner: format!("select p.* from {source} p"), beside: String::new(), columns };
    if spans.alone {
        row.column(&begin, SpanRollup::AT);
    } else {
        let prefix = rollup.at.other();
        row.columns.extend(used.iter().enumerate().map(|(n, column)| {
            format!("q.{other}{n} as {}", Ident::new(format!("{prefix}.{}", column.as_str())))
        }));
        let bare = |column: &str| column.trim_start_matches("q.").to_owned();
        let (b, e) = (bare(&begin), bare(&end));
        let (stop, cut) = match spans.longest {
            Some(seconds) => (
                format!("least(p.{e}, p.{b} + interval '{seconds} seconds')"),
                format!("p.{e} > p.{b} + interval '{seconds} seconds'"),
            ),
            None => (format!("p.{e}"), "false".to_owned()),
        };
        row.inner =
            format!("select p.*, {stop} as howdah_stop, {cut} as howdah_cut from {source} p");
        row.column("q.howdah_cut", "cut");
        let counted_at = if rollup.at == SpanAt::End { &end } else { &begin };
        match (rollup.at, rollup.rollup.levels[level].bucket) {
            (SpanAt::Split, Some(bucket)) => {
                row.split(&buckets(stream, rollup, bucket, &begin), &begin);
            }
            (SpanAt::Split, None) => {}
            _ => {
                row.column(&format!("extract(epoch from q.howdah_stop - {begin})"), "seconds");
                row.column("true", "begins");
                row.column("not q.howdah_cut", "ends");
                row.column(counted_at, SpanRollup::AT);
            }
        }
    }
    if let Some(calendar) = &rollup.calendar {
        let counted_at = if rollup.at == SpanAt::End { &end } else { &begin };
        let of_event = |column: &Ident| {
            let place = places(&used, std::slice::from_ref(column));
            format!("q.{plain}{}", place.first().copied().unwrap_or_default())
        };
        row.periods(calendar, rollup.at, of_event, (&begin, counted_at));
    }
    format!("select {} from ({}) q{}", name::list(&row.columns), row.inner, row.beside)
}

/// A query in the making.
struct Row {
    /// What gives `q`.
    inner: String,
    /// What is joined to it.
    beside: String,
    columns: Vec<String>,
}

/// A sub-query that gives `part_start`, `part_end` and `part_from`, `part_to` of each part of `q`.
impl Row {
    fn column(&mut self, value: &str, name: &str) {
        self.columns.push(format!("{value} as {}", Ident::new(name)));
    }

    /// The columns of parts; `x` gives `part_start` and `part_end`.
    fn split(&mut self, parts: &str, begin: &str) {
        self.beside.push_str(&format!(" cross join lateral ({parts}) x"));
        let (from, to) = (
            format!("greatest({begin}, x.part_start)"),
            "least(q.howdah_stop, x.part_end)".to_owned(),
        );
        self.column(&format!("extract(epoch from {to} - {from})"), "seconds");
        self.column(&format!("{from} = {begin}"), "begins");
        self.column(&format!("({to} = q.howdah_stop and not q.howdah_cut)"), "ends");
        self.column("x.part_start", SpanRollup::AT);
    }

    /// The periods of the calendar that a span, or an event, belongs to.
    fn periods(
        &mut self,
        calendar: &Calendar,
        at: SpanAt,
        of_event: impl Fn(&Ident) -> String,
        (begin, counted_at): (&str, &str),
    ) {
        let period = format!("c.{}", calendar.period);
        let same = calendar.by.iter().map(|column| format!("c.{column} = {}", of_event(column)));
        let meets = if at == SpanAt::Split {
            // A span without length is at its moment.
            format!(
                "{period} && tstzrange({begin}, q.howdah_stop, \
                 case when {begin} = q.howdah_stop then '[]' else '[)' end)"
            )
        } else {
            format!("{period} @> {counted_at}")
        };
        let keys = calendar.key.iter().map(|key| format!("c.{} as {}", key.name, key.name));
        let parts = format!(
            "select {} from {} c where {} and not lower_inf({period})",
            name::list(
                [
                    format!("lower({period}) as part_start"),
                    format!("coalesce(upper({period}), 'infinity') as part_end"),
                ]
                .into_iter()
                .chain(keys)
            ),
            calendar.table,
            joined(same.chain([meets]), " and ")
        );
        if at == SpanAt::Split {
            self.split(&parts, begin);
        } else {
            self.beside.push_str(&format!(" cross join lateral ({parts}) x"));
        }
        self.columns.extend(calendar.key.iter().map(|key| format!("x.{}", key.name)));
        self.column("x.part_start", "bucket");
    }
}

/// The buckets that a span meets.
fn buckets(stream: &Stream, rollup: &SpanRollup, bucket: Bucket, begin: &str) -> String {
    let timezone = rollup.rollup.timezone.as_str();
    let first = bucket_sql(bucket, begin, stream.time_type, timezone);
    let width = bucket.interval();
    // The first bucket is met by a span without length too.
    let met = "part_start < q.howdah_stop or part_start <= ";
    if let Bucket::Seconds(_) = bucket {
        return format!(
            "select part_start, part_start + interval '{width}' as part_end \
             from generate_series({first}, q.howdah_stop, interval '{width}') g(part_start) \
             where {met}{begin}"
        );
    }
    // Steps are taken in local time, so that a day of 23 or 25 hours is one step.
    let zone = Literal(timezone);
    let field = bucket.trunc_field().unwrap_or("day");
    format!(
        "select * from (select l at time zone {zone} as part_start, \
         (l + interval '{width}') at time zone {zone} as part_end from generate_series(\
         date_trunc('{field}', {begin} at time zone {zone}), q.howdah_stop at time zone {zone}, \
         interval '{width}') g(l)) g where {met}{begin}"
    )
}
