//! The expressions of a rollup: measures, filters, checks, and what their types must be good for.

use howdah_catalog::{Ident, RelName};
use howdah_sql::expression::{Aggregate, ExpressionText};

use super::row::{self, Cell};
use super::types::Types;
use super::{Check, ExprProblem, ExprQuestion};
use crate::file::{AggregateSection, At, ComputedSection, PositionSection, RollupSection};
use crate::model::{
    Computed, DerivedKind, Expr, Measure, MeasureKind, PositionFold, Rollup, Stream, System,
};
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

/// The rollup that an expression is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Index into `System::rollups`.
    Rollup(usize),
    /// Index into `System::derived`.
    Derived(usize),
    /// Index into `System::span_rollups`.
    Spans(usize),
}

/// Which expression of a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    Filter,
    Check,
    Computed(usize),
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
    /// `None` when the rollup has other mistakes.
    pub(super) owner: Option<Owner>,
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
    pub(super) fn forget(&mut self, owner: Owner) {
        if self.owner == Some(owner) {
            self.owner = None;
        }
    }

    pub(super) fn set_type(&self, system: &mut System, type_name: String) {
        let expr = match self.owner {
            None => None,
            Some(Owner::Rollup(index)) => {
                system.rollups.get_mut(index).and_then(|rollup| expr_of(rollup, self.slot))
            }
            Some(Owner::Spans(index)) => system
                .span_rollups
                .get_mut(index)
                .and_then(|spans| expr_of(&mut spans.rollup, self.slot)),
            Some(Owner::Derived(index)) => system.derived.get_mut(index).and_then(|derived| {
                let (measures, computed) = (&mut derived.measures, &mut derived.computed);
                match self.slot {
                    Slot::Computed(n) => computed.get_mut(n).map(|computed| &mut computed.expr),
                    Slot::MeasureFilter(n) => measures.get_mut(n)?.filter.as_mut(),
                    Slot::Argument(n) => match &mut measures.get_mut(n)?.kind {
                        DerivedKind::Rows => None,
                        DerivedKind::Count(expr) | DerivedKind::Sum(expr) => Some(expr),
                    },
                    _ => None,
                }
            }),
        };
        if let Some(expr) = expr {
            expr.type_name = type_name;
        }
    }
}

fn expr_of(rollup: &mut Rollup, slot: Slot) -> Option<&mut Expr> {
    let measures = &mut rollup.measures;
    match slot {
        Slot::Filter => rollup.filter.as_mut(),
        Slot::Check => rollup.check.as_mut(),
        Slot::Computed(n) => rollup.computed.get_mut(n).map(|computed| &mut computed.expr),
        Slot::MeasureFilter(n) => measures.get_mut(n)?.filter.as_mut(),
        Slot::Argument(n) => argument(&mut measures.get_mut(n)?.kind),
        Slot::Side(n) | Slot::Quantity(n) | Slot::Price(n) | Slot::Fee(n) => {
            let MeasureKind::Position(fold) = &mut measures.get_mut(n)?.kind else { return None };
            match slot {
                Slot::Side(_) => Some(&mut fold.side),
                Slot::Quantity(_) => Some(&mut fold.quantity),
                Slot::Price(_) => Some(&mut fold.price),
                _ => fold.fee.as_mut(),
            }
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
        | MeasureKind::Last(expr)
        | MeasureKind::Stddev(expr)
        | MeasureKind::Variance(expr)
        | MeasureKind::Quantile(_, expr)
        | MeasureKind::ApproxDistinct(expr) => Some(expr),
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
    /// `None`: the answer about a type goes nowhere.
    pub(super) owner: Option<Owner>,
    pub(super) stream: &'s Stream,
    pub(super) cells: Vec<Cell>,
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
        let known: Vec<&str> = context.cells.iter().map(|cell| cell.name.as_str()).collect();
        let mut all = true;
        for used in &text.columns {
            if !known.contains(&used.name.as_str()) {
                let at = place.inside(&text.text, used.range.start);
                let kept = match slot {
                    Slot::Check => Some("the state has no column"),
                    Slot::Computed(_) => Some("the rollup stores no column"),
                    _ => None,
                };
                if let Some(message) = kept {
                    let hint = suggest::hint(&used.name, known.iter().copied(), "columns");
                    let message = format!("{message} \"{}\"", used.name);
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
        let plain = text.plain_column.as_deref();
        let plain = context.cells.iter().find(|cell| Some(cell.name.as_str()) == plain);
        let asked = Asked {
            owner: context.owner,
            slot,
            want,
            what: what.to_owned(),
            text: text.text.clone(),
            place: place.clone(),
        };
        let rows = || row::row(&Ident::new("r"), &context.cells);
        self.typed(text, plain, asked, rows)
    }

    /// The expression with its type, when it is a column of a known one; else the type is asked.
    pub(super) fn typed(
        &mut self,
        text: &ExpressionText,
        plain: Option<&Cell>,
        asked: Asked,
        rows: impl FnOnce() -> String,
    ) -> Result<Expr, Reported> {
        let columns: Vec<Ident> = text.column_names().into_iter().map(Ident::new).collect();
        let mut expr = Expr { text: text.text.clone(), columns, type_name: String::new() };
        if let Some(type_name) = plain.and_then(|cell| cell.type_name.as_deref()) {
            // A rollup's column needs no domain: its values passed the domain in the stream.
            expr.type_name = self.types.base(type_name);
            if let Some(problem) = asked.wrong_type(&self.types, &expr.type_name) {
                self.report(problem);
                return Err(Reported);
            }
            return Ok(expr);
        }
        self.questions.push(ExprQuestion {
            rows: rows(),
            text: text.text.clone(),
            want_boolean: asked.want == Want::Condition,
        });
        self.asked.push(asked);
        Ok(expr)
    }

    /// The measures that are computed from those of `rollup`.
    pub(super) fn computed_measures(
        &mut self,
        owner: Owner,
        stream: &Stream,
        rollup: &Rollup,
        sections: &[ComputedSection],
    ) -> Result<Vec<Computed>, Reported> {
        let mut cells = row::stored_cells(&self.types, stream, rollup);
        if !rollup.is_state() {
            let bucket = stream.column(&stream.time).map(|column| column.type_name.clone());
            cells.extend(bucket.map(|kind| Cell::typed(Ident::new("bucket"), kind)));
        }
        let context = Context { owner: Some(owner), stream, cells };
        let mut out = Vec::new();
        let mut all = true;
        for (n, section) in sections.iter().enumerate() {
            let text = &section.text;
            if self.computed_twice(sections, section) {
                all = false;
                continue;
            }
            let what = format!("measure \"{}\"", section.name.value);
            let slot = Slot::Computed(n);
            match self.expr(&context, slot, Want::Anything, &what, &text.value, &text.place) {
                Ok(expr) => {
                    out.push(Computed { name: Ident::new(section.name.value.as_str()), expr });
                }
                Err(Reported) => all = false,
            }
        }
        if all { Ok(out) } else { Err(Reported) }
    }

    /// Reports a computed measure that is computed from another: PostgreSQL's generated columns
    /// stand on stored ones only (manual, "5.4. Generated Columns").
    pub(super) fn computed_twice(
        &mut self,
        sections: &[ComputedSection],
        section: &ComputedSection,
    ) -> bool {
        let ExpressionText { text, columns, .. } = &section.text.value;
        let twice =
            columns.iter().find(|used| sections.iter().any(|other| other.name.value == used.name));
        let Some(used) = twice else { return false };
        let at = section.text.place.inside(text, used.range.start);
        self.report(
            at.problem(format!("\"{}\" is itself computed", used.name))
                .hint("Write its expression out here: a computed measure reads stored ones."),
        );
        true
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
            Aggregate::Avg | Aggregate::Stddev | Aggregate::Variance | Aggregate::Quantile => {
                Want::Number
            }
            Aggregate::Min | Aggregate::Max => Want::Ordered,
            Aggregate::Count | Aggregate::First | Aggregate::Last | Aggregate::ApproxDistinct => {
                Want::Anything
            }
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
            (Aggregate::Stddev, Some(expr)) => MeasureKind::Stddev(expr),
            (Aggregate::Variance, Some(expr)) => MeasureKind::Variance(expr),
            (Aggregate::Quantile, Some(expr)) => {
                MeasureKind::Quantile(text.value.fraction.clone().unwrap_or_default(), expr)
            }
            (Aggregate::ApproxDistinct, Some(expr)) => MeasureKind::ApproxDistinct(expr),
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
        rollup: &Rollup,
        check: &At<ExpressionText>,
    ) -> Result<Expr, Reported> {
        let mut cells = row::stored_cells(&self.types, context.stream, rollup);
        cells.extend(row::generated_cells(&self.types, context.stream, rollup));
        let table = RelName {
            schema: context.stream.table.schema.clone(),
            name: Ident::new(section.name.value.as_str()),
        };
        if let Some(existing) = self.catalog.relation(&table) {
            for column in &existing.columns {
                if !cells.iter().any(|cell| cell.name == column.name) {
                    cells.push(Cell::typed(column.name.clone(), column.type_name.clone()));
                }
            }
        }
        for name in check.value.column_names() {
            let event = context.cells.iter().find(|cell| cell.name.as_str() == name);
            if let Some(event) = event
                && !cells.iter().any(|cell| cell.name.as_str() == name)
            {
                cells.push(event.clone());
            }
        }
        let context = Context { cells, ..*context };
        self.expr(&context, Slot::Check, Want::Condition, "check", &check.value, &check.place)
    }
}
