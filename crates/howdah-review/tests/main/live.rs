//! Live databases: read and never written to, on one connection, with whatever rights there are.

use howdah_pg::ConnectOptions;
use howdah_review::target::Target;
use howdah_review::{Proof, Report, copy};
use howdah_testkit::TestDatabase;

use crate::rig::{cluster, names, options, scratch};

/// What an application of some size has: keys, foreign keys, views on views, functions that call
/// one another, policies, partitions, enums, domains, generated columns, triggers, grants.
const SCHEMA: &str = "
    create role howdah_live_clerk;
    create schema app;
    create type app.state as enum ('new', 'it''s paid', 'gone');
    create domain app.amount as numeric(12, 2) check (value >= 0);
    create type app.pair as (a int, b text);
    create function app.half(n numeric, by numeric default 2) returns numeric language sql immutable
        as 'select n / by';
    create table app.customers (
        id bigint generated always as identity primary key,
        tenant_id uuid not null,
        name text not null collate \"C\",
        state app.state not null default 'new',
        tags text[] not null default '{}');
    create table app.orders (
        id bigserial primary key,
        tenant_id uuid not null,
        customer bigint not null references app.customers on delete cascade,
        total app.amount not null,
        half numeric generated always as (app.half(total)) stored,
        placed timestamptz not null default now(),
        constraint limited check (total < 1000000));
    create index orders_open on app.orders (customer) where total > 0;
    create unique index on app.orders (tenant_id, lower(id::text)) include (total);
    create table app.events (at timestamptz not null, id bigint not null, what app.pair,
        primary key (at, id)) partition by range (at);
    create table app.events_2026 partition of app.events
        for values from ('2026-01-01Z') to ('2027-01-01Z');
    create table app.events_rest partition of app.events default;
    create index on app.events (id);
    create view app.z_first as select id, tenant_id, total from app.orders;
    create view app.a_second (number, sum) with (security_invoker = true) as
        select id, app.half(total) from app.z_first;
    create materialized view app.totals as select tenant_id, sum(total) from app.orders group by 1;
    create unique index on app.totals (tenant_id);
    create function app.keep() returns trigger language plpgsql as 'begin return new; end';
    create trigger keep before insert on app.orders for each row execute function app.keep();
    alter table app.orders disable trigger keep;
    create function app.count() returns bigint language sql as 'select count(*) from app.orders';
    revoke execute on function app.count() from public;
    alter table app.orders enable row level security;
    create policy own on app.orders for all to howdah_live_clerk
        using (tenant_id = (select current_setting('app.tenant', true)::uuid));
    grant usage on schema app to howdah_live_clerk;
    grant select, insert on app.orders to howdah_live_clerk;
    grant select (id), update (name) on app.customers to howdah_live_clerk;
";

async fn target() -> TestDatabase {
    let database = cluster().await.database().await;
    let admin = database.admin().await;
    let role = "do $$ begin create role howdah_live_clerk; \
                exception when duplicate_object then end $$";
    admin.batch_execute(role).await.unwrap();
    let schema = SCHEMA.replace("create role howdah_live_clerk;", "");
    admin.batch_execute(&schema).await.unwrap();
    admin.close().await;
    database
}

async fn review(options_of: ConnectOptions) -> Report {
    let scratch = scratch().await;
    howdah_review::review_live_on(&scratch, &Target::Live(options_of), &options()).await.unwrap()
}

#[tokio::test]
async fn a_login_without_rights_reviews_and_is_told_what_it_does_not_see() {
    let database = target().await;
    let url = database.login("nobody", &[]).await;
    let admin = database.admin().await;
    let one = format!("alter role \"{}_nobody\" connection limit 1", database.name());
    admin.batch_execute(&one).await.unwrap();
    admin.close().await;
    let Target::Live(nobody) = Target::parse(&url).unwrap() else { panic!("{url}") };
    let report = review(nobody).await;
    let unseen: Vec<&str> = report.facts.unseen.iter().map(|u| u.what.as_str()).collect();
    assert!(unseen.contains(&"statements and statistics of other logins"), "{unseen:?}");
    assert!(!unseen.iter().any(|what| what.contains("on the copy")), "{:?}", report.facts.unseen);
    assert!(names(&report).contains(&"row-security-not-forced"), "{:?}", names(&report));
    assert!(names(&report).contains(&"trigger-disabled"), "{:?}", names(&report));
}

#[tokio::test]
async fn the_copy_has_what_the_target_has() {
    let database = target().await;
    let scratch = scratch().await;
    let mut facts = Target::Live(database.options().clone()).read().await.unwrap();
    let there = scratch.database().await.unwrap();
    copy::copy(&mut facts, &there).await.unwrap();
    assert!(!facts.unseen.iter().any(|u| u.what.contains("on the copy")), "{:?}", facts.unseen);
    let connection = there.connect().await.unwrap();
    let mut copied = howdah_pg::introspect(&connection).await.unwrap();
    connection.close().await;
    scratch.drop(there).await.unwrap();
    let target = facts.catalog.unwrap();
    copy::overlay(&mut copied, &target);
    assert_eq!(
        copied.relations.keys().collect::<Vec<_>>(),
        target.relations.keys().collect::<Vec<_>>()
    );
    for (name, relation) in &target.relations {
        let mut expected = relation.clone();
        // No row is copied, and no comment.
        expected.comment = None;
        assert_eq!(copied.relations[name], expected, "{}", name.plain());
    }
    assert_eq!(copied.functions, target.functions);
    let granted = |catalog: &howdah_catalog::Catalog| {
        let mut grants = catalog.grants.clone();
        grants.retain(|grant| grant.target != howdah_catalog::GrantTarget::Database);
        grants.sort();
        grants
    };
    assert_eq!(granted(&copied), granted(&target));
}

#[tokio::test]
async fn the_target_is_never_written_to() {
    let database = target().await;
    let admin = database.admin().await;
    let counters = "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::int8 \
                    from pg_stat_user_tables";
    let settle = "select pg_stat_force_next_flush()";
    let written = async || {
        admin.simple_query(settle).await.unwrap();
        admin.query_one(counters, &[]).await.unwrap().get::<_, i64>(0)
    };
    let catalog = howdah_pg::introspect(&admin).await.unwrap();
    let before = written().await;
    let report = review(database.options().clone()).await;
    assert!(report.findings.iter().any(|f| f.fix.is_some()), "{:?}", names(&report));
    assert!(report.findings.iter().any(|f| matches!(f.proof, Proof::Proved(_))));
    let after = howdah_pg::introspect(&admin).await.unwrap();
    for (name, relation) in &catalog.relations {
        let mut now = after.relations[name].clone();
        now.stats = relation.stats.clone();
        for (index, known) in now.indexes.iter_mut().zip(&relation.indexes) {
            index.scans = known.scans;
        }
        assert_eq!(now, *relation, "{}", name.plain());
    }
    assert_eq!(after.functions, catalog.functions);
    assert_eq!(written().await, before);
    admin.close().await;
}

#[tokio::test]
async fn fixes_of_a_live_database_stand_their_trial_on_the_copy() {
    let database = target().await;
    let report = review(database.options().clone()).await;
    let fixed = |rule: &str| report.findings.iter().any(|f| f.rule.name == rule && f.fix.is_some());
    assert!(fixed("row-security-not-forced"), "{:?}", report.withdrawn);
    assert!(fixed("trigger-disabled"), "{:?}", report.withdrawn);
    assert!(report.withdrawn.is_empty(), "{:?}", report.withdrawn);
}

/// Prints what the parts of a review take; asserts nothing about time.
#[tokio::test]
async fn three_hundred_tables_are_reviewed() {
    let database = cluster().await.database().await;
    let admin = database.admin().await;
    for n in 0..300 {
        let sql = format!(
            "create table t{n} (id bigint primary key, tenant_id uuid not null, \
             other bigint {}, state text not null default 'new', at timestamptz not null); \
             create index on t{n} (tenant_id, at); create index on t{n} (other)",
            if n > 0 { format!("references t{}", n - 1) } else { String::new() }
        );
        admin.batch_execute(&sql).await.unwrap();
    }
    admin.close().await;
    let target = Target::Live(database.options().clone());
    for _ in 0..5 {
        let begin = std::time::Instant::now();
        let facts = target.read().await.unwrap();
        let read = begin.elapsed();
        let found = howdah_review::check(&facts).len();
        println!("read {read:?}, with all rules {:?}, {found} findings", begin.elapsed());
    }
    let scratch = scratch().await;
    let begin = std::time::Instant::now();
    let report = howdah_review::review_live_on(&scratch, &target, &options()).await.unwrap();
    println!("with the copy, experiments and fixes {:?}", begin.elapsed());
    assert!(!report.facts.unseen.iter().any(|u| u.what.contains("on the copy")));
}

#[tokio::test]
async fn statements_of_other_logins_are_seen_with_pg_monitor_alone() {
    let database = cluster().await.database().await;
    let admin = database.admin().await;
    let track = format!("alter database {} set pg_stat_statements.track = 'all'", database.name());
    admin.batch_execute(&track).await.unwrap();
    admin.batch_execute("create extension pg_stat_statements").await.unwrap();
    admin.close().await;
    let admin = database.admin().await;
    admin.batch_execute("select count(*) as howdah_of_others from pg_class").await.unwrap();
    admin.close().await;
    for (login, groups) in [("nobody", &[][..]), ("monitor", &["pg_monitor"][..])] {
        let url = database.login(login, groups).await;
        let facts = Target::parse(&url).unwrap().read().await.unwrap();
        let workload = facts.in_use.unwrap().workload.unwrap();
        let seen = workload.iter().any(|s| s.query.contains("howdah_of_others"));
        let told = facts.unseen.iter().any(|u| u.what.starts_with("statements and statistics"));
        assert_eq!((seen, told), (login == "monitor", login == "nobody"), "{login}");
    }
}
