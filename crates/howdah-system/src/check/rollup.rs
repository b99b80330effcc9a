//! Rollups and states against the streams they read.

use howdah_catalog::name::MAX_IDENT_BYTES;
use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::{Aggregate, ExpressionText, MeasureText};

use super::types::Types;
use super::{Check, ExprProblem, ExprQuestion};
use crate::file::{At, MeasureSection, PositionSection, RollupSection};
use crate::model::{
    Expr, KeyColumn, Level, Measure, MeasureKind, PositionFold, Rollup, Stream, System, TimeType,
};
use crate::problem::{Place, Problem};
use crate::suggest;
use crate::time::Bucket;

/// The columns that `position = { … }` makes, with their types.
const POSITION_COLUMNS: [(&str, &str); 5] = [
    ("quantity", "numeric"),
    ("entry_price", "numeric"),
    ("realised", "numeric"),
    ("fees", "numeric"),
    ("fills", "bigint"),
];

/// Which expression of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Filter,
    Check,
    MeasureFilter(usize),
    Argument(usize),
    Side(usize),
    Quantity(usize),
    Price(usize),
    Fee(usize),
}

/// What a type must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Anything,
    Condition,
    Number,
    Ordered,
    Side,
}

/// One question to the server: whose type it is and what it must be.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    rollup: usize,
    slot: Slot,
    want: Want,
    what: String,
    text: String,
    place: Place,
}

impl Asked {
    pub(super) fn refused(&self, problem: &ExprProblem) -> Problem {
        let place = self.place.inside(&self.text, problem.offset.unwrap_or(0));
        place.problem(format!("{}: {}", self.what, problem.message))
    }

    pub(super) fn wrong_type(&self, types: &Types, type_name: &str) -> Option<Problem> {
        wrong_type(types, self.want, &self.what, type_name, &self.place)
    }

    pub(super) fn set_type(&self, system: &mut System, type_name: String) {
        let Some(rollup) = system.rollups.get_mut(self.rollup) else { return };
        let expr = match self.slot {
            Slot::Filter => rollup.filter.as_mut(),
            Slot::Check => rollup.check.as_mut(),
            Slot::MeasureFilter(n) => rollup.measures.get_mut(n).and_then(|m| m.filter.as_mut()),
            Slot::Argument(n) => rollup.measures.get_mut(n).and_then(|m| argument(&mut m.kind)),
            Slot::Side(n) | Slot::Quantity(n) | Slot::Price(n) | Slot::Fee(n) => {
                match rollup.measures.get_mut(n).map(|measure| &mut measure.kind) {
                    Some(MeasureKind::Position(fold)) => match self.slot {
                        Slot::Side(_) => Some(&mut fold.side),
                        Slot::Quantity(_) => Some(&mut fold.quantity),
                        Slot::Price(_) => Some(&mut fold.price),
                        _ => fold.fee.as_mut(),
                    },
                    _ => None,
                }
            }
        };
        if let Some(expr) = expr {
            expr.type_name = type_name;
        }
    }
}

fn argument(kind: &mut MeasureKind) -> Option<&mut Expr> {
    match kind {
        MeasureKind::Count(expr)
        | MeasureKind::Sum(expr)
        | MeasureKind::Avg(expr)
        | MeasureKind::Min(expr)
        | MeasureKind::Max(expr)
        | MeasureKind::First(expr)
        | MeasureKind::Last(expr) => Some(expr),
        MeasureKind::CountAll | MeasureKind::Position(_) => None,
    }
}

fn wrong_type(
    types: &Types,
    want: Want,
    what: &str,
    type_name: &str,
    place: &Place,
) -> Option<Problem> {
    let (fits, needed) = match want {
        Want::Anything => (true, ""),
        Want::Condition => (types.plain(type_name) == "boolean", "must be a condition"),
        Want::Number => (types.is_numeric(type_name), "needs a number"),
        Want::Ordered => (types.has_min_and_max(type_name), "needs a type that has min and max"),
        Want::Side => {
            (types.is_text_or_enum(type_name), "needs a text or enum of \"buy\" and \"sell\"")
        }
    };
    if fits {
        return None;
    }
    Some(place.problem(format!("{what} {needed}, not {type_name}")))
}

/// The rollup that is being checked.
struct Context<'s> {
    index: usize,
    stream: &'s Stream,
    columns: Vec<(Ident, String)>,
}

impl Check<'_> {
    pub(super) fn rollups(&mut self) {
        let file = self.file;
        for section in &file.rollups {
            let Some(from) = &section.from else { continue };
            let Some(stream) = self.stream_named(from) else { continue };
            let index = self.system.rollups.len();
            let read = self.system.streams[stream].clone();
            if let Some(rollup) = self.rollup(section, index, stream, &read) {
                self.taken_tables(section, &rollup);
                self.system.rollups.push(rollup);
            } else {
                // Its questions have no rollup to answer to.
                let first = self.asked.iter().position(|asked| asked.rollup == index);
                let first = first.unwrap_or(self.asked.len());
                self.asked.truncate(first);
                self.questions.truncate(first);
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
        let columns =
            stream.columns.iter().map(|c| (c.name.clone(), c.type_name.clone())).collect();
        let context = Context { index, stream, columns };
        self.times(section, stream);
        let by = self.rollup_key(section, stream);
        let filter = section.filter.as_ref().map(|filter| {
            let what = "where";
            self.expr(&context, Slot::Filter, Want::Condition, what, &filter.value, &filter.place)
        });
        let mut measures = Vec::new();
        let mut all = true;
        for measure in &section.measures {
            let found = match measure {
                MeasureSection::Aggregate { name, text, written } => {
                    self.aggregate(&context, measures.len(), name, text, written)
                }
                MeasureSection::Position(position) => {
                    self.position(&context, measures.len(), position)
                }
            };
            match found {
                Some(measure) => measures.push(measure),
                None => all = false,
            }
        }
        let levels = self.levels(section, stream);
        let by = by?;
        self.collisions(section, stream, &by);
        if !all {
            return None;
        }
        let check = section
            .check
            .as_ref()
            .map(|check| self.state_check(&context, section, &by, &measures, check));
        Some(Rollup {
            name: section.name.value.clone(),
            stream: stream_index,
            levels,
            timezone: section.timezone.as_ref().map_or_else(|| "UTC".into(), |z| z.value.clone()),
            by,
            filter: flatten(filter)?,
            measures,
            check: flatten(check)?,
        })
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
    fn rollup_key(&mut self, section: &RollupSection, stream: &Stream) -> Option<Vec<KeyColumn>> {
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

    fn no_stream_column(&mut self, stream: &Stream, name: &str, place: &Place) {
        let columns = stream.columns.iter().map(|column| column.name.as_str());
        let hint = suggest::hint(name, columns, "columns");
        let message = format!("stream \"{}\" has no column \"{name}\"", stream.name);
        self.report(place.problem(message).hint_if(hint));
    }

    /// An expression over the stream: its columns are there; its type is known or asked.
    fn expr(
        &mut self,
        context: &Context<'_>,
        slot: Slot,
        want: Want,
        what: &str,
        text: &ExpressionText,
        place: &Place,
    ) -> Option<Expr> {
        let known: Vec<&str> = context.columns.iter().map(|(name, _)| name.as_str()).collect();
        let mut all = true;
        for used in &text.columns {
            if !known.contains(&used.name.as_str()) {
                let at = place.inside(&text.text, used.range.start);
                if slot == Slot::Check {
                    let hint = suggest::hint(&used.name, known.iter().copied(), "columns");
                    let message = format!("the state has no column \"{}\"", used.name);
                    self.report(at.problem(message).hint_if(hint));
                } else {
                    self.no_stream_column(context.stream, &used.name, &at);
                }
                all = false;
            }
        }
        if !all {
            return None;
        }
        let columns: Vec<Ident> = text.column_names().into_iter().map(Ident::new).collect();
        let mut expr = Expr { text: text.text.clone(), columns, type_name: String::new() };
        let plain = text.plain_column.as_deref();
        if let Some((_, type_name)) =
            context.columns.iter().find(|(name, _)| Some(name.as_str()) == plain)
        {
            // A rollup's column needs no domain: its values passed the domain in the stream.
            expr.type_name = self.types.base(type_name);
            if let Some(problem) = wrong_type(&self.types, want, what, &expr.type_name, place) {
                self.report(problem);
                return None;
            }
            return Some(expr);
        }
        self.questions.push(ExprQuestion {
            columns: context.columns.clone(),
            text: text.text.clone(),
            want_boolean: want == Want::Condition,
        });
        self.asked.push(Asked {
            rollup: context.index,
            slot,
            want,
            what: what.to_owned(),
            text: text.text.clone(),
            place: place.clone(),
        });
        Some(expr)
    }

    fn aggregate(
        &mut self,
        context: &Context<'_>,
        index: usize,
        name: &At<String>,
        text: &At<MeasureText>,
        written: &str,
    ) -> Option<Measure> {
        let within = |part: &ExpressionText| {
            let at = text.place.inside(written, part.offset);
            Place { body: text.place.body.map(|_| (at.line, at.column)), ..at }
        };
        let aggregate = text.value.aggregate;
        let what = format!("{aggregate}()");
        let want = match aggregate {
            Aggregate::Sum | Aggregate::Avg => Want::Number,
            Aggregate::Min | Aggregate::Max => Want::Ordered,
            Aggregate::Count | Aggregate::First | Aggregate::Last => Want::Anything,
        };
        let argument = text.value.argument.as_ref().map(|argument| {
            let place = within(argument);
            self.expr(context, Slot::Argument(index), want, &what, argument, &place)
        });
        let filter = text.value.filter.as_ref().map(|filter| {
            let (slot, place) = (Slot::MeasureFilter(index), within(filter));
            self.expr(context, slot, Want::Condition, "filter", filter, &place)
        });
        let (argument, filter) = (flatten(argument)?, flatten(filter)?);
        let kind = match (aggregate, argument) {
            (Aggregate::Count, None) => MeasureKind::CountAll,
            (_, None) => return None,
            (Aggregate::Count, Some(expr)) => MeasureKind::Count(expr),
            (Aggregate::Sum, Some(expr)) => MeasureKind::Sum(expr),
            (Aggregate::Avg, Some(expr)) => MeasureKind::Avg(expr),
            (Aggregate::Min, Some(expr)) => MeasureKind::Min(expr),
            (Aggregate::Max, Some(expr)) => MeasureKind::Max(expr),
            (Aggregate::First, Some(expr)) => MeasureKind::First(expr),
            (Aggregate::Last, Some(expr)) => MeasureKind::Last(expr),
        };
        Some(Measure { name: Ident::new(name.value.as_str()), kind, filter })
    }

    fn position(
        &mut self,
        context: &Context<'_>,
        index: usize,
        section: &PositionSection,
    ) -> Option<Measure> {
        let mut part = |slot, want, what, text: &Option<At<ExpressionText>>| {
            let text = text.as_ref()?;
            self.expr(context, slot, want, what, &text.value, &text.place)
        };
        let side = part(Slot::Side(index), Want::Side, "side", &section.side);
        let quantity = part(Slot::Quantity(index), Want::Number, "quantity", &section.quantity);
        let price = part(Slot::Price(index), Want::Number, "price", &section.price);
        let fee = part(Slot::Fee(index), Want::Number, "fee", &section.fee);
        if section.fee.is_some() && fee.is_none() {
            return None;
        }
        let fold = PositionFold { side: side?, quantity: quantity?, price: price?, fee };
        Some(Measure {
            name: Ident::new(section.name.value.as_str()),
            kind: MeasureKind::Position(Box::new(fold)),
            filter: None,
        })
    }

    /// A state's check speaks of the state's own row.
    fn state_check(
        &mut self,
        context: &Context<'_>,
        section: &RollupSection,
        by: &[KeyColumn],
        measures: &[Measure],
        check: &At<ExpressionText>,
    ) -> Option<Expr> {
        let mut columns: Vec<(Ident, String)> =
            by.iter().map(|key| (key.name.clone(), key.type_name.clone())).collect();
        for measure in measures {
            if let MeasureKind::Position(_) = measure.kind {
                columns.extend(
                    POSITION_COLUMNS.map(|(name, kind)| (Ident::new(name), kind.to_owned())),
                );
            } else {
                columns.push((measure.name.clone(), result_type(&self.types, &measure.kind)));
            }
        }
        let table = RelName {
            schema: context.stream.table.schema.clone(),
            name: Ident::new(section.name.value.as_str()),
        };
        if let Some(existing) = self.catalog.relation(&table) {
            for column in &existing.columns {
                if !columns.iter().any(|(name, _)| *name == column.name) {
                    columns.push((column.name.clone(), column.type_name.clone()));
                }
            }
        }
        let context = Context { columns, ..*context };
        self.expr(&context, Slot::Check, Want::Condition, "check", &check.value, &check.place)
    }

    /// The tables, finest first.
    fn levels(&mut self, section: &RollupSection, stream: &Stream) -> Vec<Level> {
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

    fn name_length(&mut self, name: &str, place: &Place) {
        if name.len() > MAX_IDENT_BYTES {
            let message = format!("the name \"{name}\" is longer than {MAX_IDENT_BYTES} bytes");
            self.report(
                place.problem(message).hint("PostgreSQL would cut it; choose a shorter one."),
            );
        }
    }

    /// A table that two rollups, or a rollup and a stream, would share.
    fn taken_tables(&mut self, section: &RollupSection, rollup: &Rollup) {
        let mut problems = Vec::new();
        for level in &rollup.levels {
            let taken = self
                .system
                .rollups
                .iter()
                .find(|other| other.levels.iter().any(|known| known.table == level.table))
                .map(|other| format!("rollup \"{}\"", other.name))
                .or_else(|| {
                    let mut streams = self.system.streams.iter();
                    let stream = streams.find(|stream| stream.table == level.table)?;
                    Some(format!("stream \"{}\"", stream.name))
                });
            if let Some(taken) = taken {
                problems.push(section.name.problem(format!(
                    "the table \"{}\" already belongs to {taken}",
                    level.table.plain()
                )));
            }
        }
        self.problems.extend(problems);
    }

    /// Columns of the rollup's tables that would have one name: keys, the bucket, measures, and the
    /// hidden columns that `first`, `last` and `avg` need.
    fn collisions(&mut self, section: &RollupSection, stream: &Stream, by: &[KeyColumn]) {
        let mut taken: Vec<(String, String)> = by
            .iter()
            .map(|key| (key.name.as_str().to_owned(), "a key column".to_owned()))
            .collect();
        if !section.is_state() {
            taken.push(("bucket".to_owned(), "the bucket".to_owned()));
        }
        // Names of measures first, so that a hidden column's owner is told, not the measure.
        let mut hidden = Vec::new();
        for measure in &section.measures {
            let (name, columns) = match measure {
                MeasureSection::Aggregate { name, text, .. } => {
                    hidden.extend(hidden_columns(name, text.value.aggregate, stream));
                    (name, vec![name.value.as_str()])
                }
                MeasureSection::Position(position) => {
                    (&position.name, POSITION_COLUMNS.map(|(column, _)| column).to_vec())
                }
            };
            for column in columns {
                let owner = format!("measure \"{}\"", name.value);
                self.take(&mut taken, column.to_owned(), owner, &name.place);
            }
        }
        for (name, column) in hidden {
            let owner = format!("what measure \"{}\" keeps", name.value);
            self.take(&mut taken, column, owner, &name.place);
        }
    }

    fn take(
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

/// What a measure keeps beside its value.
fn hidden_columns<'a>(
    name: &'a At<String>,
    aggregate: Aggregate,
    stream: &Stream,
) -> Vec<(&'a At<String>, String)> {
    let suffixes: Vec<&str> = match aggregate {
        Aggregate::First | Aggregate::Last => stream.order.iter().map(Ident::as_str).collect(),
        Aggregate::Avg => vec!["sum", "count"],
        Aggregate::Count | Aggregate::Sum | Aggregate::Min | Aggregate::Max => Vec::new(),
    };
    suffixes.into_iter().map(|suffix| (name, format!("{}_{suffix}", name.value))).collect()
}

/// The type of a measure's column. A type that the server has not told yet is taken as numeric.
fn result_type(types: &Types, kind: &MeasureKind) -> String {
    match kind {
        MeasureKind::CountAll | MeasureKind::Count(_) => "bigint".to_owned(),
        MeasureKind::Sum(expr)
            if ["smallint", "integer"].contains(&types.plain(&expr.type_name).as_str()) =>
        {
            "bigint".to_owned()
        }
        MeasureKind::Min(expr)
        | MeasureKind::Max(expr)
        | MeasureKind::First(expr)
        | MeasureKind::Last(expr)
            if !expr.type_name.is_empty() =>
        {
            expr.type_name.clone()
        }
        _ => "numeric".to_owned(),
    }
}

/// Nothing wanted is fine; wanted and not had is not.
fn flatten<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(found) => found.map(Some),
    }
}
