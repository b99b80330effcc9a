//! The values of compiled expressions.
//!
//! What PostgreSQL answers with an error is a fault here; the server then computes the batch.

use std::cmp::Ordering;

use super::{Node, Operator, Relation};
use crate::fault::Fault;
use crate::literal::{DAY_US, in_width};
use crate::numeric::Decimal;
use crate::types::Width;
use crate::value::{Comparer, Value};

const RANGE: Fault = Fault("an integer is out of range");
const ZERO: Fault = Fault("division by zero");
const FIELD: Fault = Fault("a numeric has more digits than its type declares");
const SPECIAL: Fault = Fault("a float is NaN or infinite");
const TYPES: Fault = Fault("an operand has another type than was compiled");

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Node {
    /// The value over `slots`.
    pub(crate) fn eval<'a>(&'a self, slots: &[Value<'a>]) -> Result<Value<'a>, Fault> {
        match self {
            Self::Slot(slot) => Ok(slots.get(*slot).cloned().unwrap_or(Value::Null)),
            Self::Constant(constant) => Ok(constant.value()),
            Self::Not(x) => Ok(match x.eval(slots)? {
                Value::Bool(value) => Value::Bool(!value),
                _ => Value::Null,
            }),
            Self::And(a, b) => logic(a, b, false, slots),
            Self::Or(a, b) => logic(a, b, true, slots),
            Self::Compare(relation, by, a, b) => Ok(match both(a, b, slots)? {
                Some((a, b)) => Value::Bool(relation.holds(by.compare(&a, &b))),
                None => Value::Null,
            }),
            Self::Distinct(by, a, b, negated) => {
                let (a, b) = (a.eval(slots)?, b.eval(slots)?);
                let distinct = match (a.is_null(), b.is_null()) {
                    (true, true) => false,
                    (false, false) => by.compare(&a, &b).is_ne(),
                    _ => true,
                };
                Ok(Value::Bool(distinct != *negated))
            }
            Self::In(by, x, list, negated) => contains(by, x, list, *negated, slots),
            Self::IsNull(x, negated) => Ok(Value::Bool(x.eval(slots)?.is_null() != *negated)),
            Self::IsBool(x, wanted, negated) => {
                let is = matches!(x.eval(slots)?, Value::Bool(value) if value == *wanted);
                Ok(Value::Bool(is != *negated))
            }
            Self::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    if condition.eval(slots)?.is_true() {
                        return result.eval(slots);
                    }
                }
                otherwise.eval(slots)
            }
            Self::Coalesce(list) => {
                for node in list {
                    let value = node.eval(slots)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Self::Extreme(relation, by, list) => extreme(*relation, by, list, slots),
            Self::NullIf(by, a, b) => {
                let (a, b) = (a.eval(slots)?, b.eval(slots)?);
                let equal = !a.is_null() && !b.is_null() && by.compare(&a, &b).is_eq();
                Ok(if equal { Value::Null } else { a })
            }
            _ => self.number(slots),
        }
    }

    fn number<'a>(&'a self, slots: &[Value<'a>]) -> Result<Value<'a>, Fault> {
        match self {
            Self::Whole(operator, width, a, b) => match both(a, b, slots)? {
                Some((Value::Int(a), Value::Int(b))) => {
                    whole(*operator, *width, a, b).map(Value::Int)
                }
                Some(_) => Err(TYPES),
                None => Ok(Value::Null),
            },
            Self::Decimal(operator, a, b) => match both(a, b, slots)? {
                Some((Value::Number(a), Value::Number(b))) => match operator {
                    Operator::Add => Ok(Value::Number(a.add(&b))),
                    Operator::Subtract => Ok(Value::Number(a.subtract(&b))),
                    Operator::Multiply => a.multiply(&b).map(Value::Number),
                    Operator::Divide | Operator::Remainder => Err(TYPES),
                },
                Some(_) => Err(TYPES),
                None => Ok(Value::Null),
            },
            Self::Negate(width, x) | Self::Absolute(width, x) => {
                let absolute = matches!(self, Self::Absolute(..));
                sign(&x.eval(slots)?, *width, absolute)
            }
            Self::ToNumeric(significant, x) => Ok(match (x.eval(slots)?, significant) {
                (Value::Int(value), _) => Value::Number(Decimal::from(value)),
                (Value::Float(value), Some(digits)) => {
                    Value::Number(Decimal::from_float(value, *digits).ok_or(SPECIAL)?)
                }
                (other, _) => other,
            }),
            Self::ToWhole(width, x) => {
                let value = match x.eval(slots)? {
                    Value::Int(value) => value,
                    Value::Bool(value) => i64::from(value),
                    Value::Number(value) => value.round(0).to_whole().ok_or(RANGE)?,
                    _ => return Ok(Value::Null),
                };
                checked(Some(value), *width).map(Value::Int)
            }
            Self::Limit(precision, scale, x) => match x.eval(slots)? {
                Value::Number(value) => {
                    let rounded = value.round(*scale);
                    let fits = rounded.is_below(precision - scale);
                    if fits { Ok(Value::Number(rounded)) } else { Err(FIELD) }
                }
                other => Ok(other),
            },
            Self::Round(scale, x) => Ok(match x.eval(slots)? {
                Value::Number(value) => Value::Number(value.round(*scale)),
                other => other,
            }),
            Self::Trim(x) => Ok(match x.eval(slots)? {
                Value::Number(value) => Value::Number(value.trim()),
                other => other,
            }),
            Self::ToDate(x) => Ok(match x.eval(slots)? {
                Value::Int(i64::MAX) => Value::Int(i64::from(i32::MAX)),
                Value::Int(i64::MIN) => Value::Int(i64::from(i32::MIN)),
                Value::Int(micros) => Value::Int(micros.div_euclid(DAY_US)),
                other => other,
            }),
            Self::ToTimestamp(x) => match x.eval(slots)? {
                Value::Int(days) if days == i64::from(i32::MAX) => Ok(Value::Int(i64::MAX)),
                Value::Int(days) if days == i64::from(i32::MIN) => Ok(Value::Int(i64::MIN)),
                Value::Int(days) => days.checked_mul(DAY_US).map(Value::Int).ok_or(RANGE),
                other => Ok(other),
            },
            _ => Err(TYPES),
        }
    }
}

/// Both operands, unless one is null.
fn both<'a>(
    a: &'a Node,
    b: &'a Node,
    slots: &[Value<'a>],
) -> Result<Option<(Value<'a>, Value<'a>)>, Fault> {
    let (a, b) = (a.eval(slots)?, b.eval(slots)?);
    Ok((!a.is_null() && !b.is_null()).then_some((a, b)))
}

/// `and` (`decides` is false) and `or` (true): the deciding value wins over null.
fn logic<'a>(
    a: &'a Node,
    b: &'a Node,
    decides: bool,
    slots: &[Value<'a>],
) -> Result<Value<'a>, Fault> {
    let a = a.eval(slots)?;
    if matches!(a, Value::Bool(value) if value == decides) {
        return Ok(a);
    }
    let b = b.eval(slots)?;
    Ok(match (&a, &b) {
        (_, Value::Bool(value)) if *value == decides => b,
        (Value::Bool(_), Value::Bool(_)) => Value::Bool(!decides),
        _ => Value::Null,
    })
}

fn contains<'a>(
    by: &Comparer,
    x: &'a Node,
    list: &'a [Node],
    negated: bool,
    slots: &[Value<'a>],
) -> Result<Value<'a>, Fault> {
    let x = x.eval(slots)?;
    let mut unknown = x.is_null();
    for node in list {
        let value = node.eval(slots)?;
        if value.is_null() {
            unknown = true;
        } else if !x.is_null() && by.compare(&x, &value).is_eq() {
            return Ok(Value::Bool(!negated));
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(negated) })
}

fn extreme<'a>(
    relation: Relation,
    by: &Comparer,
    list: &'a [Node],
    slots: &[Value<'a>],
) -> Result<Value<'a>, Fault> {
    let mut best = Value::Null;
    for node in list {
        let value = node.eval(slots)?;
        if !value.is_null() && (best.is_null() || relation.holds(by.compare(&value, &best))) {
            best = value;
        }
    }
    Ok(best)
}

fn sign<'a>(value: &Value<'a>, width: Option<Width>, absolute: bool) -> Result<Value<'a>, Fault> {
    Ok(match value {
        Value::Int(value) => {
            let result = if absolute { value.checked_abs() } else { value.checked_neg() };
            Value::Int(checked(result, width.unwrap_or(Width::Eight))?)
        }
        Value::Number(value) if absolute => Value::Number(value.abs()),
        Value::Number(value) => Value::Number(value.negate()),
        _ => Value::Null,
    })
}

fn whole(operator: Operator, width: Width, a: i64, b: i64) -> Result<i64, Fault> {
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide | Operator::Remainder if b == 0 => return Err(ZERO),
        Operator::Divide => a.checked_div(b),
        // The one that overflows in Rust is zero (`int8mod`).
        Operator::Remainder => Some(a.checked_rem(b).unwrap_or(0)),
    };
    checked(result, width)
}

fn checked(value: Option<i64>, width: Width) -> Result<i64, Fault> {
    value.filter(|value| in_width(*value, width)).ok_or(RANGE)
}
