//! What an expression may hold: columns, constants, operators and functions of them.

use sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    Spanned as _, Subscript, Value,
};
use sqlparser::tokenizer::Location;

use super::{ColumnUse, ExpressionProblem, Naming, Positions};

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
    naming: Naming,
) -> Result<Vec<ColumnUse>, ExpressionProblem> {
    let mut walk = Walk { positions, text, naming, columns: Vec::new() };
    // A list instead of recursion: a long chain of operators must not use up the stack.
    let mut pending = vec![expression];
    while let Some(next) = pending.pop() {
        walk.look_at(next)?;
        push_children(next, &mut pending);
    }
    walk.columns.sort_by_key(|column| column.range.start);
    Ok(walk.columns)
}

/// `Err` when something may not stand where it stands.
type Refusal = Result<(), ExpressionProblem>;

struct Walk<'a> {
    positions: &'a Positions<'a>,
    text: &'a str,
    naming: Naming,
    columns: Vec<ColumnUse>,
}

impl Walk<'_> {
    /// The refusal of what begins at `start`; what has no place of its own is said of the whole.
    fn refuse(&self, start: Option<Location>, message: impl Into<String>, hint: &str) -> Refusal {
        let offset = start.map_or(0, |start| self.positions.offset(start));
        let problem = ExpressionProblem::new(message, offset);
        Err(if hint.is_empty() { problem } else { problem.hint(hint) })
    }

    fn look_at(&mut self, expression: &Expr) -> Refusal {
        match expression {
            Expr::Identifier(name) => self.column(None, name),
            Expr::CompoundIdentifier(names) if self.naming == Naming::OfRows => match &names[..] {
                [row, column] => self.column(Some(row), column),
                _ => self.refuse(
                    names.first().map(|name| name.span.start),
                    "columns are named with one state before them",
                    "Write state.column.",
                ),
            },
            Expr::CompoundIdentifier(names) => self.refuse(
                names.first().map(|name| name.span.start),
                "columns are named without their table",
                "Write the column's name alone.",
            ),
            Expr::Function(call) => self.function(call),
            Expr::CompoundFieldAccess { access_chain, .. }
                if access_chain.iter().any(|part| matches!(part, AccessExpr::Dot(_))) =>
            {
                self.refuse(None, "fields of composite types cannot stand here", "")
            }
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
                self.refuse(Some(value.span.start), "parameters cannot stand here", "")
            }
            Expr::Cast { expr, .. } => match &**expr {
                Expr::Value(value) if is_clock_word(&value.value) => {
                    self.unstable(value.span.start, &value.to_string())
                }
                _ => Ok(()),
            },
            Expr::TypedString(typed) if is_clock_word(&typed.value.value) => {
                self.unstable(typed.value.span.start, &typed.value.to_string())
            }
            known if is_known(known) => Ok(()),
            _ => self.refuse(None, "this kind of expression cannot be folded", ""),
        }
    }

    fn column(&mut self, row: Option<&Ident>, name: &Ident) -> Refusal {
        let column = folded(name);
        let bare = row.is_none() && name.quote_style.is_none();
        if bare && NAMES_WITHOUT_BRACKETS.contains(&column.as_str()) {
            return self.unstable(name.span.start, &column);
        }
        let start = self.positions.offset(row.unwrap_or(name).span.start);
        let end = self.positions.offset(name.span.end).max(start);
        self.columns.push(ColumnUse {
            row: row.map(folded),
            name: column,
            range: start..end.min(self.text.len()),
        });
        Ok(())
    }

    fn unstable(&self, start: Location, name: &str) -> Refusal {
        self.refuse(
            Some(start),
            format!("{name} gives something else each time, so a rebuild would differ"),
            "Use only what the event itself holds.",
        )
    }

    fn function(&self, call: &Function) -> Refusal {
        let start = call.name.span().start;
        let name = call.name.0.last().map(ToString::to_string).unwrap_or_default();
        let name = name.trim_matches('"').to_lowercase();
        if call.over.is_some() {
            return self.refuse(Some(start), "window functions cannot stand here", "");
        }
        if AGGREGATES.contains(&name.as_str())
            || call.filter.is_some()
            || !call.within_group.is_empty()
        {
            return self.refuse(
                Some(start),
                format!("the aggregate {name}() cannot stand here"),
                "A measure is one aggregate of a plain expression over the event.",
            );
        }
        if SET_RETURNING.contains(&name.as_str()) {
            return self.refuse(Some(start), format!("{name}() gives several rows for one"), "");
        }
        if has_more_than_expressions(call) {
            return self.refuse(Some(start), format!("{name}() takes plain arguments here"), "");
        }
        let one_argument_age = name == "age" && argument_count(call) == 1;
        if UNSTABLE.contains(&name.as_str())
            || name.starts_with("pg_")
            || name.starts_with("txid_")
            || one_argument_age
        {
            return self.unstable(start, &format!("{name}()"));
        }
        Ok(())
    }
}

/// The name as PostgreSQL looks it up.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

/// `distinct`, `order by`, `*`, a bare sub-query or another clause between the brackets.
fn has_more_than_expressions(call: &Function) -> bool {
    match &call.args {
        FunctionArguments::None => false,
        FunctionArguments::Subquery(_) => true,
        FunctionArguments::List(list) => {
            let mut arguments = Vec::new();
            push_arguments(call, &mut arguments);
            list.duplicate_treatment.is_some()
                || !list.clauses.is_empty()
                || arguments.len() != list.args.len()
        }
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

/// Kinds of expressions that hold nothing but their parts, each of which [`push_children`] gives.
fn is_known(expression: &Expr) -> bool {
    matches!(expression, Expr::Value(_) | Expr::TypedString(_) | Expr::CompoundFieldAccess { .. })
        || !{
            let mut parts = Vec::new();
            push_children(expression, &mut parts);
            parts.is_empty()
        }
}

/// The parts of `expression` that are expressions themselves; none for a kind that is not known.
fn push_children<'a>(expression: &'a Expr, into: &mut Vec<&'a Expr>) {
    match expression {
        Expr::IsFalse(part)
        | Expr::IsNotFalse(part)
        | Expr::IsTrue(part)
        | Expr::IsNotTrue(part)
        | Expr::IsNull(part)
        | Expr::IsNotNull(part)
        | Expr::IsUnknown(part)
        | Expr::IsNotUnknown(part)
        | Expr::Nested(part) => into.push(part),
        Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
            into.extend([&**left, &**right]);
        }
        Expr::BinaryOp { left, right, .. }
        | Expr::AnyOp { left, right, .. }
        | Expr::AllOp { left, right, .. } => into.extend([&**left, &**right]),
        Expr::UnaryOp { expr, .. }
        | Expr::Cast { expr, .. }
        | Expr::Extract { expr, .. }
        | Expr::Ceil { expr, .. }
        | Expr::Floor { expr, .. }
        | Expr::Collate { expr, .. }
        | Expr::IsJson { expr, .. }
        | Expr::IsNormalized { expr, .. } => into.push(expr),
        Expr::AtTimeZone { timestamp, time_zone } => into.extend([&**timestamp, &**time_zone]),
        Expr::Between { expr, low, high, .. } => into.extend([&**expr, &**low, &**high]),
        Expr::InList { expr, list, .. } => {
            into.push(expr);
            into.extend(list);
        }
        Expr::Like { expr, pattern, escape_char, .. }
        | Expr::ILike { expr, pattern, escape_char, .. }
        | Expr::SimilarTo { expr, pattern, escape_char, .. } => {
            into.extend([&**expr, &**pattern]);
            into.extend(escape_char.as_deref());
        }
        Expr::Position { expr, r#in } => into.extend([&**expr, &**r#in]),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            into.push(expr);
            into.extend(substring_from.as_deref());
            into.extend(substring_for.as_deref());
        }
        Expr::Trim { expr, trim_what, trim_characters, .. } => {
            into.push(expr);
            into.extend(trim_what.as_deref());
            into.extend(trim_characters.iter().flatten());
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            into.extend([&**expr, &**overlay_what, &**overlay_from]);
            into.extend(overlay_for.as_deref());
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            into.extend(operand.as_deref());
            into.extend(conditions.iter().flat_map(|when| [&when.condition, &when.result]));
            into.extend(else_result.as_deref());
        }
        Expr::Tuple(parts) => into.extend(parts),
        Expr::Array(array) => into.extend(&array.elem),
        Expr::Interval(interval) => into.push(&interval.value),
        Expr::Function(call) => push_arguments(call, into),
        Expr::CompoundFieldAccess { root, access_chain } => {
            into.push(root);
            for part in access_chain {
                push_subscript(part, into);
            }
        }
        _ => {}
    }
}

fn push_arguments<'a>(call: &'a Function, into: &mut Vec<&'a Expr>) {
    let FunctionArguments::List(list) = &call.args else { return };
    for argument in &list.args {
        match argument {
            FunctionArg::Named { arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => into.push(value),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } | FunctionArg::Unnamed(_) => {
            }
        }
    }
}

fn push_subscript<'a>(part: &'a AccessExpr, into: &mut Vec<&'a Expr>) {
    match part {
        AccessExpr::Subscript(Subscript::Index { index }) => into.push(index),
        AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
            into.extend(lower_bound.iter().chain(upper_bound).chain(stride));
        }
        AccessExpr::Dot(_) => {}
    }
}
