//! Accumulators: what a group's rows come to, one by one and merged.

use std::cmp::Ordering;

use howdah_catalog::Ident;
use howdah_rollup::column::{ColumnRole, End, RollupColumn};
use howdah_sql::expression::{Tree, parse_tree};

use crate::fault::Fault;
use crate::numeric::Decimal;
use crate::tuple::{Arg, Builder, RawField, Values, field};
use crate::types::{NamedType, Type, Width};
use crate::value::{Comparer, Value};

const RANGE: Fault = Fault("bigint out of range");
const TYPES: Fault = Fault("a measure has another type than was compiled");
const COLLATION: Fault = Fault("two events of one time are ordered by texts of a collation");
const ORDER: Fault = Fault("a column of the order of events cannot be read");

/// One aggregate over rows.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(crate) filter: Option<Arg>,
    pub(crate) aggregate: Aggregate,
}

#[derive(Debug, Clone)]
pub(crate) enum Aggregate {
    CountAll,
    Count(Arg),
    /// Into `bigint`.
    SumWhole(Arg),
    /// Into `numeric`.
    Sum(Arg),
    Extreme(Ordering, Arg, Comparer),
    /// The row at one end of the order; its values are looked up when all rows are seen.
    End(End),
}

/// What an aggregate has come to.
#[derive(Debug, Clone)]
pub(crate) enum Acc<'a> {
    Count(i64),
    Whole(Option<i64>),
    Sum(Option<Decimal>),
    Extreme(Value<'a>),
    Row(Option<u32>),
}

/// A stored column: which accumulator it shows, and as which type.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) measure: usize,
    pub(crate) kind: Type,
    /// The value of the row at the end, for `first` and `last`.
    pub(crate) of_row: Option<OfRow>,
}

#[derive(Debug, Clone)]
pub(crate) enum OfRow {
    Field(RawField),
    Computed(Arg),
}

/// The total order of the events of a group.
#[derive(Debug, Clone)]
pub(crate) struct EventOrder {
    /// Whether its first column is the stream's time.
    by_time: bool,
    columns: Vec<(RawField, Option<Comparer>)>,
}

/// The rows of a batch.
pub(crate) struct Rows<'r, 'a> {
    pub(crate) tuples: &'r [&'a [u8]],
    pub(crate) times: Vec<i64>,
}

impl EventOrder {
    pub(crate) fn new(builder: &Builder<'_>, order: &[Ident]) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(order.len());
        for name in order {
            let raw = builder.raw(name)?;
            let by = match &raw.kind {
                Type::Text(_) => Comparer::order(&raw.kind).ok(),
                kind => Some(Comparer::order(kind)?),
            };
            columns.push((raw, by));
        }
        let by_time = order.first() == Some(&builder.stream.time);
        let nullable = |name| builder.stream.column(name).is_none_or(|column| !column.not_null);
        if order.first().is_none_or(nullable) {
            return Err("an order of events that begins with a column that may be null".to_owned());
        }
        Ok(Self { by_time, columns })
    }

    /// Which of two rows comes first; null comes after everything, as in `order by`.
    fn compare(&self, rows: &Rows<'_, '_>, a: u32, b: u32) -> Result<Ordering, Fault> {
        let (a, b) = (a as usize, b as usize);
        let mut columns = self.columns.as_slice();
        if self.by_time {
            let order = rows.times[a].cmp(&rows.times[b]);
            if order.is_ne() {
                return Ok(order);
            }
            columns = &columns[1..];
        }
        for (raw, by) in columns {
            let of = |row: usize| raw.bytes(field(rows.tuples[row], raw.field));
            let order = match (of(a), of(b)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) if a == b => Ordering::Equal,
                (Some(a), Some(b)) => match by {
                    Some(by) => by.compare(&raw.decode.value(a)?, &raw.decode.value(b)?),
                    None => digits(a, b).ok_or(COLLATION)?,
                },
            };
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    }
}

/// The order of two numbers of one length, written out: the same in every collation.
fn digits(a: &[u8], b: &[u8]) -> Option<Ordering> {
    let all = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    (a.len() == b.len() && all(a) && all(b)).then(|| a.cmp(b))
}

/// The measures behind the stored columns of a rollup; columns that show one aggregate share it.
pub(crate) fn compile(
    builder: &mut Builder<'_>,
    columns: &[RollupColumn],
) -> Result<(Vec<Measure>, Vec<Stored>), String> {
    let mut measures: Vec<Measure> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    let mut stored = Vec::with_capacity(columns.len());
    for column in columns {
        let of = |why: String| format!("column \"{}\": {why}", column.name.as_str());
        let (measure, kind, of_row) = compile_one(builder, column).map_err(of)?;
        let text = format!("{:?} {:?}", column.filter, shared(&column.role));
        let at = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
            texts.push(text);
            measures.push(measure);
            measures.len() - 1
        });
        stored.push(Stored { measure: at, kind, of_row });
    }
    Ok((measures, stored))
}

/// What two columns with one accumulator have in common.
fn shared(role: &ColumnRole) -> ColumnRole {
    match role {
        ColumnRole::End { end, .. } => {
            ColumnRole::End { end: *end, value: String::new(), order: Vec::new() }
        }
        other => other.clone(),
    }
}

fn compile_one(
    builder: &mut Builder<'_>,
    column: &RollupColumn,
) -> Result<(Measure, Type, Option<OfRow>), String> {
    let filter = column.filter.as_ref().map(|text| builder.condition(text)).transpose()?;
    let mut of_row = None;
    let (aggregate, kind) = match &column.role {
        ColumnRole::Count(None) => (Aggregate::CountAll, Type::Int(Width::Eight)),
        ColumnRole::Count(Some(text)) => {
            (Aggregate::Count(builder.arg(text)?.0), Type::Int(Width::Eight))
        }
        ColumnRole::Sum(text) => match builder.arg(text)? {
            (arg, Type::Int(Width::Two | Width::Four)) => {
                (Aggregate::SumWhole(arg), Type::Int(Width::Eight))
            }
            (arg, Type::Int(Width::Eight) | Type::Numeric) => (Aggregate::Sum(arg), Type::Numeric),
            _ => return Err("a sum of something else than exact numbers".to_owned()),
        },
        ColumnRole::Min(text) | ColumnRole::Max(text) => {
            let (arg, kind) = builder.arg(text)?;
            let wanted = match column.role {
                ColumnRole::Min(_) => Ordering::Less,
                _ => Ordering::Greater,
            };
            (Aggregate::Extreme(wanted, arg, Comparer::order(&kind)?), kind)
        }
        ColumnRole::End { end, value, .. } => {
            let plain = plain_column(value);
            let kind = if let Some(raw) = plain.and_then(|name| builder.raw(&name).ok()) {
                let kind = raw.kind.clone();
                of_row = Some(OfRow::Field(raw));
                kind
            } else {
                let (arg, kind) = builder.arg(value)?;
                of_row = Some(OfRow::Computed(arg));
                kind
            };
            (Aggregate::End(*end), kind)
        }
        ColumnRole::Sketch(_) | ColumnRole::Distinct(_) => {
            return Err("a sketch is made by the server".to_owned());
        }
        ColumnRole::Position => return Err("a position is folded by the server".to_owned()),
    };
    check_type(&column.type_name, &kind)?;
    Ok((Measure { filter, aggregate }, kind, of_row))
}

/// The column, when an expression is nothing but one.
fn plain_column(text: &str) -> Option<Ident> {
    match parse_tree(text) {
        Ok(Tree::Column(name)) => Some(Ident::new(name)),
        _ => None,
    }
}

/// Holds the type found here against the server's.
fn check_type(declared: &str, found: &Type) -> Result<(), String> {
    let known = match NamedType::parse(declared) {
        Some(named) => {
            std::mem::discriminant(&named.kind) == std::mem::discriminant(found)
                && (!matches!(found, Type::Int(_)) || named.kind == *found)
        }
        None if declared.ends_with(']') => {
            return Err("arrays are folded by the server".to_owned());
        }
        None => match found {
            Type::Text(_) => declared.starts_with("character varying("),
            Type::Char(_) => declared.starts_with("character"),
            Type::Enum(_) | Type::Opaque => true,
            _ => false,
        },
    };
    if known { Ok(()) } else { Err(format!("the server says {declared} of it")) }
}

impl Measure {
    /// What no rows come to.
    pub(crate) fn empty<'a>(&self) -> Acc<'a> {
        match &self.aggregate {
            Aggregate::CountAll | Aggregate::Count(_) => Acc::Count(0),
            Aggregate::SumWhole(_) => Acc::Whole(None),
            Aggregate::Sum(_) => Acc::Sum(None),
            Aggregate::Extreme(..) => Acc::Extreme(Value::Null),
            Aggregate::End(_) => Acc::Row(None),
        }
    }

    /// Takes up a row.
    pub(crate) fn add<'a>(&self, acc: &mut Acc<'a>, values: &mut Values<'a>) -> Result<(), Fault> {
        if let Some(filter) = self.filter
            && !values.get(filter)?.is_true()
        {
            return Ok(());
        }
        match (&self.aggregate, acc) {
            (Aggregate::CountAll, Acc::Count(count)) => bump(count, 1),
            (Aggregate::Count(arg), Acc::Count(count)) => {
                let null = values.get(*arg)?.is_null();
                bump(count, i64::from(!null))
            }
            (Aggregate::SumWhole(arg), Acc::Whole(sum)) => match values.get(*arg)? {
                Value::Int(value) => add_whole(sum, *value),
                _ => Ok(()),
            },
            (Aggregate::Sum(arg), Acc::Sum(sum)) => {
                match values.get(*arg)? {
                    Value::Int(value) => add_decimal(sum, &Decimal::from(*value)),
                    Value::Number(value) => add_decimal(sum, value),
                    _ => {}
                }
                Ok(())
            }
            (Aggregate::Extreme(wanted, arg, by), Acc::Extreme(best)) => {
                let value = values.get(*arg)?;
                keep(*wanted, by, best, value);
                Ok(())
            }
            _ => Err(TYPES),
        }
    }

    /// Takes up what other rows of the group came to; not for ends.
    pub(crate) fn merge<'a>(&self, acc: &mut Acc<'a>, more: &Acc<'a>) -> Result<(), Fault> {
        match (&self.aggregate, acc, more) {
            (_, Acc::Count(count), Acc::Count(more)) => bump(count, *more),
            (_, Acc::Whole(_), Acc::Whole(None)) | (_, Acc::Sum(_), Acc::Sum(None)) => Ok(()),
            (_, Acc::Whole(sum), Acc::Whole(Some(more))) => add_whole(sum, *more),
            (_, Acc::Sum(sum), Acc::Sum(Some(more))) => {
                add_decimal(sum, more);
                Ok(())
            }
            (Aggregate::Extreme(wanted, _, by), Acc::Extreme(best), Acc::Extreme(more)) => {
                keep(*wanted, by, best, more);
                Ok(())
            }
            _ => Err(TYPES),
        }
    }
}

fn bump(count: &mut i64, by: i64) -> Result<(), Fault> {
    *count = count.checked_add(by).ok_or(RANGE)?;
    Ok(())
}

fn add_whole(sum: &mut Option<i64>, value: i64) -> Result<(), Fault> {
    *sum = Some(sum.unwrap_or(0).checked_add(value).ok_or(RANGE)?);
    Ok(())
}

fn add_decimal(sum: &mut Option<Decimal>, value: &Decimal) {
    *sum = Some(match sum {
        Some(sum) => sum.add(value),
        None => value.clone(),
    });
}

fn keep<'a>(wanted: Ordering, by: &Comparer, best: &mut Value<'a>, value: &Value<'a>) {
    if !value.is_null() && (best.is_null() || by.compare(value, best) == wanted) {
        *best = value.clone();
    }
}

impl Acc<'_> {
    /// Takes up a row at one end of the order, of the same group.
    pub(crate) fn add_end(
        &mut self,
        end: End,
        row: u32,
        order: &EventOrder,
        rows: &Rows<'_, '_>,
    ) -> Result<(), Fault> {
        let Self::Row(held) = self else { return Err(TYPES) };
        let wins = match held {
            None => true,
            Some(held) => {
                let found = order.compare(rows, row, *held)?;
                found == if end == End::First { Ordering::Less } else { Ordering::Greater }
            }
        };
        if wins {
            *held = Some(row);
        }
        Ok(())
    }
}

impl<'a> Acc<'a> {
    /// The value that it comes to; not for ends.
    pub(crate) fn value(&self) -> Value<'a> {
        match self {
            Self::Count(count) => Value::Int(*count),
            Self::Whole(sum) => sum.map_or(Value::Null, Value::Int),
            Self::Sum(sum) => sum.clone().map_or(Value::Null, Value::Number),
            Self::Extreme(value) => value.clone(),
            Self::Row(_) => Value::Null,
        }
    }

    /// Goes on from a value that was stored.
    pub(crate) fn resume(&mut self, value: Value<'a>) -> Result<(), Fault> {
        match (self, value) {
            (Self::Count(count), Value::Int(value)) => *count = value,
            (Self::Whole(sum), Value::Int(value)) => *sum = Some(value),
            (Self::Sum(sum), Value::Number(value)) => *sum = Some(value),
            (Self::Extreme(best), value) => *best = value,
            (Self::Whole(_) | Self::Sum(_), Value::Null) => {}
            _ => return Err(TYPES),
        }
        Ok(())
    }
}

/// The time of a row, for the order of events.
pub(crate) fn time_of(raw: &RawField, fields: &[Option<&[u8]>]) -> Result<i64, Fault> {
    let bytes = fields.get(raw.field).copied().flatten().ok_or(ORDER)?;
    match raw.decode.value(bytes)? {
        Value::Int(time) => Ok(time),
        _ => Err(ORDER),
    }
}
