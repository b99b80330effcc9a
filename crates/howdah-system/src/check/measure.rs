//! The expressions of a rollup: measures, filters, checks, and what their types must be good for.

use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::{Aggregate, ExpressionText};

use super::types::Types;
use super::{Check, ExprProblem, ExprQuestion};
use crate::file::{AggregateSection, At, PositionSection, RollupSection};
use crate::model::{Expr, KeyColumn, Measure, MeasureKind, PositionFold, Stream, System};
use crate::problem::{Place, Problem};
use crate::suggest;

/// The columns that `position = { … }` makes, with their types.
pub(super) const POSITION_COLUMNS: [(&str, &str); 5] = [
    ("quantity", "numeric"),
    ("entry_price", "numeric"),
    ("realised", "numeric"),
    ("fees", "numeric"),
    ("fills", "bigint"),
];

/// Which expression of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
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
pub(super) enum Want {
    Anything,
    Condition,
    Number,
    Summable,
    Ordered,
    Side,
}

/// One question to the server: whose type it is and what it must be.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The rollup's index; `None` when it has other mistakes.
    pub(super) rollup: Option<usize>,
    pub(super) slot: Slot,
    pub(super) want: Want,
    pub(super) what: String,
    pub(super) text: String,
    pub(super) place: Place,
}

impl Asked {
    pub(super) fn refused(&self, problem: &ExprProblem) -> Problem {
        let place = self.place.inside(&self.text, problem.offset.unwrap_or(0));
        place.problem(format!("{}: {}", self.what, problem.message))
    }

    pub(super) fn wrong_type(&self, types: &Types, type_name: &str) -> Option<Problem> {
        wrong_type(types, self.want, &self.what, type_name, &self.place)
    }

    /// The rollup has mistakes: the answer is still looked at, but goes nowhere.
    pub(super) fn forget_rollup(&mut self, index: usize) {
        if self.rollup == Some(index) {
            self.rollup = None;
        }
    }

    pub(super) fn set_type(&self, system: &mut System, type_name: String) {
        let rollup = self.rollup.and_then(|index| system.rollups.get_mut(index));
        let Some(rollup) = rollup else { return };
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
        Want::Summable => (
            types.is_numeric(type_name) || types.plain(type_name) == "interval",
            "needs a number or an interval",
        ),
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

/// A mistake was found and is among the problems already.
#[derive(Debug)]
pub(super) struct Reported;

/// The rollup that is being checked, and the row that its expressions speak of.
pub(super) struct Context<'s> {
    pub(super) index: usize,
    pub(super) stream: &'s Stream,
    pub(super) columns: Vec<(Ident, String)>,
}

impl Check<'_> {
    /// An expression over the stream: its columns are there; its type is known or asked.
    pub(super) fn expr(
        &mut self,
        context: &Context<'_>,
        slot: Slot,
        want: Want,
        what: &str,
        text: &ExpressionText,
        place: &Place,
    ) -> Result<Expr, Reported> {
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
            return Err(Reported);
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
                return Err(Reported);
            }
            return Ok(expr);
        }
        self.questions.push(ExprQuestion {
            columns: context.columns.clone(),
            text: text.text.clone(),
            want_boolean: want == Want::Condition,
        });
        self.asked.push(Asked {
            rollup: Some(context.index),
            slot,
            want,
            what: what.to_owned(),
            text: text.text.clone(),
            place: place.clone(),
        });
        Ok(expr)
    }

    pub(super) fn aggregate(
        &mut self,
        context: &Context<'_>,
        index: usize,
        section: &AggregateSection,
    ) -> Result<Measure, Reported> {
        let AggregateSection { name, text, written } = section;
        let within = |part: &ExpressionText| {
            let at = text.place.inside(written, part.offset);
            Place { body: text.place.body.map(|_| (at.line, at.column)), ..at }
        };
        let aggregate = text.value.aggregate;
        let what = format!("{aggregate}()");
        let want = match aggregate {
            Aggregate::Sum => Want::Summable,
            Aggregate::Avg => Want::Number,
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
        let (argument, filter) = (argument.transpose()?, filter.transpose()?);
        let kind = match (aggregate, argument) {
            (Aggregate::Count, None) => MeasureKind::CountAll,
            (_, None) => return Err(Reported),
            (Aggregate::Count, Some(expr)) => MeasureKind::Count(expr),
            (Aggregate::Sum, Some(expr)) => MeasureKind::Sum(expr),
            (Aggregate::Avg, Some(expr)) => MeasureKind::Avg(expr),
            (Aggregate::Min, Some(expr)) => MeasureKind::Min(expr),
            (Aggregate::Max, Some(expr)) => MeasureKind::Max(expr),
            (Aggregate::First, Some(expr)) => MeasureKind::First(expr),
            (Aggregate::Last, Some(expr)) => MeasureKind::Last(expr),
        };
        Ok(Measure { name: Ident::new(name.value.as_str()), kind, filter })
    }

    pub(super) fn position(
        &mut self,
        context: &Context<'_>,
        index: usize,
        section: &PositionSection,
    ) -> Result<Measure, Reported> {
        let mut part = |slot, want, what, text: &Option<At<ExpressionText>>| {
            let text = text.as_ref().ok_or(Reported)?;
            self.expr(context, slot, want, what, &text.value, &text.place)
        };
        let side = part(Slot::Side(index), Want::Side, "side", &section.side);
        let quantity = part(Slot::Quantity(index), Want::Number, "quantity", &section.quantity);
        let price = part(Slot::Price(index), Want::Number, "price", &section.price);
        let fee = section
            .fee
            .as_ref()
            .map(|_| part(Slot::Fee(index), Want::Number, "fee", &section.fee))
            .transpose();
        let fold = PositionFold { side: side?, quantity: quantity?, price: price?, fee: fee? };
        Ok(Measure {
            name: Ident::new(section.name.value.as_str()),
            kind: MeasureKind::Position(Box::new(fold)),
            filter: None,
        })
    }

    /// A state's check speaks of the state's own row, and of the event that is being judged where
    /// the state has no column of that name.
    pub(super) fn state_check(
        &mut self,
        context: &Context<'_>,
        section: &RollupSection,
        by: &[KeyColumn],
        measures: &[Measure],
        check: &At<ExpressionText>,
    ) -> Result<Expr, Reported> {
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
        for name in check.value.column_names() {
            let event = context.columns.iter().find(|(column, _)| column.as_str() == name);
            if let Some(event) = event
                && !columns.iter().any(|(column, _)| column.as_str() == name)
            {
                columns.push(event.clone());
            }
        }
        let context = Context { columns, ..*context };
        self.expr(&context, Slot::Check, Want::Condition, "check", &check.value, &check.place)
    }
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
        MeasureKind::Sum(expr) if types.plain(&expr.type_name) == "interval" => {
            "interval".to_owned()
        }
        MeasureKind::Avg(expr)
            if ["real", "double precision"].contains(&expr.type_name.as_str()) =>
        {
            "double precision".to_owned()
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
