//! What migrations of others look like: templates, blocks that make roles, files in a wrong order.

use howdah_review::facts::Run;
use howdah_review::{Finding, Report};

use crate::rig::{names, review, scratch};

fn finding<'r>(report: &'r Report, rule: &str) -> &'r Finding {
    let found = report.findings.iter().find(|finding| finding.rule.name == rule);
    found.unwrap_or_else(|| panic!("no {rule} in {:?}", names(report)))
}

fn failures(report: &Report) -> Vec<&str> {
    let runs = report.facts.statements.iter().map(|statement| &statement.run);
    runs.filter_map(|run| match run {
        Run::Failed(failure) => Some(failure.message.as_str()),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn templates_are_filled_in_and_what_was_guessed_is_told() {
    let scratch = scratch().await;
    let users = "create table {{ index .Options \"Namespace\" }}.users (id bigint primary key);";
    let report = review(&scratch, &[("1_users.up.sql", users)]).await;
    assert_eq!(failures(&report), Vec::<&str>::new());
    assert!(report.facts.catalog.as_ref().unwrap().resolve("namespace.users").is_some());
    assert!(report.facts.unseen[0].what.contains("Namespace"), "{:?}", report.facts.unseen);

    let schema = "-- howdah:let Namespace = auth\ncreate schema auth;";
    let files = [("0_schema.up.sql", schema), ("1_users.up.sql", users)];
    let report = review(&scratch, &files).await;
    assert_eq!(failures(&report), Vec::<&str>::new());
    assert!(report.facts.catalog.as_ref().unwrap().resolve("auth.users").is_some());
    assert!(report.facts.unseen.is_empty(), "{:?}", report.facts.unseen);
}

#[tokio::test]
async fn a_role_that_a_block_makes_does_not_keep_the_files_from_building() {
    let block = "do $$ begin create role howdah_in_block; end $$;";
    let grant = "create table t (id bigint primary key); grant select on t to howdah_in_block;";
    let report = review(&scratch().await, &[("1_role.sql", block), ("2_t.sql", grant)]).await;
    assert_eq!(failures(&report), Vec::<&str>::new());
    assert!(finding(&report, "statement-escapes-database").message.contains("howdah_in_block"));
}

#[tokio::test]
async fn a_failure_says_what_it_waits_for() {
    let scratch = scratch().await;
    for (files, hint) in [
        (
            vec![
                ("1_a.sql", "create table a (id bigint primary key references b);"),
                ("2_b.sql", "create table b (id bigint primary key);"),
            ],
            "at 2_b.sql:1",
        ),
        (vec![("1_a.sql", "select uuid_generate_v4();")], "It is of the extension \"uuid-ossp\""),
        (
            vec![
                ("1_a.sql", "create type color as enum ('red');"),
                (
                    "2_b.sql",
                    "alter type color add value 'blue';\ncreate table t (id bigint primary key, \
                     c color default 'blue');",
                ),
            ],
            "before this one",
        ),
        (
            vec![
                ("1_a.sql", "create table p (id bigint) partition by range (id);"),
                ("2_b.sql", "-- no-transaction\ncreate index concurrently i on p (id);"),
            ],
            "on each partition",
        ),
    ] {
        let report = review(&scratch, &files).await;
        let found = finding(&report, "does-not-build");
        assert!(found.hint.as_deref().is_some_and(|text| text.contains(hint)), "{found:?}");
    }
}

#[tokio::test]
async fn each_of_two_statements_that_take_the_same_lock_is_told() {
    let files = [
        ("1_a.sql", "create table a (id bigint primary key, b bigint, c bigint);"),
        ("2_b.sql", "create index a_b on a (b);\ncreate index a_c on a (c);"),
    ];
    let report = review(&scratch().await, &files).await;
    let found = report.findings.iter().filter(|f| f.rule.name == "create-index-not-concurrently");
    assert_eq!(found.count(), 2, "{:?}", names(&report));
}

#[tokio::test]
async fn what_only_another_server_has_does_not_keep_the_files_from_building() {
    let dump = "select pg_catalog.set_config('search_path', '', false);\n\
                create extension if not exists pg_stat_statements with schema public;\n\
                comment on extension pg_stat_statements is 'statements';\n\
                create table public.a (id bigint primary key);\n\
                alter table public.a owner to postgres;\n\
                set role howdah_other;\n\
                create table public.b (id bigint primary key);\n\
                select format('drop table %I', 'a') \\gexec\n\
                \\connect app\n\
                create table public.c (id bigint primary key);";
    let files = [("a.sql", dump), ("b.sql", "create index a_id on a (id);")];
    let report = review(&scratch().await, &files).await;
    assert_eq!(failures(&report), Vec::<&str>::new());
    let catalog = report.facts.catalog.as_ref().unwrap();
    assert!(["a", "b", "c"].iter().all(|name| catalog.resolve(name).is_some()));
}

#[tokio::test]
async fn an_extension_that_reaches_out_is_told_mildly_with_what_misses_it() {
    let files = [(
        "1_a.sql",
        "create extension postgres_fdw; create server s foreign data wrapper postgres_fdw;",
    )];
    let report = review(&scratch().await, &files).await;
    let found = finding(&report, "does-not-build");
    assert_eq!(found.level, howdah_review::Level::Notice, "{found:?}");
    assert!(found.detail.as_deref().is_some_and(|detail| detail.contains("1 later")), "{found:?}");
}

#[tokio::test]
async fn a_single_statement_of_golang_migrate_is_in_no_transaction() {
    let table = "create table a (id bigint primary key, b bigint);";
    let index = "create index concurrently a_b on a (b);";
    let files = [("1_a.up.sql", table), ("2_b.up.sql", index), ("2_b.down.sql", "drop index a_b;")];
    assert_eq!(failures(&review(&scratch().await, &files).await), Vec::<&str>::new());
    // sqlx has one around it.
    let files = [("1_a.up.sql", table), ("2_b.up.sql", index), ("../src/main.rs", "fn main() {}")];
    assert_eq!(failures(&review(&scratch().await, &files).await).len(), 1);
}

#[tokio::test]
async fn diesel_is_told_beside_the_file_that_there_is_no_transaction() {
    let files = [
        ("1_a/up.sql", "create table a (id bigint primary key, b bigint);"),
        ("2_b/up.sql", "create index concurrently a_b on a (b);"),
        ("2_b/metadata.toml", "run_in_transaction = false\n"),
    ];
    assert_eq!(failures(&review(&scratch().await, &files).await), Vec::<&str>::new());
}
