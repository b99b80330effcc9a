//! What a statement of a workload looks for: its one table, the columns that it compares with
//! parameters, and those that it sets.

use std::collections::BTreeMap;

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Expr, FromTable, Ident, LimitClause, ObjectName, OrderByKind,
    Query, SetExpr, Statement, TableFactor, TableWithJoins, Value,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

/// Nesting that the parser follows.
const DEPTH: usize = 50;

/// A query, update or delete of one table, as `pg_stat_statements` keeps it: with `$1` for values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// The table's name: `["public", "orders"]`.
    pub table: Vec<String>,
    /// Columns that are compared with a parameter for equality, in the order of the text.
    pub equal: Vec<String>,
    /// The first column that is compared with a parameter for order.
    pub range: Option<String>,
    /// The first column of `order by`.
    pub order: Option<String>,
    /// Columns that an update sets.
    pub set: Vec<String>,
    /// What each parameter is for, as far as that is known.
    pub parameters: BTreeMap<u32, Parameter>,
}

/// What a parameter is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// It is compared with this column.
    Compared(String),
    /// It limits the number of rows.
    Limit,
}

/// Reads a statement; `None` for one that reads more than one table, or that is not understood.
#[must_use]
pub fn search(sql: &str) -> Option<Search> {
    // Another query within would read tables that nobody has looked at.
    if sql.to_ascii_lowercase().matches("select").count() > 1 {
        return None;
    }
    let mut parser =
        Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEPTH).try_with_sql(sql).ok()?;
    let statement = parser.parse_statement().ok()?;
    let mut found = Search::default();
    match statement {
        Statement::Query(query) => read_query(&query, &mut found)?,
        Statement::Update(update) if update.from.is_none() => {
            found.table = only_table(std::slice::from_ref(&update.table))?;
            for assignment in &update.assignments {
                let AssignmentTarget::ColumnName(name) = &assignment.target else { return None };
                found.set.push(parts(name)?.pop()?);
            }
            if let Some(condition) = &update.selection {
                conjuncts(condition, &mut found);
            }
        }
        Statement::Delete(delete) if delete.using.is_none() && delete.tables.is_empty() => {
            let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
            found.table = only_table(from)?;
            if let Some(condition) = &delete.selection {
                conjuncts(condition, &mut found);
            }
        }
        _ => return None,
    }
    Some(found)
}

fn read_query(query: &Query, found: &mut Search) -> Option<()> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if query.with.is_some() || select.into.is_some() {
        return None;
    }
    found.table = only_table(&select.from)?;
    if let Some(condition) = &select.selection {
        conjuncts(condition, found);
    }
    if let Some(OrderByKind::Expressions(by)) = query.order_by.as_ref().map(|by| &by.kind) {
        found.order = by.first().and_then(|first| column(&first.expr));
    }
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &query.limit_clause {
        let offset = offset.as_ref().map(|offset| &offset.value);
        for number in limit.iter().chain(offset).filter_map(parameter) {
            found.parameters.insert(number, Parameter::Limit);
        }
    }
    Some(())
}

fn only_table(from: &[TableWithJoins]) -> Option<Vec<String>> {
    let [TableWithJoins { relation: TableFactor::Table { name, args: None, .. }, joins }] = from
    else {
        return None;
    };
    joins.is_empty().then(|| parts(name))?
}

fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(spelled)).collect()
}

/// The name as the catalog has it.
fn spelled(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

/// The parts of a condition that are joined by `and`.
fn conjuncts(condition: &Expr, found: &mut Search) {
    match condition {
        Expr::Nested(inner) => conjuncts(inner, found),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(left, found);
            conjuncts(right, found);
        }
        Expr::BinaryOp { left, op, right } => {
            let pair = column(left).zip(parameter(right));
            let Some((name, number)) = pair.or_else(|| column(right).zip(parameter(left))) else {
                return;
            };
            match op {
                BinaryOperator::Eq if !found.equal.contains(&name) => {
                    found.equal.push(name.clone());
                }
                BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq => {
                    found.range.get_or_insert_with(|| name.clone());
                }
                _ => {}
            }
            found.parameters.insert(number, Parameter::Compared(name));
        }
        Expr::Between { expr, low, high, negated: false } => {
            let Some(name) = column(expr) else { return };
            for number in [parameter(low), parameter(high)].into_iter().flatten() {
                found.range.get_or_insert_with(|| name.clone());
                found.parameters.insert(number, Parameter::Compared(name.clone()));
            }
        }
        _ => {}
    }
}

fn column(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(ident) => Some(spelled(ident)),
        Expr::CompoundIdentifier(idents) => idents.last().map(spelled),
        Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

/// The number of a parameter, perhaps cast.
fn parameter(expression: &Expr) -> Option<u32> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
            _ => None,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => parameter(expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_query_of_one_table_is_understood() {
        let sql = "SELECT o.id FROM app.orders AS o WHERE o.\"Customer\" = $1::bigint \
                   AND (paid = $2) AND placed >= $3 AND note LIKE $4 ORDER BY placed DESC LIMIT $5";
        let found = search(sql).unwrap();
        assert_eq!(found.table, names(&["app", "orders"]));
        assert_eq!(found.equal, names(&["Customer", "paid"]));
        assert_eq!(found.range.as_deref(), Some("placed"));
        assert_eq!(found.order.as_deref(), Some("placed"));
        assert_eq!(found.parameters[&1], Parameter::Compared("Customer".to_owned()));
        assert_eq!(found.parameters[&5], Parameter::Limit);
    }

    #[test]
    fn writes_are_understood() {
        let found = search("update t set price = $1, seen = now() where id = $2").unwrap();
        assert_eq!((found.set, found.equal), (names(&["price", "seen"]), names(&["id"])));
        let found = search("delete from t where customer = $1").unwrap();
        assert_eq!(found.equal, names(&["customer"]));
    }

    #[test]
    fn what_reads_more_tables_is_not() {
        for sql in [
            "select 1 from a, b where a.x = $1",
            "select 1 from a join b on a.x = b.x where a.y = $1",
            "select 1 from a where x = (select max(x) from b)",
            "with q as (select 1) select * from q",
            "select f from generate_series($1, $2) f",
            "update a set x = $1 from b where b.y = $2",
            "not sql",
        ] {
            assert_eq!(search(sql), None, "{sql}");
        }
        // Either side of "or" may be looked for, so neither is told.
        assert!(search("select 1 from a where x = $1 or y = $2").unwrap().equal.is_empty());
    }
}
