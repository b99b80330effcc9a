//! An expression as a tree of those kinds that can be computed outside of the server.

use sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, UnaryOperator,
    Value,
};

use super::{Positions, parse_one, tokenize};

/// An expression; names are as PostgreSQL looks them up, constants as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// A column.
    Column(String),
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, perhaps with a minus: that of `-5` belongs to the constant.
    Number(String),
    /// A constant in quotes, of a type yet to be found.
    Text(String),
    /// `-x`, `+x`, `not x`.
    Unary(Unary, Box<Tree>),
    /// `x op y`.
    Binary(Binary, Box<Tree>, Box<Tree>),
    /// `x is [not] null`, `true`, `false`, `unknown`.
    Is {
        /// What is tested.
        value: Box<Tree>,
        /// For what.
        test: Test,
        /// `is not`.
        negated: bool,
    },
    /// `x is [not] distinct from y`.
    Distinct {
        /// The one side.
        left: Box<Tree>,
        /// The other.
        right: Box<Tree>,
        /// `is not distinct from`.
        negated: bool,
    },
    /// `x [not] in (a, b)`; also `x = any (array[a, b])`, which is how PostgreSQL prints it.
    In {
        /// What is looked for.
        value: Box<Tree>,
        /// Where.
        list: Vec<Tree>,
        /// `not in`.
        negated: bool,
    },
    /// `x [not] between low and high`.
    Between {
        /// What is tested.
        value: Box<Tree>,
        /// The lower end, which belongs to the range.
        low: Box<Tree>,
        /// The upper end, which belongs to the range.
        high: Box<Tree>,
        /// `not between`.
        negated: bool,
    },
    /// `case … end`.
    Case {
        /// What the conditions are compared with, in the short form.
        operand: Option<Box<Tree>>,
        /// `when … then …`.
        branches: Vec<(Tree, Tree)>,
        /// `else …`.
        otherwise: Option<Box<Tree>>,
    },
    /// `f(x, y)`: a plain call; the name is in lower case and without schema.
    Call {
        /// The function.
        name: String,
        /// Its arguments.
        arguments: Vec<Tree>,
    },
    /// `x::type`, `cast(x as type)`, `type 'x'`.
    Cast {
        /// What is cast.
        value: Box<Tree>,
        /// The type as written, in lower case.
        type_name: String,
    },
}

/// An operator of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// `-x`
    Minus,
    /// `+x`
    Plus,
    /// `not x`
    Not,
}

/// An operator of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `=`
    Equal,
    /// `<>`, `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `and`
    And,
    /// `or`
    Or,
}

/// What `is` tests for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// `is null`
    Null,
    /// `is true`
    True,
    /// `is false`
    False,
    /// `is unknown`
    Unknown,
}

/// The tree of an expression.
///
/// # Errors
/// What of it has no place in a [`Tree`], in few words: "an interval", "a sub-query".
pub fn parse_tree(text: &str) -> Result<Tree, String> {
    let text = text.trim();
    let parsed = tokenize(text)
        .and_then(|tokens| parse_one(text, &Positions::of(text), tokens))
        .map_err(|problem| problem.message)?;
    tree(&parsed)
}

fn boxed(expression: &Expr) -> Result<Box<Tree>, String> {
    tree(expression).map(Box::new)
}

fn trees(expressions: &[Expr]) -> Result<Vec<Tree>, String> {
    expressions.iter().map(tree).collect()
}

fn tree(expression: &Expr) -> Result<Tree, String> {
    let is = |value: &Expr, test, negated| Ok(Tree::Is { value: boxed(value)?, test, negated });
    match expression {
        Expr::Identifier(name) => Ok(Tree::Column(folded(name))),
        Expr::Nested(inner) => tree(inner),
        Expr::Value(value) => constant(&value.value),
        Expr::TypedString(typed) => Ok(Tree::Cast {
            value: Box::new(constant(&typed.value.value)?),
            type_name: typed.data_type.to_string().to_lowercase(),
        }),
        Expr::UnaryOp { op, expr } => unary(*op, expr),
        Expr::BinaryOp { left, op, right } => {
            Ok(Tree::Binary(binary(op)?, boxed(left)?, boxed(right)?))
        }
        Expr::IsNull(x) => is(x, Test::Null, false),
        Expr::IsNotNull(x) => is(x, Test::Null, true),
        Expr::IsTrue(x) => is(x, Test::True, false),
        Expr::IsNotTrue(x) => is(x, Test::True, true),
        Expr::IsFalse(x) => is(x, Test::False, false),
        Expr::IsNotFalse(x) => is(x, Test::False, true),
        Expr::IsUnknown(x) => is(x, Test::Unknown, false),
        Expr::IsNotUnknown(x) => is(x, Test::Unknown, true),
        Expr::IsDistinctFrom(left, right) => {
            Ok(Tree::Distinct { left: boxed(left)?, right: boxed(right)?, negated: false })
        }
        Expr::IsNotDistinctFrom(left, right) => {
            Ok(Tree::Distinct { left: boxed(left)?, right: boxed(right)?, negated: true })
        }
        Expr::InList { expr, list, negated } => {
            Ok(Tree::In { value: boxed(expr)?, list: trees(list)?, negated: *negated })
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match &**right {
            Expr::Array(array) => {
                Ok(Tree::In { value: boxed(left)?, list: trees(&array.elem)?, negated: false })
            }
            _ => Err("any() of something else than a list".to_owned()),
        },
        Expr::Between { expr, negated, low, high } => Ok(Tree::Between {
            value: boxed(expr)?,
            low: boxed(low)?,
            high: boxed(high)?,
            negated: *negated,
        }),
        Expr::Case { operand, conditions, else_result, .. } => Ok(Tree::Case {
            operand: operand.as_deref().map(boxed).transpose()?,
            branches: conditions
                .iter()
                .map(|when| Ok((tree(&when.condition)?, tree(&when.result)?)))
                .collect::<Result<_, String>>()?,
            otherwise: else_result.as_deref().map(boxed).transpose()?,
        }),
        Expr::Cast { expr, data_type, format: None, .. } => {
            Ok(Tree::Cast { value: boxed(expr)?, type_name: data_type.to_string().to_lowercase() })
        }
        Expr::Function(_) => call(expression),
        other => Err(kind(other)),
    }
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn constant(value: &Value) -> Result<Tree, String> {
    match value {
        Value::Number(digits, false) => Ok(Tree::Number(digits.clone())),
        Value::SingleQuotedString(text) => Ok(Tree::Text(text.clone())),
        Value::Boolean(value) => Ok(Tree::Bool(*value)),
        Value::Null => Ok(Tree::Null),
        _ => Err("a constant of a rare kind".to_owned()),
    }
}

fn unary(operator: UnaryOperator, operand: &Expr) -> Result<Tree, String> {
    let operand = boxed(operand)?;
    match (operator, *operand) {
        // PostgreSQL's grammar folds the sign into the constant too, which decides its type.
        (UnaryOperator::Minus, Tree::Number(digits)) => Ok(Tree::Number(
            digits.strip_prefix('-').map_or_else(|| format!("-{digits}"), str::to_owned),
        )),
        (UnaryOperator::Minus, operand) => Ok(Tree::Unary(Unary::Minus, Box::new(operand))),
        (UnaryOperator::Plus, operand) => Ok(Tree::Unary(Unary::Plus, Box::new(operand))),
        (UnaryOperator::Not, operand) => Ok(Tree::Unary(Unary::Not, Box::new(operand))),
        (other, _) => Err(format!("the operator {other}")),
    }
}

fn binary(operator: &BinaryOperator) -> Result<Binary, String> {
    Ok(match operator {
        BinaryOperator::Plus => Binary::Add,
        BinaryOperator::Minus => Binary::Subtract,
        BinaryOperator::Multiply => Binary::Multiply,
        BinaryOperator::Divide => Binary::Divide,
        BinaryOperator::Modulo => Binary::Remainder,
        BinaryOperator::Eq => Binary::Equal,
        BinaryOperator::NotEq => Binary::Unequal,
        BinaryOperator::Lt => Binary::Less,
        BinaryOperator::LtEq => Binary::LessOrEqual,
        BinaryOperator::Gt => Binary::Greater,
        BinaryOperator::GtEq => Binary::GreaterOrEqual,
        BinaryOperator::And => Binary::And,
        BinaryOperator::Or => Binary::Or,
        other => return Err(format!("the operator {other}")),
    })
}

fn call(expression: &Expr) -> Result<Tree, String> {
    let Expr::Function(function) = expression else { return Err(kind(expression)) };
    let name = match function.name.0.as_slice() {
        [name] => name.as_ident().map(folded),
        _ => None,
    };
    let Some(name) = name else { return Err("a function of a schema".to_owned()) };
    let arguments = match &function.args {
        FunctionArguments::List(list)
            if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
        {
            list.args
                .iter()
                .map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => tree(value),
                    _ => Err(format!("the arguments of {name}()")),
                })
                .collect::<Result<_, String>>()?
        }
        _ => return Err(format!("the arguments of {name}()")),
    };
    Ok(Tree::Call { name, arguments })
}

/// What an expression is, for people.
fn kind(expression: &Expr) -> String {
    match expression {
        Expr::Interval(_) => "an interval",
        Expr::Extract { .. } => "extract()",
        Expr::Like { .. } | Expr::ILike { .. } | Expr::SimilarTo { .. } => "a pattern",
        Expr::Array(_) => "an array",
        Expr::AtTimeZone { .. } => "a change of time zone",
        Expr::Collate { .. } => "a collation",
        Expr::CompoundFieldAccess { .. } => "a part of an array",
        Expr::Ceil { .. } => "ceil()",
        Expr::Floor { .. } => "floor()",
        Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::Position { .. } => "a function of texts",
        _ => "an expression of a rare kind",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        format!("{:?}", parse_tree(text).expect(text))
    }

    #[test]
    fn operators_bind_as_in_postgresql() {
        for (loose, bracketed) in [
            ("not a = b", "not (a = b)"),
            ("a + b * c", "a + (b * c)"),
            ("-a * b", "(-a) * b"),
            ("-a::int", "-(a::int)"),
            ("a < b is null", "(a < b) is null"),
            ("not a is null", "not (a is null)"),
            ("a between b + 1 and c and d", "(a between (b + 1) and c) and d"),
            ("a or b and c", "a or (b and c)"),
            ("a = b in (c)", "a = (b in (c))"),
            ("a - b - c", "(a - b) - c"),
        ] {
            assert_eq!(shown(loose), shown(bracketed), "{loose}");
        }
    }

    #[test]
    fn what_postgresql_prints_is_read() {
        assert_eq!(
            shown("(side = ANY (ARRAY['a'::text, 'b'::text]))"),
            shown("side in (text 'a', text 'b')")
        );
        assert_eq!(parse_tree("-5"), Ok(Tree::Number("-5".to_owned())));
        assert_eq!(parse_tree("\"A\""), Ok(Tree::Column("A".to_owned())));
        assert_eq!(parse_tree("A"), Ok(Tree::Column("a".to_owned())));
        assert_eq!(parse_tree("'it''s'"), Ok(Tree::Text("it's".to_owned())));
        assert!(parse_tree("interval '1 day'").is_err());
        assert!(parse_tree("a like 'b'").is_err());
    }
}
