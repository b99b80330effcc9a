//! Rollups and states against the streams they read.

use howdah_catalog::name::MAX_IDENT_BYTES;
use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::Aggregate;

use super::Check;
use super::measure::{Context, Owner, POSITION_COLUMNS, Reported, Slot, Want};
use super::row;
use crate::file::{AggregateSection, At, ComputedSection, MeasureSection, RollupSection};
use crate::model::{Expr, KeyColumn, Level, Rollup, Stream, TimeType};
use crate::problem::Place;
use crate::suggest;
use crate::time::Bucket;

impl Check<'_> {
    pub(super) fn rollups(&mut self) {
        let file = self.file;
        for section in &file.rollups {
            let Some(from) = &section.from else { continue };
            let Some(stream) = self.stream_named(from) else { continue };
            let index = self.system.rollups.len();
            let read = self.system.streams[stream].clone();
            if let Some(rollup) = self.rollup(section, index, stream, &read) {
                self.taken_tables(&section.name, rollup.levels.iter().map(|level| &level.table));
                self.system.rollups.push(rollup);
            } else {
                for asked in &mut self.asked {
                    asked.forget(Owner::Rollup(index));
                }
            }
        }
    }

    fn rollup(
        &mut self,
        section: &RollupSection,
        index: usize,
        stream_index: usize,
        stream: &Stream,
    ) -> Option<Rollup> {
        let owner = Owner::Rollup(index);
        let cells = row::stream_cells(stream);
        let context = Context { owner: Some(owner), stream, cells };
        self.times(section, stream);
        let by = self.rollup_key(section, stream);
        let filter = self.condition(&context, section);
        let mut measures = Vec::new();
        let mut all = true;
        for measure in &section.measures {
            let found = match measure {
                MeasureSection::Aggregate(aggregate) => {
                    self.aggregate(&context, measures.len(), aggregate)
                }
                MeasureSection::Position(position) => {
                    self.position(&context, measures.len(), position)
                }
            };
            match found {
                Ok(measure) => measures.push(measure),
                Err(_) => all = false,
            }
        }
        let levels = self.levels(section, stream);
        let by = by?;
        self.collisions(section, stream, &by);
        if !all {
            return None;
        }
        let filter = filter.transpose().ok()?;
        let blank = blank(section, stream_index);
        let mut rollup = Rollup { levels, by, filter, measures, ..blank };
        rollup.computed = self.computed_measures(owner, stream, &rollup, &section.computed).ok()?;
        let check =
            section.check.as_ref().map(|check| self.state_check(&context, section, &rollup, check));
        rollup.check = check.transpose().ok()?;
        Some(rollup)
    }

    /// `where`, which says which events count.
    pub(super) fn condition(
        &mut self,
        context: &Context<'_>,
        section: &RollupSection,
    ) -> Option<Result<Expr, Reported>> {
        let filter = section.filter.as_ref()?;
        let (slot, want) = (Slot::Filter, Want::Condition);
        Some(self.expr(context, slot, want, "where", &filter.value, &filter.place))
    }

    /// What the type of the time column makes impossible.
    fn times(&mut self, section: &RollupSection, stream: &Stream) {
        if let Some(timezone) = &section.timezone
            && stream.time_type != TimeType::Timestamptz
        {
            let message =
                format!("a time zone needs a timestamptz; \"{}\" has none", stream.time.as_str());
            self.report(timezone.problem(message).hint("Leave \"timezone\" out."));
        }
        for bucket in section.every.iter().flatten() {
            if let (TimeType::Date, Bucket::Seconds(_)) = (stream.time_type, bucket.value) {
                let message = format!("a bucket of {} is narrower than a date", bucket.value);
                self.report(bucket.problem(message).hint("Use \"1 day\" or more."));
            }
        }
    }

    /// Tenant first, then `by`.
    pub(super) fn rollup_key(
        &mut self,
        section: &RollupSection,
        stream: &Stream,
    ) -> Option<Vec<KeyColumn>> {
        let mut key: Vec<KeyColumn> = Vec::new();
        let mut all = true;
        for name in &section.by {
            let column = Ident::new(name.value.as_str());
            if stream.column(&column).is_none() {
                self.no_stream_column(stream, &name.value, &name.place);
                all = false;
            }
        }
        let declared = section.by.iter().map(|name| Ident::new(name.value.as_str()));
        for column in stream.tenant.iter().cloned().chain(declared) {
            if let Some(found) = stream.column(&column)
                && !key.iter().any(|known| known.name == column)
            {
                key.push(KeyColumn {
                    name: column,
                    type_name: found.type_name.clone(),
                    not_null: found.not_null,
                });
            }
        }
        if key.is_empty() && all && section.is_state() {
            let message = format!("state \"{}\" has no key", section.name.value);
            self.report(
                section
                    .name
                    .problem(message)
                    .hint("Add by = [\"…\"]; only a stream with tenants can do without."),
            );
            return None;
        }
        all.then_some(key)
    }

    pub(super) fn no_stream_column(&mut self, stream: &Stream, name: &str, place: &Place) {
        let columns = stream.columns.iter().map(|column| column.name.as_str());
        let hint = suggest::hint(name, columns, "columns");
        let message = format!("stream \"{}\" has no column \"{name}\"", stream.name);
        self.report(place.problem(message).hint_if(hint));
    }

    /// The tables, finest first.
    pub(super) fn levels(&mut self, section: &RollupSection, stream: &Stream) -> Vec<Level> {
        let base = section.name.value.as_str();
        let buckets: Vec<Option<Bucket>> = match &section.every {
            None => vec![None],
            Some(every) => every.iter().map(|bucket| Some(bucket.value)).collect(),
        };
        let mut levels = Vec::new();
        for bucket in buckets {
            let name = bucket.map_or_else(|| base.to_owned(), |b| format!("{base}_{}", b.suffix()));
            self.name_length(&name, &section.name.place);
            let table = RelName { schema: stream.table.schema.clone(), name: Ident::new(name) };
            levels.push(Level { table, bucket });
        }
        levels
    }

    pub(super) fn name_length(&mut self, name: &str, place: &Place) {
        if name.len() > MAX_IDENT_BYTES {
            let message = format!("the name \"{name}\" is longer than {MAX_IDENT_BYTES} bytes");
            self.report(
                place.problem(message).hint("PostgreSQL would cut it; choose a shorter one."),
            );
        }
    }

    /// A table that two rollups, or a rollup and a stream, would share.
    pub(super) fn taken_tables<'t>(
        &mut self,
        name: &At<String>,
        tables: impl Iterator<Item = &'t RelName>,
    ) {
        let mut problems = Vec::new();
        for table in tables {
            let taken = self
                .system
                .rollups
                .iter()
                .find(|other| other.levels.iter().any(|known| known.table == *table))
                .map(|other| &other.name)
                .or_else(|| {
                    let mut derived = self.system.derived.iter();
                    derived.find(|other| other.table == *table).map(|other| &other.name)
                })
                .or_else(|| {
                    let mut others = self.system.span_rollups.iter().map(|it| &it.rollup);
                    let has =
                        |other: &&Rollup| other.levels.iter().any(|known| known.table == *table);
                    others.find(has).map(|other| &other.name)
                })
                .map(|other| format!("rollup \"{other}\""))
                .or_else(|| {
                    let mut streams = self.system.streams.iter();
                    let stream = streams.find(|stream| stream.table == *table)?;
                    Some(format!("stream \"{}\"", stream.name))
                });
            if let Some(taken) = taken {
                problems.push(name.problem(format!(
                    "the table \"{}\" already belongs to {taken}",
                    table.plain()
                )));
            }
        }
        self.problems.extend(problems);
    }

    /// Columns of the rollup's tables that would have one name: keys, the bucket, measures, and the
    /// hidden columns that `first`, `last` and `avg` need.
    pub(super) fn collisions(
        &mut self,
        section: &RollupSection,
        stream: &Stream,
        by: &[KeyColumn],
    ) {
        let mut taken: Vec<(String, String)> = by
            .iter()
            .map(|key| (key.name.as_str().to_owned(), "a key column".to_owned()))
            .collect();
        if !section.is_state() {
            taken.push(("bucket".to_owned(), "the bucket".to_owned()));
        }
        let order = stream.total_order(by);
        // Names of measures first, so that a hidden column's owner is told, not the measure.
        let mut hidden = Vec::new();
        for measure in &section.measures {
            let (name, columns) = match measure {
                MeasureSection::Aggregate(aggregate) => {
                    let AggregateSection { name, text, .. } = &**aggregate;
                    let beside = hidden_suffixes(text.value.aggregate, &order);
                    hidden.extend(beside.iter().map(|end| (name, format!("{}_{end}", name.value))));
                    (name, vec![name.value.as_str()])
                }
                MeasureSection::Position(position) => {
                    let last = order.iter().map(|column| format!("last_{}", column.as_str()));
                    hidden.extend(last.map(|column| (&position.name, column)));
                    (&position.name, POSITION_COLUMNS.map(|(column, _)| column).to_vec())
                }
            };
            for column in columns {
                let owner = format!("measure \"{}\"", name.value);
                self.take(&mut taken, column.to_owned(), owner, &name.place);
            }
        }
        for ComputedSection { name, .. } in &section.computed {
            let owner = format!("measure \"{}\"", name.value);
            self.take(&mut taken, name.value.clone(), owner, &name.place);
        }
        for (name, column) in hidden {
            let owner = format!("what measure \"{}\" keeps", name.value);
            self.take(&mut taken, column, owner, &name.place);
        }
    }

    pub(super) fn take(
        &mut self,
        taken: &mut Vec<(String, String)>,
        column: String,
        owner: String,
        place: &Place,
    ) {
        self.name_length(&column, place);
        if let Some((_, first)) = taken.iter().find(|(name, _)| *name == column) {
            let message = format!("the column \"{column}\" is both {first} and {owner}");
            self.report(place.problem(message).hint("Give the measure another name."));
        } else {
            taken.push((column, owner));
        }
    }
}

/// The endings of the columns that a measure keeps beside its value.
fn hidden_suffixes(aggregate: Aggregate, order: &[Ident]) -> Vec<&str> {
    match aggregate {
        Aggregate::First | Aggregate::Last => order.iter().map(Ident::as_str).collect(),
        Aggregate::Avg => vec!["sum", "count"],
        Aggregate::Stddev | Aggregate::Variance => vec!["count", "sum", "sum_sq"],
        Aggregate::Quantile | Aggregate::ApproxDistinct => vec!["sketch"],
        Aggregate::Count | Aggregate::Sum | Aggregate::Min | Aggregate::Max => Vec::new(),
    }
}

/// The rollup of a section as far as the section alone says it.
pub(super) fn blank(section: &RollupSection, stream: usize) -> Rollup {
    Rollup {
        name: section.name.value.clone(),
        stream,
        levels: Vec::new(),
        timezone: section.timezone.as_ref().map_or_else(|| "UTC".into(), |z| z.value.clone()),
        by: Vec::new(),
        filter: None,
        measures: Vec::new(),
        computed: Vec::new(),
        check: None,
        watched: None,
    }
}
