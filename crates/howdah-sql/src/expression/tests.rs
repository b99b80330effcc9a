//! Which measures and expressions are taken, and what is said about the others.

use proptest::prelude::*;

use super::{Aggregate, parse_expression, parse_measure, parse_predicate};

fn columns(text: &str) -> Vec<String> {
    let parsed = parse_expression(text).expect("parses");
    parsed.column_names().into_iter().map(str::to_owned).collect()
}

fn refusal(text: &str) -> String {
    parse_expression(text).expect_err("is refused").message
}

#[test]
fn measures_are_taken_apart() {
    let measure = parse_measure("sum(quantity * price)").expect("parses");
    assert_eq!(measure.aggregate, Aggregate::Sum);
    let argument = measure.argument.expect("has an argument");
    assert_eq!((argument.text.as_str(), argument.offset), ("quantity * price", 4));
    assert_eq!(argument.column_names(), ["quantity", "price"]);
    assert!(measure.filter.is_none());

    let measure = parse_measure(" Count( * ) FILTER ( where Side = 'buy' ) ").expect("parses");
    assert_eq!((measure.aggregate, measure.argument), (Aggregate::Count, None));
    let filter = measure.filter.expect("has a filter");
    assert_eq!((filter.text.as_str(), filter.offset), ("Side = 'buy'", 27));
    assert_eq!(filter.column_names(), ["side"]);

    let measure = parse_measure("last(price)").expect("parses");
    assert_eq!(measure.argument.and_then(|a| a.plain_column).as_deref(), Some("price"));
}

#[test]
fn a_quantile_has_a_fraction() {
    let measure = parse_measure("quantile(0.95, ms / 2) filter (where ok)").expect("parses");
    assert_eq!(measure.fraction.as_deref(), Some("0.95"));
    let argument = measure.argument.expect("has an argument");
    assert_eq!((argument.text.as_str(), argument.offset), ("ms / 2", 15));
}

#[test]
fn what_cannot_be_folded_is_refused() {
    for (text, message) in [
        ("price", "\"price\" is not an aggregate and cannot be folded"),
        ("corr(price)", "corr() cannot be folded"),
        ("quantile(price)", "quantile() begins with a number between 0 and 1"),
        ("quantile(95, price)", "quantile() begins with a number between 0 and 1"),
        ("quantile(0.95, )", "quantile() has no argument"),
        ("quantile(0.5, a, b)", "quantile() takes one argument"),
        ("count(distinct symbol)", "count(distinct …) cannot be folded"),
        ("array_agg(price order by ts)", "array_agg() cannot be folded"),
        ("first(price order by ts)", "first(… order by …) cannot be folded"),
        ("sum(a, b)", "sum() takes one argument"),
        ("sum(a) over ()", "window functions cannot be folded"),
        ("sum(*)", "sum(*) has no argument"),
        ("sum()", "sum() has no argument"),
        ("sum(max(a))", "the aggregate max() cannot stand here"),
        ("sum(a) / count(*)", "a measure is one aggregate call; what follows it cannot be folded"),
        ("sum(a) filter (a > 1)", "filter is written \"filter (where condition)\""),
        ("sum(a", "the bracket is never closed"),
        ("", "the expression is empty"),
    ] {
        assert_eq!(parse_measure(text).expect_err(text).message, message, "{text}");
    }
}

#[test]
fn columns_are_found_and_folded_as_postgresql_does() {
    assert_eq!(columns("Price * \"Qty\" + price"), ["price", "Qty"]);
    assert_eq!(columns("case when side = 'buy' then q else -q end"), ["side", "q"]);
    assert_eq!(
        columns("data->>'a' is not null and tags[1] = any(names)"),
        ["data", "tags", "names"]
    );
    assert_eq!(columns("(ts at time zone 'UTC')::date between d and d + 1"), ["ts", "d"]);
    assert_eq!(columns("coalesce(a, 0) + extract(epoch from b) + \n  ä"), ["a", "b", "ä"]);
    let parsed = parse_expression("ä + b").expect("parses");
    assert_eq!(parsed.columns[1].range, 5..6);
}

#[test]
fn what_a_rebuild_would_compute_differently_is_refused() {
    for text in [
        "now()",
        "current_timestamp",
        "CURRENT_DATE",
        "localtime",
        "clock_timestamp()",
        "random()",
        "gen_random_uuid()",
        "'now'::timestamptz",
        "date 'today'",
        "age(ts)",
        "current_user",
        "nextval('s')",
        "pg_backend_pid()",
        "current_setting('a')",
        "pg_catalog.now()",
    ] {
        let message = refusal(text);
        assert!(message.ends_with("so a rebuild would differ"), "{text}: {message}");
    }
    assert!(parse_expression("age(a, b)").is_ok());
}

#[test]
fn what_is_no_expression_of_one_event_is_refused() {
    for (text, part) in [
        ("(select 1)", "sub-queries"),
        ("a in (select b from c)", "sub-queries"),
        ("exists (select 1)", "sub-queries"),
        ("array(select 1)", ""),
        ("t.a", "without their table"),
        ("$1", "parameters"),
        ("a; drop table b", "\";\""),
        ("a -- b", "comments"),
        ("a /* b */", "comments"),
        ("a b", "after the end"),
        ("a) + (b", "after the end"),
        ("sum(a)", "aggregate"),
        ("row_number() over ()", "window"),
        ("unnest(a)", "several rows"),
        ("a +", "syntax error"),
        ("'a", "syntax error"),
    ] {
        let message = refusal(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn predicates_read_neither_tables_nor_the_session() {
    let parsed = parse_predicate(" seller = me or buyer = me").expect("parses");
    assert_eq!(parsed.column_names(), ["seller", "me", "buyer"]);
    for text in [
        "owner = current_user",
        "tenant in (select t from m)",
        "exists (select 1)",
        "a = current_setting('app.tenant')",
        "starts_at < now()",
        "t.a = me",
        "true) or (true",
        "true; drop table x",
        "true -- x",
        "",
        "a b",
    ] {
        let problem = parse_predicate(text).expect_err(text);
        assert!(problem.hint.expect("says why").contains("Citus"), "{text}");
    }
}

#[test]
fn long_and_deep_expressions_are_refused_or_walked() {
    assert!(refusal(&"1+".repeat(1500)).contains("longer than"));
    assert!(refusal(&"1+".repeat(600)).contains("more than 500 parts"));
    assert!(parse_expression(&format!("{}a{}", "(".repeat(8), ")".repeat(8))).is_ok());
    assert!(refusal(&format!("{}a{}", "(".repeat(90), ")".repeat(90))).contains("deep"));
    assert!(parse_expression(&format!("{}a", "not ".repeat(190))).is_err());
    assert!(parse_expression(&format!("{}a", "1+".repeat(249))).is_ok());
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,80}") {
        let _ = parse_measure(&text);
        let _ = parse_expression(&text);
    }

    #[test]
    fn no_text_of_sql_pieces_panics(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "sum", "(", ")", "filter", "where", "a", "\"B\"", "'x'", "*", ",", "[", "]", "::",
                "int", "case", "when", "then", "end", "not", "1", ".", "select", "$1", "ä", "\n",
                "interval", "over", "order by", "distinct", "=", "any", "cast", "as", "$$", "E'",
            ]),
            0..20,
        )
    ) {
        let text = pieces.join(" ");
        if let Ok(measure) = parse_measure(&text) {
            for part in [measure.argument, measure.filter].into_iter().flatten() {
                prop_assert_eq!(text.get(part.offset..part.offset + part.text.len()),
                    Some(part.text.as_str()));
                for column in part.columns {
                    prop_assert!(part.text.get(column.range).is_some());
                }
            }
        }
        let _ = parse_expression(&text);
    }
}
