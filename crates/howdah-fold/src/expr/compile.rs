//! From the text of an expression to a [`Node`], with PostgreSQL's rules of types.

use std::sync::Arc;

use howdah_sql::expression::{Binary, Test, Tree, Unary, parse_tree};

use super::{Node, Operator, Relation};
use crate::literal;
use crate::numeric::Decimal;
use crate::types::{Collation, NamedType, Type, Width};
use crate::value::{Comparer, Constant, Value};

/// What an expression can name.
pub(crate) trait Scope {
    /// A column; the error says why it cannot be used.
    fn column(&mut self, name: &str) -> Result<Compiled, String>;
    /// A type that is not PostgreSQL's own: an enum.
    fn named_type(&self, name: &str) -> Option<Type>;
}

/// An expression and its type.
#[derive(Debug, Clone)]
pub(crate) struct Compiled {
    pub(crate) node: Node,
    pub(crate) kind: Type,
}

impl Compiled {
    fn new(node: Node, kind: Type) -> Self {
        Self { node, kind }
    }

    fn constant(constant: Constant, kind: Type) -> Self {
        Self::new(Node::Constant(constant), kind)
    }

    fn boolean(node: Node) -> Self {
        Self::new(node, Type::Bool)
    }
}

/// An expression with `scope`'s names.
///
/// # Errors
/// What of it is not computed here, in few words.
pub(crate) fn compile(text: &str, scope: &mut dyn Scope) -> Result<Compiled, String> {
    let tree = parse_tree(text)?;
    compile_tree(&tree, scope)
}

/// The value of an expression that names no column, as the type that its column has.
pub(crate) fn constant(
    text: &str,
    kind: &Type,
    limit: Option<(u16, i16)>,
    scope: &mut dyn Scope,
) -> Option<Constant> {
    let compiled = cast(compile(text, scope).ok()?, kind, limit).ok()?;
    let value = compiled.node.eval(&[]).ok()?;
    Some(match value {
        Value::Null => Constant::Null,
        Value::Bool(value) => Constant::Bool(value),
        Value::Int(value) => Constant::Int(value),
        Value::Number(value) => Constant::Number(value),
        Value::Bytes(bytes) => Constant::Bytes(bytes.into()),
        Value::Float(_) => return None,
    })
}

fn compile_tree(tree: &Tree, scope: &mut dyn Scope) -> Result<Compiled, String> {
    match tree {
        Tree::Column(name) => scope.column(name),
        Tree::Null => Ok(Compiled::constant(Constant::Null, Type::Unknown)),
        Tree::Bool(value) => Ok(Compiled::constant(Constant::Bool(*value), Type::Bool)),
        Tree::Number(digits) => number(digits),
        Tree::Text(text) => {
            Ok(Compiled::constant(Constant::Bytes(text.as_bytes().into()), Type::Unknown))
        }
        Tree::Unary(operator, x) => unary(*operator, compile_tree(x, scope)?),
        Tree::Binary(operator, a, b) => {
            let (a, b) = (compile_tree(a, scope)?, compile_tree(b, scope)?);
            binary(*operator, a, b)
        }
        Tree::Is { value, test, negated } => is(compile_tree(value, scope)?, *test, *negated),
        Tree::Distinct { left, right, negated } => {
            let (a, b) = (compile_tree(left, scope)?, compile_tree(right, scope)?);
            let (mut sides, kind) = unify(vec![a, b])?;
            let by = Comparer::equality(&kind)?;
            let (b, a) = (pop(&mut sides)?, pop(&mut sides)?);
            Ok(Compiled::boolean(Node::Distinct(by, Box::new(a), Box::new(b), *negated)))
        }
        Tree::In { value, list, negated } => {
            let mut all = vec![compile_tree(value, scope)?];
            for item in list {
                all.push(compile_tree(item, scope)?);
            }
            let (mut nodes, kind) = unify(all)?;
            let by = Comparer::equality(&kind)?;
            let value = nodes.remove(0);
            Ok(Compiled::boolean(Node::In(by, Box::new(value), nodes, *negated)))
        }
        Tree::Between { value, low, high, negated } => {
            let value = compile_tree(value, scope)?;
            let (low, high) = (compile_tree(low, scope)?, compile_tree(high, scope)?);
            let from = compare(Relation::GreaterOrEqual, value.clone(), low)?;
            let to = compare(Relation::LessOrEqual, value, high)?;
            let within = Node::And(Box::new(from.node), Box::new(to.node));
            Ok(Compiled::boolean(if *negated { Node::Not(Box::new(within)) } else { within }))
        }
        Tree::Case { operand, branches, otherwise } => {
            case(operand.as_deref(), branches, otherwise.as_deref(), scope)
        }
        Tree::Call { name, arguments } => {
            let mut compiled = Vec::with_capacity(arguments.len());
            for argument in arguments {
                compiled.push(compile_tree(argument, scope)?);
            }
            call(name, compiled)
        }
        Tree::Cast { value, type_name } => {
            let value = compile_tree(value, scope)?;
            let named = NamedType::parse(type_name);
            let limit = named.as_ref().and_then(|named| named.limit);
            let kind = named
                .map(|named| named.kind)
                .or_else(|| scope.named_type(type_name))
                .ok_or_else(|| format!("a cast to {type_name}"))?;
            cast(value, &kind, limit)
        }
    }
}

fn pop(nodes: &mut Vec<Node>) -> Result<Node, String> {
    nodes.pop().ok_or_else(|| "an operand is missing".to_owned())
}

/// `make_const`: an integer that fits is an `integer`, else a `bigint`, else a `numeric`.
fn number(digits: &str) -> Result<Compiled, String> {
    if let Ok(value) = digits.parse::<i64>() {
        let width = if literal::in_width(value, Width::Four) { Width::Four } else { Width::Eight };
        return Ok(Compiled::constant(Constant::Int(value), Type::Int(width)));
    }
    let number = Decimal::parse(digits).ok_or("a number in a rare spelling")?;
    Ok(Compiled::constant(Constant::Number(number), Type::Numeric))
}

fn unary(operator: Unary, x: Compiled) -> Result<Compiled, String> {
    match (operator, &x.kind) {
        (Unary::Not, Type::Bool | Type::Unknown) => {
            let x = as_condition(x)?;
            Ok(Compiled::boolean(Node::Not(Box::new(x))))
        }
        (Unary::Plus, Type::Int(_) | Type::Numeric) => Ok(x),
        (Unary::Minus, Type::Int(width)) => {
            let width = *width;
            Ok(Compiled::new(Node::Negate(Some(width), Box::new(x.node)), Type::Int(width)))
        }
        (Unary::Minus, Type::Numeric) => {
            Ok(Compiled::new(Node::Negate(None, Box::new(x.node)), Type::Numeric))
        }
        _ => Err("a sign before something else than an exact number".to_owned()),
    }
}

fn binary(operator: Binary, a: Compiled, b: Compiled) -> Result<Compiled, String> {
    let relation = |relation| compare(relation, a.clone(), b.clone());
    let arithmetic = |operator| arithmetic(operator, a.clone(), b.clone());
    match operator {
        Binary::And | Binary::Or => {
            let (a, b) = (Box::new(as_condition(a)?), Box::new(as_condition(b)?));
            let node = if operator == Binary::And { Node::And(a, b) } else { Node::Or(a, b) };
            Ok(Compiled::boolean(node))
        }
        Binary::Equal => relation(Relation::Equal),
        Binary::Unequal => relation(Relation::Unequal),
        Binary::Less => relation(Relation::Less),
        Binary::LessOrEqual => relation(Relation::LessOrEqual),
        Binary::Greater => relation(Relation::Greater),
        Binary::GreaterOrEqual => relation(Relation::GreaterOrEqual),
        Binary::Add => arithmetic(Operator::Add),
        Binary::Subtract => arithmetic(Operator::Subtract),
        Binary::Multiply => arithmetic(Operator::Multiply),
        Binary::Divide => arithmetic(Operator::Divide),
        Binary::Remainder => arithmetic(Operator::Remainder),
    }
}

pub(super) fn as_condition(x: Compiled) -> Result<Node, String> {
    let x = coerce(x, &Type::Bool)?;
    Ok(x.node)
}

fn compare(relation: Relation, a: Compiled, b: Compiled) -> Result<Compiled, String> {
    let (mut sides, kind) = unify(vec![a, b])?;
    let by = match relation {
        Relation::Equal | Relation::Unequal => Comparer::equality(&kind)?,
        _ => Comparer::order(&kind)?,
    };
    let (b, a) = (pop(&mut sides)?, pop(&mut sides)?);
    Ok(Compiled::boolean(Node::Compare(relation, by, Box::new(a), Box::new(b))))
}

fn arithmetic(operator: Operator, a: Compiled, b: Compiled) -> Result<Compiled, String> {
    let exact = |kind: &Type| matches!(kind, Type::Int(_) | Type::Numeric | Type::Unknown);
    if !exact(&a.kind) || !exact(&b.kind) {
        return Err("arithmetic of something else than exact numbers".to_owned());
    }
    let (mut sides, kind) = unify(vec![a, b])?;
    let (b, a) = (Box::new(pop(&mut sides)?), Box::new(pop(&mut sides)?));
    match kind {
        Type::Int(width) => Ok(Compiled::new(Node::Whole(operator, width, a, b), kind)),
        Type::Numeric if !matches!(operator, Operator::Divide | Operator::Remainder) => {
            Ok(Compiled::new(Node::Decimal(operator, a, b), kind))
        }
        _ => Err("a division of numerics".to_owned()),
    }
}

fn is(x: Compiled, test: Test, negated: bool) -> Result<Compiled, String> {
    let node = match test {
        Test::Null => Node::IsNull(Box::new(x.node), negated),
        Test::Unknown => Node::IsNull(Box::new(as_condition(x)?), negated),
        Test::True | Test::False => {
            Node::IsBool(Box::new(as_condition(x)?), test == Test::True, negated)
        }
    };
    Ok(Compiled::boolean(node))
}

fn case(
    operand: Option<&Tree>,
    branches: &[(Tree, Tree)],
    otherwise: Option<&Tree>,
    scope: &mut dyn Scope,
) -> Result<Compiled, String> {
    let operand = operand.map(|operand| compile_tree(operand, scope)).transpose()?;
    let mut conditions = Vec::with_capacity(branches.len());
    // `else` stands first: it decides the type before the others (`transformCaseExpr`).
    let mut results = vec![match otherwise {
        Some(otherwise) => compile_tree(otherwise, scope)?,
        None => Compiled::constant(Constant::Null, Type::Unknown),
    }];
    for (condition, result) in branches {
        let condition = compile_tree(condition, scope)?;
        conditions.push(match &operand {
            Some(operand) => compare(Relation::Equal, operand.clone(), condition)?.node,
            None => as_condition(condition)?,
        });
        results.push(compile_tree(result, scope)?);
    }
    let (mut results, kind) = unify(results)?;
    let otherwise = Box::new(results.remove(0));
    Ok(Compiled::new(Node::Case(conditions.into_iter().zip(results).collect(), otherwise), kind))
}

fn call(name: &str, mut arguments: Vec<Compiled>) -> Result<Compiled, String> {
    let unknown = || format!("the function {name}()");
    match (name, arguments.len()) {
        ("coalesce", 1..) => {
            let (nodes, kind) = unify(arguments)?;
            Ok(Compiled::new(Node::Coalesce(nodes), kind))
        }
        ("greatest" | "least", 1..) => {
            let (nodes, kind) = unify(arguments)?;
            let by = Comparer::order(&kind)?;
            let relation = if name == "least" { Relation::Less } else { Relation::Greater };
            Ok(Compiled::new(Node::Extreme(relation, by, nodes), kind))
        }
        ("nullif", 2) => {
            let kind = arguments[0].kind.clone();
            let (mut nodes, common) = unify(arguments)?;
            if kind != common {
                return Err("nullif() of two types".to_owned());
            }
            let by = Comparer::equality(&kind)?;
            let (b, a) = (pop(&mut nodes)?, pop(&mut nodes)?);
            Ok(Compiled::new(Node::NullIf(by, Box::new(a), Box::new(b)), kind))
        }
        ("abs" | "trim_scale", 1) | ("round", 1 | 2) => {
            let scale = if arguments.len() == 2 { arguments.pop() } else { None };
            let x = arguments.pop().ok_or_else(unknown)?;
            one_number(name, x, scale).ok_or_else(unknown)
        }
        _ => Err(unknown()),
    }
}

/// The functions of one number.
fn one_number(name: &str, x: Compiled, scale: Option<Compiled>) -> Option<Compiled> {
    let scale = match scale.map(|scale| scale.node) {
        Some(Node::Constant(Constant::Int(scale))) => u16::try_from(scale).ok()?,
        Some(_) => return None,
        None => 0,
    };
    let node = match (name, &x.kind) {
        ("abs", Type::Int(width)) => Node::Absolute(Some(*width), Box::new(x.node)),
        ("abs", Type::Numeric) => Node::Absolute(None, Box::new(x.node)),
        ("trim_scale", Type::Numeric) => Node::Trim(Box::new(x.node)),
        ("round", Type::Numeric) => Node::Round(scale, Box::new(x.node)),
        _ => return None,
    };
    Some(Compiled::new(node, x.kind))
}

/// Brings all to the type that PostgreSQL's `select_common_type` gives them.
fn unify(all: Vec<Compiled>) -> Result<(Vec<Node>, Type), String> {
    let mut common = Type::Unknown;
    for compiled in &all {
        common = wider(common, &compiled.kind)?;
    }
    if common == Type::Unknown {
        common = Type::Text(Collation::Default);
    }
    let nodes = all.into_iter().map(|compiled| coerce(compiled, &common).map(|c| c.node));
    Ok((nodes.collect::<Result<_, _>>()?, common))
}

fn wider(a: Type, b: &Type) -> Result<Type, String> {
    Ok(match (a, b) {
        (Type::Unknown, b) => b.clone(),
        (a, Type::Unknown) => a,
        (Type::Int(a), Type::Int(b)) => Type::Int(a.max(*b)),
        (Type::Numeric, Type::Int(_)) | (Type::Int(_), Type::Numeric) => Type::Numeric,
        (Type::Float8 | Type::Float4, Type::Float8) | (Type::Float8, Type::Float4) => Type::Float8,
        (Type::Text(a), Type::Text(b)) => Type::Text(a.merge(b)?),
        (Type::Char(a), Type::Char(b)) => Type::Char(a.merge(b)?),
        (a, b) if a == *b => a,
        _ => return Err("operands of two types".to_owned()),
    })
}

/// An implicit cast, which loses nothing.
fn coerce(x: Compiled, to: &Type) -> Result<Compiled, String> {
    let node = match (&x.kind, to) {
        (Type::Int(from), Type::Int(to)) if from <= to => x.node,
        (Type::Int(_), Type::Numeric) => to_numeric(x.node, None),
        (Type::Float4, Type::Float8)
        | (Type::Text(_), Type::Text(_))
        | (Type::Char(_), Type::Char(_)) => x.node,
        (Type::Unknown, _) => Node::Constant(unquoted(&x.node, to)?),
        (from, to) if from == to => x.node,
        _ => return Err("a cast between types that is not plain".to_owned()),
    };
    Ok(Compiled::new(node, to.clone()))
}

/// A constant in quotes, read as `to`.
fn unquoted(node: &Node, to: &Type) -> Result<Constant, String> {
    match node {
        Node::Constant(Constant::Null) => Ok(Constant::Null),
        Node::Constant(Constant::Bytes(text)) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| literal::read(to, text))
            .ok_or_else(|| "a constant in a rare spelling".to_owned()),
        _ => Err("a constant of an unknown type".to_owned()),
    }
}

fn to_numeric(node: Node, digits: Option<usize>) -> Node {
    match node {
        Node::Constant(Constant::Int(value)) => {
            Node::Constant(Constant::Number(Decimal::from(value)))
        }
        node => Node::ToNumeric(digits, Box::new(node)),
    }
}

/// An explicit cast.
pub(crate) fn cast(x: Compiled, to: &Type, limit: Option<(u16, i16)>) -> Result<Compiled, String> {
    let node = match (&x.kind, to) {
        (Type::Float4, Type::Numeric) => to_numeric(x.node, Some(6)),
        (Type::Float8, Type::Numeric) => to_numeric(x.node, Some(15)),
        (Type::Int(_) | Type::Numeric, Type::Int(width)) => Node::ToWhole(*width, Box::new(x.node)),
        (Type::Bool, Type::Int(Width::Four)) => Node::ToWhole(Width::Four, Box::new(x.node)),
        // Labels are texts of the default collation; cutting blanks makes a text of a char.
        // Sessions of howdah run in UTC.
        (Type::Enum(_) | Type::Char(_), Type::Text(_))
        | (Type::Timestamp, Type::Timestamptz)
        | (Type::Timestamptz, Type::Timestamp) => x.node,
        (Type::Timestamp | Type::Timestamptz, Type::Date) => Node::ToDate(Box::new(x.node)),
        (Type::Date, Type::Timestamp | Type::Timestamptz) => Node::ToTimestamp(Box::new(x.node)),
        _ => return limited(coerce_keeping_collation(x, to)?, limit),
    };
    limited(Compiled::new(node, to.clone()), limit)
}

/// A cast to text keeps the collation of a text.
fn coerce_keeping_collation(x: Compiled, to: &Type) -> Result<Compiled, String> {
    match (&x.kind, to) {
        (Type::Text(_), Type::Text(_)) => Ok(x),
        _ => coerce(x, to),
    }
}

fn limited(x: Compiled, limit: Option<(u16, i16)>) -> Result<Compiled, String> {
    let Some((precision, scale)) = limit else { return Ok(x) };
    let scale = u16::try_from(scale).map_err(|_| "a numeric of negative scale".to_owned())?;
    if scale > precision {
        return Err("a numeric of a scale beyond its precision".to_owned());
    }
    Ok(Compiled::new(Node::Limit(precision, scale, Box::new(x.node)), x.kind))
}

/// An enum's type out of its labels.
pub(crate) fn labels(labels: &[String]) -> Type {
    Type::Enum(Arc::from(labels))
}
