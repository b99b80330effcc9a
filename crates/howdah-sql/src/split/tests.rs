//! How text is cut.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::{ProblemKind, psql_variables, split};

fn texts(sql: &str) -> Vec<&str> {
    let (statements, problems) = split(sql);
    assert!(problems.is_empty(), "{problems:?} in {sql}");
    statements.into_iter().map(|statement| statement.text).collect()
}

fn problems(sql: &str) -> Vec<(ProblemKind, String)> {
    split(sql).1.into_iter().map(|p| (p.kind, p.position.to_string())).collect()
}

#[test]
fn semicolons_end_statements() {
    assert_eq!(texts("select 1; select 2 ;;\n;select 3"), ["select 1", "select 2", "select 3"]);
    assert!(texts(" -- nothing\n /* here; */ ;").is_empty());
}

#[test]
fn quotes_and_comments_hide_semicolons() {
    for sql in [
        "select ';'",
        "select 'it''s;'",
        r"select 'no escape\'",
        r"select E'an escape\';'",
        r"select e'a\\'",
        "select E'a'\n  -- and\n 'b\\';'",
        "select U&'d\\0061t;a'",
        "select U&\"d;\"",
        "select \"a;\"\"b;\"",
        "select n';', b'0;', x'1;'",
        "select $$a;b$$",
        "select $t$a;$$;$x$;$t$",
        "select $täg$;$täg$",
        "select a$b$, 1 $$;$$",
        "select 1 /* ; /* ; */ ; */ + 2",
        "select 1 -- ;\n + 2",
        "select $1, $2 from t",
        "create rule r as on insert to t do (select 1; select 2)",
    ] {
        assert_eq!(texts(&format!("{sql}\n; select 2")), [sql, "select 2"], "{sql}");
    }
}

#[test]
fn a_comment_ends_an_operator() {
    assert_eq!(texts("select a+-- ;'\n b; select 2"), ["select a+-- ;'\n b", "select 2"]);
    assert_eq!(texts("select a*/* ; */b; select 2"), ["select a*/* ; */b", "select 2"]);
}

#[test]
fn a_plain_string_continued_on_the_next_line_has_no_escapes() {
    assert_eq!(texts("select 'a'\n'b\\'; select 2"), ["select 'a'\n'b\\'", "select 2"]);
    assert_eq!(texts("select E'a' '\\'; select 2"), ["select E'a' '\\'", "select 2"]);
}

#[test]
fn atomic_bodies_hold_statements() {
    let body = "create or replace function f(begin int) returns int begin atomic\n\
                select case when x then 1 end; select 2; end";
    assert_eq!(texts(&format!("{body}; select 3")), [body, "select 3"]);
    let procedure = "CREATE PROCEDURE p() BEGIN ATOMIC; END";
    assert_eq!(texts(&format!("{procedure}; begin; commit")), [procedure, "begin", "commit"]);
    assert_eq!(texts("create table atomic (x int); begin; end").len(), 3);
}

#[test]
fn what_never_ends_is_reported_with_its_place() {
    assert_eq!(problems("select 1;\n  'a"), [(ProblemKind::UnclosedString, "2:3".to_owned())]);
    assert_eq!(problems("é /* /* */"), [(ProblemKind::UnclosedComment, "1:3".to_owned())]);
    assert_eq!(problems("select \"a"), [(ProblemKind::UnclosedName, "1:8".to_owned())]);
    assert_eq!(problems("do $x$ $y$"), [(ProblemKind::UnclosedDollarQuote, "1:4".to_owned())]);
    assert_eq!(problems("select (1; x"), [(ProblemKind::UnclosedParenthesis, "1:8".to_owned())]);
    assert_eq!(
        problems("create function f() begin atomic select 1;"),
        [(ProblemKind::UnclosedBody, "1:21".to_owned())]
    );
    assert_eq!(split("select 'a; b").0[0].text, "select 'a; b");
}

#[test]
fn what_is_for_psql_is_reported_and_passed_over() {
    let sql = "\\restrict x';\nselect 1;\ncopy t from stdin;\n1\t'a;\n\\.\nselect 2;";
    let (statements, _) = split(sql);
    let texts: Vec<_> = statements.iter().map(|s| s.text).collect();
    assert_eq!(texts, ["select 1", "copy t from stdin", "select 2"]);
    assert_eq!(
        problems(sql),
        [(ProblemKind::PsqlCommand, "1:1".to_owned()), (ProblemKind::CopyData, "4:1".to_owned())]
    );
}

#[test]
fn positions_count_lines_and_characters() {
    let (statements, _) = split("select 'ü'; select 2;\r\n\n  -- x\n  select\n 3;");
    let at: Vec<_> = statements.iter().map(|s| s.position.to_string()).collect();
    assert_eq!(at, ["1:1", "1:13", "4:3"]);
    assert_eq!(statements[2].first_line(), "select");
    assert_eq!(statements[2].leading_words(), ["select"]);
}

#[test]
fn statements_that_no_transaction_may_hold_are_known() {
    for sql in [
        "create index concurrently on t (x)",
        "/* x */ CREATE UNIQUE INDEX CONCURRENTLY if not exists i on t (x)",
        "drop index concurrently if exists i",
        "reindex table concurrently t",
        "reindex (verbose, concurrently) index i",
        "reindex (verbose) schema s",
        "reindex database d",
        "vacuum (analyze) t",
        "alter system set work_mem = 1",
        "create database d",
        "drop database d",
        "create tablespace x location 'y'",
        "alter table only a.\"b\" detach partition c.d concurrently",
        "cluster",
        "cluster verbose",
        "cluster (verbose)",
        "create subscription s connection 'c' publication p",
        "discard all",
        "begin",
        "commit and chain",
        "start transaction read only",
        "rollback",
        "rollback work",
        "prepare transaction 'x'",
        "rollback prepared 'x'",
    ] {
        assert!(split(sql).0[0].needs_no_transaction(), "{sql}");
    }
    for sql in [
        "create index on t (x)",
        "create index concurrent on t (x)",
        "drop index i",
        "reindex table t",
        "refresh materialized view concurrently v",
        "alter type mood add value 'x'",
        "alter table a detach partition b",
        "cluster t using i",
        "cluster (verbose) t",
        "create table vacuum_log (x int)",
        "savepoint a",
        "rollback to savepoint a",
        "release a",
        "prepare q as select 1",
        "comment on table t is 'create index concurrently'",
    ] {
        assert!(!split(sql).0[0].needs_no_transaction(), "{sql}");
    }
}

#[test]
fn the_index_of_create_index_concurrently_is_named() {
    let index = |sql: &str| split(sql).0[0].concurrent_index().map(|i| (i.name, i.table));
    let pair = |name: &str, table: &str| Some((name.to_owned(), table.to_owned()));
    assert_eq!(index("create index concurrently I on T (x)"), pair("i", "t"));
    assert_eq!(
        index("create unique index concurrently if not exists \"A \"\"b\" on only s.\"T\" (x)"),
        pair("A \"b", "s.\"T\"")
    );
    assert_eq!(index("create index concurrently on t (x)"), None);
    assert_eq!(index("create index i on t (x)"), None);
}

/// Pieces that mean something to the lexer, so that random text reaches its corners.
fn sql_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'"),
        Just("''"),
        Just("\""),
        Just("\\"),
        Just("E'"),
        Just("U&\""),
        Just("$$"),
        Just("$a$"),
        Just("$"),
        Just("/*"),
        Just("*/"),
        Just("--"),
        Just("\n"),
        Just(";"),
        Just("("),
        Just(")"),
        Just(" "),
        Just("create function f()"),
        Just(" begin atomic "),
        Just(" case "),
        Just(" end "),
        Just("copy t from stdin;\n"),
        Just("\\.\n"),
        Just("é"),
        Just("x"),
        Just("1"),
        Just("select "),
    ];
    prop_oneof![
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()),
        "\\PC{0,60}",
    ]
}

proptest! {
    #[test]
    fn every_text_is_cut_without_loss(sql in sql_like()) {
        let (statements, problems) = split(&sql);
        let mut end = 0;
        for statement in &statements {
            prop_assert!(statement.span.start >= end && !statement.text.is_empty());
            prop_assert_eq!(statement.text, &sql[statement.span.clone()]);
            // What lies between holds no statement of its own, but for what psql alone reads.
            let for_psql = problems.iter().any(|p| {
                matches!(p.kind, ProblemKind::PsqlCommand | ProblemKind::CopyData)
            });
            prop_assert!(for_psql || split(&sql[end..statement.span.start]).0.is_empty());
            end = statement.span.end;
            let _ = (statement.needs_no_transaction(), statement.concurrent_index());
        }
        prop_assert!(problems.iter().all(|problem| problem.offset <= sql.len()));
    }

    #[test]
    fn a_statement_cut_out_is_cut_the_same_again(sql in sql_like()) {
        let (statements, problems) = split(&sql);
        if problems.is_empty() {
            for statement in statements {
                let again: Vec<_> = split(statement.text).0.iter().map(|s| s.text).collect();
                prop_assert_eq!(again, vec![statement.text]);
            }
        }
    }
}

#[test]
fn a_command_of_psql_ends_the_statement_before_it() {
    let text = "select format('drop table %I', t) from old \\gexec\nselect 1;\nselect 2 \\g\n";
    let (statements, problems) = split(text);
    let texts: Vec<&str> = statements.iter().map(|statement| statement.text).collect();
    assert_eq!(texts, ["select format('drop table %I', t) from old", "select 1", "select 2"]);
    assert_eq!(problems.len(), 2);
}

#[test]
fn variables_of_psql_are_told_from_casts_and_slices() {
    let text = "create table :schema.t (a :\"kind\", b text default :'word'); \
                select a::text, b[1:n], ':x', f(x => 1), now()::date -- :y";
    let found: Vec<(&str, Option<char>)> =
        psql_variables(text).into_iter().map(|variable| (variable.name, variable.quote)).collect();
    assert_eq!(found, [("schema", None), ("kind", Some('"')), ("word", Some('\''))]);
}
