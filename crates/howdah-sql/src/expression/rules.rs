//! What an expression may hold: columns, constants, operators and functions of them.

use std::ops::ControlFlow;

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArguments, Ident, Query, Spanned as _, Value,
    ValueWithSpan, Visit, Visitor,
};

use super::{ColumnUse, ExpressionProblem, Positions};

/// Functions whose answer depends on the clock, the session or chance (`pg_proc.provolatile` and
/// chapter 9 of PostgreSQL's manual). Names that begin with `pg_` or `txid_` are refused too.
const UNSTABLE: &[&str] = &[
    "age_now",
    "clock_timestamp",
    "current_catalog",
    "current_database",
    "current_date",
    "current_query",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_time",
    "current_timestamp",
    "current_user",
    "currval",
    "gen_random_bytes",
    "gen_random_uuid",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "lastval",
    "localtime",
    "localtimestamp",
    "nextval",
    "now",
    "random",
    "random_normal",
    "session_user",
    "set_config",
    "setseed",
    "setval",
    "statement_timestamp",
    "system_user",
    "timeofday",
    "transaction_timestamp",
    "user",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
    "version",
];

/// The aggregates of PostgreSQL, and howdah's `first` and `last`.
const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "every",
    "first",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "last",
    "max",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
];

/// Functions that give several rows for one.
const SET_RETURNING: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// Names that PostgreSQL takes for a function even without brackets.
const NAMES_WITHOUT_BRACKETS: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
];

/// Words that PostgreSQL's time types read from the clock.
const CLOCK_WORDS: &[&str] = &["now", "today", "tomorrow", "yesterday"];

/// The columns of `expression` in the order of the text, or the first thing that may not be there.
pub(super) fn columns_of(
    expression: &Expr,
    positions: &Positions<'_>,
    text: &str,
) -> Result<Vec<ColumnUse>, ExpressionProblem> {
    let mut walk = Walk { positions, text, columns: Vec::new() };
    match expression.visit(&mut walk) {
        ControlFlow::Break(problem) => Err(problem),
        ControlFlow::Continue(()) => {
            walk.columns.sort_by_key(|column| column.range.start);
            Ok(walk.columns)
        }
    }
}

struct Walk<'a> {
    positions: &'a Positions<'a>,
    text: &'a str,
    columns: Vec<ColumnUse>,
}

impl Walk<'_> {
    fn refuse(
        &self,
        expression: &Expr,
        message: impl Into<String>,
        hint: &str,
    ) -> ControlFlow<ExpressionProblem> {
        let start = expression.span().start;
        let offset = if start.line == 0 { 0 } else { self.positions.offset(start) };
        let problem = ExpressionProblem::new(message, offset);
        ControlFlow::Break(if hint.is_empty() { problem } else { problem.hint(hint) })
    }

    fn column(&mut self, name: &Ident, expression: &Expr) -> ControlFlow<ExpressionProblem> {
        let folded = match name.quote_style {
            Some(_) => name.value.clone(),
            None => name.value.to_lowercase(),
        };
        if name.quote_style.is_none() && NAMES_WITHOUT_BRACKETS.contains(&folded.as_str()) {
            return self.unstable(expression, &folded);
        }
        let start = self.positions.offset(name.span.start);
        let end = self.positions.offset(name.span.end).max(start);
        self.columns.push(ColumnUse { name: folded, range: start..end.min(self.text.len()) });
        ControlFlow::Continue(())
    }

    fn unstable(&self, expression: &Expr, name: &str) -> ControlFlow<ExpressionProblem> {
        self.refuse(
            expression,
            format!("{name} gives something else each time, so a rebuild would differ"),
            "Use only what the event itself holds.",
        )
    }

    fn function(&self, call: &Function, expression: &Expr) -> ControlFlow<ExpressionProblem> {
        let name = call.name.0.last().map(ToString::to_string).unwrap_or_default();
        let name = name.trim_matches('"').to_lowercase();
        if call.over.is_some() {
            return self.refuse(expression, "window functions cannot stand here", "");
        }
        if AGGREGATES.contains(&name.as_str())
            || call.filter.is_some()
            || !call.within_group.is_empty()
        {
            return self.refuse(
                expression,
                format!("the aggregate {name}() cannot stand here"),
                "A measure is one aggregate of a plain expression over the event.",
            );
        }
        if SET_RETURNING.contains(&name.as_str()) {
            return self.refuse(expression, format!("{name}() gives several rows for one"), "");
        }
        let one_argument_age = name == "age" && argument_count(call) == 1;
        if UNSTABLE.contains(&name.as_str())
            || name.starts_with("pg_")
            || name.starts_with("txid_")
            || one_argument_age
        {
            return self.unstable(expression, &format!("{name}()"));
        }
        ControlFlow::Continue(())
    }
}

fn argument_count(call: &Function) -> usize {
    match &call.args {
        FunctionArguments::List(list) => list.args.len(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => 0,
    }
}

/// Whether a cast or typed constant reads the clock: `'now'::timestamptz`, `date 'today'`.
fn is_clock_word(value: &Value) -> bool {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
            CLOCK_WORDS.contains(&text.trim().to_lowercase().as_str())
        }
        _ => false,
    }
}

impl Visitor for Walk<'_> {
    type Break = ExpressionProblem;

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        // Reached only through places that are no expression of their own.
        ControlFlow::Break(ExpressionProblem::new("sub-queries cannot stand here", 0))
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Identifier(name) => self.column(name, expression),
            Expr::CompoundIdentifier(_) | Expr::QualifiedWildcard(..) => self.refuse(
                expression,
                "columns are named without their table",
                "Write the column's name alone.",
            ),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => self.refuse(
                expression,
                "sub-queries cannot stand here",
                "A fold sees one event at a time; use only its columns.",
            ),
            Expr::Function(call) => self.function(call, expression),
            Expr::CompoundFieldAccess { access_chain, .. }
                if access_chain.iter().any(|part| matches!(part, AccessExpr::Dot(_))) =>
            {
                self.refuse(expression, "fields of composite types cannot stand here", "")
            }
            Expr::Cast { expr, .. } => match &**expr {
                Expr::Value(value) if is_clock_word(&value.value) => {
                    self.unstable(expression, &value.to_string())
                }
                _ => ControlFlow::Continue(()),
            },
            Expr::TypedString(typed) if is_clock_word(&typed.value.value) => {
                self.unstable(expression, &typed.value.to_string())
            }
            Expr::Wildcard(_) => self.refuse(expression, "* cannot stand here", ""),
            Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::InUnnest { .. }
            | Expr::Lambda(_)
            | Expr::Struct { .. }
            | Expr::Dictionary(_)
            | Expr::Map(_)
            | Expr::MatchAgainst { .. }
            | Expr::OuterJoin(_)
            | Expr::Prior(_)
            | Expr::MemberOf(_)
            | Expr::Named { .. }
            | Expr::Prefixed { .. } => {
                self.refuse(expression, "this is not an expression of PostgreSQL", "")
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Self::Break> {
        match &value.value {
            Value::Placeholder(_) => ControlFlow::Break(ExpressionProblem::new(
                "parameters cannot stand here",
                self.positions.offset(value.span.start),
            )),
            _ => ControlFlow::Continue(()),
        }
    }
}
