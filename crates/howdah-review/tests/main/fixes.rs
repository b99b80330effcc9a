//! Fixes stand their trial in the order of the whole plan, and experiments say how bad it is.

use howdah_review::fix;
use howdah_review::{Expect, Facts, Fix, Level, Login, Reproducer};

use crate::rig::{names, review, scratch};

const TABLES: (&str, &str) = (
    "0001_a.sql",
    "create table customers (id bigint primary key);\n\
     create table orders (id bigint primary key, customer bigint, amount numeric);\n\
     create index orders_customer on orders (customer);",
);
const FOREIGN_KEY: (&str, &str) = (
    "0002_b.sql",
    "set local lock_timeout = '3s';\n\
     alter table orders add foreign key (customer) references customers;",
);

#[tokio::test]
async fn what_is_checked_later_is_validated_in_a_migration_of_its_own() {
    let files = [
        TABLES,
        FOREIGN_KEY,
        (
            "0003_c.sql",
            "set local lock_timeout = '3s';\n\
             alter table orders add constraint positive check (amount > 0);",
        ),
    ];
    let report = review(&scratch().await, &files).await;
    for (rule, validation) in [
        ("foreign-key-checks-all-rows", "validate constraint \"orders_customer_fkey\""),
        ("check-checks-all-rows", "validate constraint \"positive\""),
    ] {
        let finding = report.findings.iter().find(|finding| finding.rule.name == rule).unwrap();
        let text = finding.fix_text().unwrap_or_else(|| panic!("{:?}", report.withdrawn));
        let (now, later) = text.split_once("-- in a later migration:").unwrap();
        assert!(now.contains("not valid") && later.contains(validation), "{text}");
    }
    let written = fix::files(&report);
    let last = written.last().unwrap();
    assert_eq!(last.path, "0004_review_fixes.sql");
    assert_eq!(last.text.matches("validate constraint").count(), 2, "{}", last.text);
    assert!(written.iter().any(|file| file.path == "0002_b.sql"), "{written:?}");
}

#[tokio::test]
async fn nothing_is_left_to_validate_where_a_later_file_takes_the_constraint_away() {
    let files = [
        TABLES,
        FOREIGN_KEY,
        (
            "0003_c.sql",
            "set local lock_timeout = '3s';\n\
             alter table orders drop constraint orders_customer_fkey;",
        ),
    ];
    let report = review(&scratch().await, &files).await;
    let name = "foreign-key-checks-all-rows";
    let finding = report.findings.iter().find(|finding| finding.rule.name == name).unwrap();
    let text = finding.fix_text().unwrap_or_else(|| panic!("{:?}", report.withdrawn));
    assert!(text.contains("not valid") && !text.contains("validate constraint"), "{text}");
    let written = fix::files(&report);
    assert!(written.iter().all(|file| !file.text.contains("validate constraint")), "{written:?}");
}

#[tokio::test]
async fn of_hundreds_of_statements_only_the_guilty_fixes_are_taken_back() {
    // In "9998_comment.sql" an index is dropped under a lock that is held anyway; without the
    // transaction, which the fix of its other index ends, that becomes a finding of its own.
    let mut files: Vec<(String, String)> = (0..140)
        .map(|n| {
            let text = format!(
                "create table t{n} (id bigint primary key, a bigint, b bigint);\n\
                 comment on table t{n} is 'one of many';\n\
                 create index t{n}_a on t{n} (a);\n"
            );
            (format!("{n:04}_table.sql"), text)
        })
        .collect();
    files.push(("9997_index.sql".into(), "create index t1_b on t1 (b, a);".into()));
    files.push((
        "9998_comment.sql".into(),
        "set local lock_timeout = '3s';\n\
         alter table t2 alter column a set default 1;\n\
         create index t2_ab on t2 (a, b);\n\
         comment on index t2_ab is 'built here, or there is none to comment on';"
            .into(),
    ));
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let report = review(&scratch().await, &files).await;
    let name = "create-index-not-concurrently";
    let fixed = |path: &str| {
        let is_it = |finding: &&howdah_review::Finding| {
            finding.rule.name == name
                && finding.place.as_ref().is_some_and(|place| place.path == path)
        };
        report.findings.iter().find(is_it).unwrap().fix.is_some()
    };
    assert!(fixed("9997_index.sql"), "{:?}", report.withdrawn);
    assert!(!fixed("9998_comment.sql"));
    let reasons: Vec<&str> = report.withdrawn.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons, ["with it the files do not build"]);
}

#[tokio::test]
async fn the_name_of_a_new_index_is_one_that_nothing_has() {
    let files = [(
        "0001_a.sql",
        "create table customers (id bigint primary key);\n\
         create table orders (id bigint primary key, customer bigint references customers\n  \
         on delete cascade, at date);\ncreate index orders_customer_idx on orders (at);",
    )];
    let report = review(&scratch().await, &files).await;
    let name = "foreign-key-without-index";
    let finding = report.findings.iter().find(|finding| finding.rule.name == name).unwrap();
    let Some(Fix::After(sql)) = &finding.fix else { panic!("{:?}", report.withdrawn) };
    assert!(sql[0].contains("\"orders_customer_2_idx\""), "{sql:?}");
}

#[tokio::test]
async fn every_index_of_a_transaction_is_told() {
    let files = [
        ("0001_a.sql", "create table orders (id bigint primary key, customer bigint, at date);"),
        (
            "0002_b.sql",
            "create index orders_customer on orders (customer);\n\
             create index orders_at on orders (at, customer);",
        ),
    ];
    let report = review(&scratch().await, &files).await;
    let told = names(&report).into_iter().filter(|name| *name == "create-index-not-concurrently");
    assert_eq!(told.count(), 2, "{:?}", names(&report));
}

#[tokio::test]
async fn an_experiment_can_raise_a_level() {
    let tables = "create table customers (id bigint primary key);\n\
                  create table orders (id bigint primary key, customer_id bigint not null);\n";
    let rows = format!("{tables}insert into orders values (1, 7);");
    for (text, level) in [(tables, Level::Info), (rows.as_str(), Level::Warning)] {
        let report = review(&scratch().await, &[("0001_a.sql", text)]).await;
        let name = "foreign-key-missing";
        let finding = report.findings.iter().find(|finding| finding.rule.name == name).unwrap();
        assert_eq!(finding.level, level, "{:?}", finding.detail);
    }
}

#[tokio::test]
async fn a_reproducer_shows_by_its_last_statement_and_as_the_login_that_it_names() {
    let scratch = scratch().await;
    let facts = Facts::default();
    let shows = async |sql: &str, login| {
        let reproducer =
            Reproducer { before: None, sql: sql.to_owned(), expect: Expect::Rows, login };
        howdah_review::reproduce_on(&scratch, &facts, &reproducer).await.unwrap()
    };
    assert!(shows("select 1", Login::Owner).await);
    assert!(!shows("select 1; select 1 where false", Login::Owner).await);
    assert!(!shows("select 1; create table a ()", Login::Owner).await);
    let superuser = "select 'create role' from pg_roles where rolname = current_user and rolsuper";
    assert!(!shows(superuser, Login::Owner).await);
    assert!(shows(superuser, Login::Superuser).await);
}
