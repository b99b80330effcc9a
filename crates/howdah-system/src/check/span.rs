//! Spans against their streams, and rollups of spans, or with a calendar, against what they read.

use howdah_catalog::{Ident, Relation, RelationKind};
use howdah_sql::expression::Aggregate;

use super::Check;
use super::measure::{Context, Owner, Reported, Slot, Want};
use super::{rollup, row};
use crate::column::{ColumnType, StreamColumn};
use crate::file::{
    At, CalendarSection, MeasureSection, RollupSection, SpanRollupSection, SpanSection,
};
use crate::model::{KeyColumn, Rollup, Stream, TimeType};
use crate::span::{Calendar, SpanAt, SpanRollup, Spans};
use crate::suggest;
use crate::time::Bucket;

/// The most parts into which one span may be split.
const MOST_PARTS: u32 = 10_000;

/// The column of a period's beginning, like that of a bucket.
const BUCKET: &str = "bucket";

impl Check<'_> {
    pub(super) fn spans(&mut self) {
        let file = self.file;
        for section in &file.spans {
            if let Some(spans) = self.spans_one(section) {
                self.system.spans.push(spans);
            }
        }
        for section in &file.span_rollups {
            let index = self.system.span_rollups.len();
            if let Some(rollup) = self.span_rollup(section, index) {
                let levels = rollup.rollup.levels.iter();
                self.taken_tables(&section.rollup.name, levels.map(|level| &level.table));
                self.system.span_rollups.push(rollup);
            } else {
                for asked in &mut self.asked {
                    asked.forget(Owner::Spans(index));
                }
            }
        }
        self.span_keys();
    }

    /// What is needed of every event of a stream to find it and its neighbours.
    fn span_keys(&mut self) {
        for spans in &self.system.spans {
            let stream = &mut self.system.streams[spans.stream];
            let columns = spans.by.iter().chain(&stream.order).chain(&stream.key);
            let mut key = stream.span_key.clone();
            for column in columns {
                if !key.contains(column) {
                    key.push(column.clone());
                }
            }
            stream.span_key = key;
        }
    }

    fn spans_one(&mut self, section: &SpanSection) -> Option<Spans> {
        let index = self.stream_named(section.from.as_ref()?)?;
        let stream = self.system.streams[index].clone();
        if self.file.streams.iter().any(|stream| stream.name.value == section.name.value) {
            let message = format!("\"{}\" names a stream already", section.name.value);
            self.report(section.name.problem(message).hint("Give the spans another name."));
            return None;
        }
        let by = self.span_columns(&section.by, &stream, true)?;
        let within = self.span_columns(&section.within, &stream, false)?;
        let by: Vec<Ident> =
            stream.tenant.iter().filter(|it| !by.contains(it)).cloned().chain(by.clone()).collect();
        self.span_stream(&section.name, &stream, false)?;
        if let Some(segment) = &stream.segment
            && let Some(column) = by.iter().find(|column| {
                stream.tenant.as_ref() != Some(column) && !segment.by.contains(column)
            })
        {
            let message = format!(
                "\"{}\" is not among the columns that segments of \"{}\" keep plain",
                column.as_str(),
                stream.name
            );
            self.report(section.name.problem(message).hint(
                "Neighbours in folded chunks are found by them: add it to segment.by there.",
            ));
            return None;
        }
        let filter = match &section.filter {
            None => None,
            Some(filter) => {
                let cells = row::stream_cells(&stream);
                let context = Context { owner: None, stream: &stream, cells };
                let (slot, want) = (Slot::Filter, Want::Condition);
                Some(self.expr(&context, slot, want, "where", &filter.value, &filter.place).ok()?)
            }
        };
        let longest = section.longest.as_ref().map(|it| it.value.days * 86_400 + it.value.seconds);
        Some(Spans {
            name: section.name.value.clone(),
            stream: index,
            by,
            within,
            longest,
            filter,
            alone: false,
        })
    }

    /// Columns of a stream; those of a key must not be null.
    fn span_columns(
        &mut self,
        names: &[At<String>],
        stream: &Stream,
        key: bool,
    ) -> Option<Vec<Ident>> {
        let mut found = Vec::new();
        for name in names {
            let column = Ident::new(name.value.as_str());
            match stream.column(&column) {
                None => self.no_stream_column(stream, &name.value, &name.place),
                Some(have) if key && !have.not_null => {
                    let message = format!("the column \"{}\" may be null", name.value);
                    self.report(
                        name.problem(message)
                            .hint("Neighbours are found by an index on it; declare it not null."),
                    );
                }
                Some(_) => found.push(column),
            }
        }
        (found.len() == names.len()).then_some(found)
    }

    /// What a stream needs for its events to have neighbours, or a place in a calendar.
    fn span_stream(&mut self, name: &At<String>, stream: &Stream, alone: bool) -> Option<()> {
        let what = if alone { "a calendar" } else { "spans" };
        if stream.time_type != TimeType::Timestamptz {
            let message = format!("{what} of \"{}\" need a time of type timestamptz", stream.name);
            self.report(name.problem(message));
            return None;
        }
        if stream.key.is_empty() {
            let message = format!("{what} of \"{}\" need a key of the stream", stream.name);
            self.report(name.problem(message).hint("Declare \"key\" in the stream."));
            return None;
        }
        let order = stream.order.iter().chain(&stream.key);
        let nullable =
            |column: &&Ident| stream.column(column).is_none_or(|column| !column.not_null);
        if let Some(column) = order.clone().find(nullable) {
            let message = format!(
                "\"{}\" orders the events of \"{}\" and may be null",
                column.as_str(),
                stream.name
            );
            self.report(name.problem(message).hint("Declare it not null."));
            return None;
        }
        Some(())
    }

    fn span_rollup(&mut self, section: &SpanRollupSection, index: usize) -> Option<SpanRollup> {
        let name = section.rollup.from.as_ref()?;
        let file = self.file;
        let known = file.spans.iter().any(|spans| spans.name.value == name.value);
        let spans = if known {
            self.system.spans.iter().position(|spans| spans.name == name.value)?
        } else {
            self.events_alone(&section.rollup.name, name)?
        };
        let stream = self.system.streams[self.system.spans[spans].stream].clone();
        let mut rows = self.rows(&section.rollup, &stream, spans, section.at.value)?;
        self.impossible_of_spans(section, spans);
        let calendar = match &section.calendar {
            None => None,
            Some(calendar) => Some(self.calendar(calendar, &stream, &mut rows)?),
        };
        let rollup = self.rollup_of_spans(section, index, (&rows, calendar.as_ref()), spans)?;
        Some(SpanRollup { spans, at: section.at.value, calendar, rows, rollup })
    }

    /// The events of a stream, each by itself.
    fn events_alone(&mut self, rollup: &At<String>, from: &At<String>) -> Option<usize> {
        let index = self.stream_named(from)?;
        let stream = self.system.streams[index].clone();
        self.span_stream(rollup, &stream, true)?;
        let known = |spans: &Spans| spans.alone && spans.stream == index;
        if let Some(at) = self.system.spans.iter().position(known) {
            return Some(at);
        }
        self.system.spans.push(Spans {
            name: stream.name,
            stream: index,
            by: stream.tenant.into_iter().collect(),
            within: Vec::new(),
            longest: None,
            filter: None,
            alone: true,
        });
        Some(self.system.spans.len() - 1)
    }

    /// The rows that the expressions of a rollup of spans speak of.
    fn rows(
        &mut self,
        section: &RollupSection,
        stream: &Stream,
        spans: usize,
        at: SpanAt,
    ) -> Option<Stream> {
        let mut rows = stream.clone();
        if !self.system.spans[spans].alone {
            let other = at.other();
            rows.columns.extend(stream.columns.iter().map(|column| StreamColumn {
                name: Ident::new(format!("{other}.{}", column.name.as_str())),
                ..column.clone()
            }));
            for (word, type_name) in SpanRollup::WORDS {
                if stream.column(&Ident::new(word)).is_some() {
                    let message = format!(
                        "stream \"{}\" has a column \"{word}\", which means something of the span",
                        stream.name
                    );
                    self.report(section.name.problem(message).hint("Rename the column."));
                    return None;
                }
                rows.columns.push(computed(Ident::new(word), type_name));
            }
        }
        rows.columns.push(computed(Ident::new(SpanRollup::AT), "timestamp with time zone"));
        rows.time = Ident::new(SpanRollup::AT);
        Some(rows)
    }

    /// What spans make impossible, whatever the database holds.
    fn impossible_of_spans(&mut self, section: &SpanRollupSection, spans: usize) {
        let rollup = &section.rollup;
        if let Some(check) = &rollup.check {
            self.report(
                check.problem("a rollup of spans cannot have a check").hint(
                    "A span is there when its end is; judge events in a state of the stream.",
                ),
            );
        }
        for measure in &rollup.measures {
            match measure {
                MeasureSection::Position(position) => self.report(
                    position
                        .name
                        .problem("a rollup of spans has no position")
                        .hint("Positions are folded from events; make a state of the stream."),
                ),
                MeasureSection::Aggregate(aggregate) => {
                    let kind = aggregate.text.value.aggregate;
                    let taken_away = !matches!(
                        kind,
                        Aggregate::Min
                            | Aggregate::Max
                            | Aggregate::First
                            | Aggregate::Last
                            | Aggregate::ApproxDistinct
                    );
                    if !taken_away {
                        let message = format!("{kind}() of spans cannot be kept right");
                        self.report(aggregate.text.problem(message).hint(
                            "A late event takes a span away, and only what can be taken away \
                             again can be kept: count, sum, avg, stddev, variance, quantile.",
                        ));
                    }
                }
            }
        }
        let longest = self.system.spans[spans].longest;
        let split = section.at.value == SpanAt::Split;
        if split && longest.is_none() {
            let name = self.system.spans[spans].name.clone();
            self.report(section.at.problem("spans of any length cannot be split").hint(format!(
                "Give [spans.{name}] a \"longest\", so that one event cannot make a million rows."
            )));
        }
        let finest = rollup.every.iter().flatten().map(|bucket| match bucket.value {
            Bucket::Seconds(seconds) => seconds,
            _ => 86_400,
        });
        if let (Some(longest), Some(finest), true) = (longest, finest.min(), split)
            && longest / finest > MOST_PARTS
        {
            self.report(
                section
                    .at
                    .problem(format!("a span could be split into more than {MOST_PARTS} parts"))
                    .hint(
                        "Make \"longest\" shorter, the buckets wider, or count spans at \"end\".",
                    ),
            );
        }
    }

    fn calendar(
        &mut self,
        section: &CalendarSection,
        stream: &Stream,
        rows: &mut Stream,
    ) -> Option<Calendar> {
        let name = section.table.as_ref()?;
        let Some(relation) = self.catalog.resolve(&name.value) else {
            // Says what there is instead.
            return self.table(name).and(None);
        };
        if !matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::View
        ) {
            self.report(name.problem(format!("\"{}\" is neither table nor view", name.value)));
            return None;
        }
        if stream.column(&Ident::new(BUCKET)).is_some() {
            let message = format!("stream \"{}\" has a column \"{BUCKET}\"", stream.name);
            let hint = "With a calendar that is where a period begins; rename the column.";
            self.report(name.problem(message).hint(hint));
            return None;
        }
        let period = section.period.as_ref()?;
        let found = self.calendar_column(relation, period)?;
        if self.types.plain(&found.1) != "tstzrange" {
            let message = format!("\"{}\" is of type {}", period.value, found.1);
            self.report(period.problem(message).hint("A period is a tstzrange."));
            return None;
        }
        let by = self.calendar_by(section, relation, stream)?;
        let mut key = Vec::new();
        for column in &section.key {
            let (ident, type_name) = self.calendar_column(relation, column)?;
            if rows.column(&ident).is_some() {
                let message =
                    format!("stream \"{}\" has a column \"{}\" too", stream.name, column.value);
                self.report(column.problem(message).hint("Rename one of them, perhaps in a view."));
                return None;
            }
            key.push(KeyColumn { name: ident, type_name, not_null: false });
        }
        let names = key.iter().map(|key| (key.name.clone(), key.type_name.clone()));
        let bucket = (Ident::new(BUCKET), "timestamp with time zone".to_owned());
        rows.columns.extend(names.chain([bucket]).map(|(name, kind)| computed(name, &kind)));
        Some(Calendar {
            table: relation.name.clone(),
            by,
            period: Ident::new(period.value.as_str()),
            key,
        })
    }

    /// What a calendar has in common with an event: tenant first.
    fn calendar_by(
        &mut self,
        section: &CalendarSection,
        relation: &Relation,
        stream: &Stream,
    ) -> Option<Vec<Ident>> {
        let name = section.table.as_ref()?;
        let mut by: Vec<Ident> = Vec::new();
        if let Some(tenant) = &stream.tenant {
            if relation.column(tenant.as_str()).is_none() {
                let message = format!(
                    "calendar \"{}\" has no tenant column \"{}\"",
                    name.value,
                    tenant.as_str()
                );
                self.report(name.problem(message).hint("Periods of one tenant are not another's."));
                return None;
            }
            by.push(tenant.clone());
        }
        for column in &section.by {
            self.calendar_column(relation, column)?;
            let ident = Ident::new(column.value.as_str());
            if stream.column(&ident).is_none() {
                self.no_stream_column(stream, &column.value, &column.place);
                return None;
            }
            if !by.contains(&ident) {
                by.push(ident);
            }
        }
        Some(by)
    }

    fn calendar_column(
        &mut self,
        relation: &Relation,
        name: &At<String>,
    ) -> Option<(Ident, String)> {
        let Some(column) = relation.column(&name.value) else {
            let columns = relation.columns.iter().map(|column| column.name.as_str());
            let hint = suggest::hint(&name.value, columns, "columns");
            let message =
                format!("calendar \"{}\" has no column \"{}\"", relation.name.plain(), name.value);
            self.report(name.problem(message).hint_if(hint));
            return None;
        };
        Some((column.name.clone(), column.type_name.clone()))
    }

    fn rollup_of_spans(
        &mut self,
        section: &SpanRollupSection,
        index: usize,
        (rows, calendar): (&Stream, Option<&Calendar>),
        spans: usize,
    ) -> Option<Rollup> {
        let owner = Owner::Spans(index);
        let (section, stream) = (&section.rollup, self.system.spans[spans].stream);
        let context = Context { owner: Some(owner), stream: rows, cells: row::stream_cells(rows) };
        let by = self.rollup_key(section, rows);
        let filter = self.condition(&context, section);
        let mut measures = Vec::new();
        let mut all = true;
        for measure in &section.measures {
            let MeasureSection::Aggregate(aggregate) = measure else { return None };
            match self.aggregate(&context, measures.len(), aggregate) {
                Ok(measure) => measures.push(measure),
                Err(Reported) => all = false,
            }
        }
        let levels = self.levels(section, rows);
        let mut by = by?;
        if let Some(calendar) = calendar {
            by.extend(calendar.key.iter().cloned());
            let name = Ident::new(BUCKET);
            let type_name = "timestamp with time zone".to_owned();
            by.push(KeyColumn { name, type_name, not_null: true });
        }
        self.collisions(section, rows, &by);
        let rows_column = SpanRollup::ROWS;
        if section.measures.iter().any(|measure| {
            matches!(measure, MeasureSection::Aggregate(it) if it.name.value == rows_column)
        }) {
            let message = format!("\"{rows_column}\" is a column of howdah's own");
            self.report(section.name.problem(message).hint("Give the measure another name."));
            all = false;
        }
        if !all {
            return None;
        }
        let filter = filter.transpose().ok()?;
        let blank = rollup::blank(section, stream);
        let mut rollup = Rollup { levels, by, filter, measures, ..blank };
        rollup.computed = self.computed_measures(owner, rows, &rollup, &section.computed).ok()?;
        Some(rollup)
    }
}

/// A column that no event gives.
fn computed(name: Ident, type_name: &str) -> StreamColumn {
    StreamColumn {
        name,
        type_name: type_name.to_owned(),
        kind: ColumnType::Other,
        not_null: false,
        has_default: false,
        generated: false,
        expression: None,
        collation: None,
    }
}
