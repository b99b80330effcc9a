//! Row security: what one tenant can reach of another's rows. Nothing.

use howdah_pg::{ConnectOptions, Connection, connect};

use crate::engine::{Engine, fine};

const A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const B: &str = "bbbbbbbb-0000-4000-8000-000000000002";

const TABLES: &str = "
create table tenants (id uuid primary key, name text);
insert into tenants values ('aaaaaaaa-0000-4000-8000-000000000001', 'a'),
    ('bbbbbbbb-0000-4000-8000-000000000002', 'b');
create table notes (tenant_id uuid not null, body text);
insert into notes select id, name from tenants;
create table moves (tenant_id uuid not null, id bigint not null, at timestamptz not null,
    n numeric not null, primary key (tenant_id, id, at));
insert into moves select id, 1, now() - interval '40 days', 7 from tenants;
create table adopted (tenant_id uuid not null, id bigint not null, at timestamptz not null,
    n numeric not null, primary key (tenant_id, id, at)) partition by range (at);
create table adopted_old partition of adopted for values from ('2020-01-01') to ('2021-01-01');
create role \"{db}_legacy\" nologin;
grant select, insert on adopted, adopted_old to \"{db}_legacy\", public;
grant select (n) on adopted_old to \"{db}_legacy\";
insert into adopted select id, 1, '2020-05-05', 7 from tenants;
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[tenants]
column = "tenant_id"
table = "tenants"
[streams.moves]
time = "at"
key = ["id"]
[streams.adopted]
time = "at"
key = ["id"]
[sources.moves]
file = "moves.ndjson"
into = "moves"
[rollups.days]
from = "moves"
every = ["1 day"]
sum = "sum(n)"
[rollups.totals]
from = "moves"
by = ["tenant_id"]
sum = "sum(n)"
[rollups.adopted_totals]
from = "adopted"
by = ["tenant_id"]
sum = "sum(n)"
"#;

/// Two tenants with rows everywhere, and what an owner makes in good faith.
async fn world() -> (Engine, Vec<Connection>) {
    let engine = Engine::applied(TABLES, SYSTEM).await;
    let mut feed = engine.feed("moves").await;
    let events = [A, B].map(|tenant| {
        format!(r#"{{"tenant_id": "{tenant}", "id": 2, "at": "2026-11-20T10:00:00Z", "n": 5}}"#)
    });
    assert_eq!(feed.commit(&events).await.rows, 2);
    let name = engine.db.name().to_owned();
    engine
        .run(&format!(
            "create view invoker with (security_invoker = true) as select * from moves;
             create view definer as select * from moves;
             create view definer_days as select * from days_1d;
             create function all_moves() returns setof moves language sql security definer
                 as 'select * from moves';
             grant select on invoker, definer, definer_days to {name}_reader;
             grant insert, update, delete on moves, days_1d, totals, notes to {name}_reader;
             grant {name}_legacy to {name}_reader;"
        ))
        .await;
    let mut logins = Vec::new();
    for (login, tenant) in [("a", Some(A)), ("b", Some(B)), ("nobody", None)] {
        let url = engine.db.login(login, &[&format!("{name}_reader")]).await;
        if let Some(tenant) = tenant {
            engine
                .run(&format!(
                    "insert into howdah.tenant_logins values ('{name}_{login}', '{tenant}')"
                ))
                .await;
        }
        logins.push(fine(connect(&fine(ConnectOptions::from_url(&url))).await));
    }
    (engine, logins)
}

/// How many rows a query gives, or the error's SQLSTATE.
async fn count(connection: &Connection, sql: &str) -> Result<i64, String> {
    let sql = format!("select count(*) from ({sql}) q");
    match connection.query_one(&sql, &[]).await {
        Ok(row) => Ok(row.get(0)),
        Err(error) => Err(error.code().map_or("?", |state| state.code()).to_owned()),
    }
}

const DENIED: &str = "42501";

/// Every relation that holds rows of tenants, with the number of rows of each tenant.
const READS: [(&str, i64); 10] = [
    ("select * from moves", 2),
    ("select * from adopted", 1),
    ("select * from days_1d", 2),
    ("select * from totals", 1),
    ("select * from adopted_totals", 1),
    ("select * from notes", 1),
    ("select * from invoker", 2),
    ("select * from definer", 2),
    ("select * from definer_days", 2),
    ("select * from all_moves()", 2),
];

#[tokio::test]
async fn a_tenant_reads_its_own_rows_and_no_others() {
    let (engine, logins) = world().await;
    for (login, tenant, other) in [(&logins[0], A, B), (&logins[1], B, A)] {
        for (sql, rows) in READS {
            assert_eq!(count(login, sql).await, Ok(rows), "{sql}");
            let own = format!("select * from ({sql}) t where tenant_id = '{tenant}'");
            assert_eq!(count(login, &own).await, Ok(rows), "{sql}");
            let others = format!("select * from ({sql}) t where tenant_id = '{other}'");
            assert_eq!(count(login, &others).await, Ok(0), "{sql}");
        }
    }
    for (sql, _) in READS {
        assert_eq!(count(&logins[2], sql).await, Ok(0), "a login without a tenant: {sql}");
    }
    assert_eq!(engine.one::<i64>("select count(*) from moves").await, 4, "the owner sees all");
    engine.assert_proved().await;
}

#[tokio::test]
async fn no_partition_can_be_read_by_name() {
    let (engine, logins) = world().await;
    let partitions = engine
        .texts(
            "select inhrelid::regclass::text from pg_inherits join pg_class c on c.oid = inhrelid \
             where c.relkind = 'r' order by 1",
        )
        .await;
    assert!(partitions.len() > 4, "{partitions:?}");
    for partition in &partitions {
        for sql in [
            format!("select count(*) from {partition}"),
            format!("copy {partition} to stdout"),
            format!("copy (select * from {partition}) to stdout"),
            format!("delete from {partition}"),
        ] {
            let error = logins[0].batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
        }
    }
    // Even with every privilege, which default privileges or a careless grant may give.
    let name = engine.db.name().to_owned();
    engine.run(&format!("grant usage on schema howdah_chunks to {name}_reader")).await;
    for partition in &partitions {
        engine.run(&format!("grant select, insert on {partition} to {name}_reader")).await;
        assert_eq!(count(&logins[0], &format!("select * from {partition}")).await, Ok(0));
        let insert = format!("insert into {partition} select '{A}', 77, now(), 1");
        assert!(logins[0].batch_execute(&insert).await.is_err());
    }
    // The next apply closes them again.
    engine.apply().await;
    let sql = format!("select * from {}", partitions[0]);
    assert_eq!(count(&logins[0], &sql).await, Err(DENIED.to_owned()));
}

#[tokio::test]
async fn a_tenant_writes_nothing_of_another_even_when_it_may_write() {
    let (engine, logins) = world().await;
    let a = &logins[0];
    for sql in [
        format!("insert into moves values ('{B}', 9, now(), 1)"),
        format!("insert into notes values ('{B}', 'x')"),
        format!("insert into days_1d (tenant_id, bucket, sum) values ('{B}', '2020-01-01', 1)"),
        format!("insert into totals (tenant_id, sum) values ('{B}', 1)"),
        format!("update moves set tenant_id = '{B}'"),
        format!("update notes set tenant_id = '{B}'"),
        "truncate moves".to_owned(),
        "truncate days_1d".to_owned(),
        "alter table moves disable row level security".to_owned(),
        "drop policy howdah_tenant on moves".to_owned(),
        "create table howdah_chunks.mine ()".to_owned(),
    ] {
        let error = a.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
    }
    for sql in [
        format!("update moves set n = 0 where tenant_id = '{B}'"),
        format!("delete from moves where tenant_id = '{B}'"),
        format!("delete from notes where tenant_id = '{B}'"),
        format!("update totals set sum = 0 where tenant_id = '{B}'"),
    ] {
        assert_eq!(a.execute(&sql, &[]).await.unwrap(), 0, "{sql}");
    }
    // Its own rows it may write: the control.
    assert_eq!(a.execute(&format!("insert into notes values ('{A}', 'x')"), &[]).await.unwrap(), 1);
    assert_eq!(engine.one::<i64>("select count(*) from moves").await, 4);
}

#[tokio::test]
async fn the_tenant_of_a_session_cannot_be_changed_by_sql() {
    let (engine, logins) = world().await;
    let a = &logins[0];
    let name = engine.db.name().to_owned();
    for sql in [
        "select * from howdah.tenant_logins".to_owned(),
        format!("insert into howdah.tenant_logins values ('{name}_a', '{B}')"),
        format!("update howdah.tenant_logins set tenant = '{B}'"),
        "delete from howdah.tenant_logins".to_owned(),
        "select * from howdah.positions".to_owned(),
        "select * from howdah.dead_letters".to_owned(),
        format!("set session authorization {name}_b"),
        format!("set role {name}"),
        format!("set role {name}_writer"),
        "create or replace function howdah.tenant() returns text language sql as 'select null'"
            .to_owned(),
    ] {
        let error = a.batch_execute(&sql).await.expect_err(&sql);
        assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
    }
    // A function of its own that shadows names used in the tenant's question changes nothing.
    engine.run(&format!("grant create on schema public to {name}_reader")).await;
    a.batch_execute(&format!(
        "create function public.tenant() returns text language sql as 'select ''{B}''';
         set search_path = public, pg_catalog; set role {name}_reader"
    ))
    .await
    .unwrap();
    assert_eq!(count(a, &format!("select * from moves where tenant_id = '{B}'")).await, Ok(0));
    assert_eq!(count(a, "select * from moves").await, Ok(2));
}

/// The owner's sight ends with `set role`: an application that logs in as the owner and acts as a
/// reader has no tenant. (A login that is made a member of the owner is the owner: it could as well
/// drop the policies.)
#[tokio::test]
async fn the_owner_that_acts_as_a_reader_sees_nothing() {
    let (engine, _) = world().await;
    let name = engine.db.name().to_owned();
    let admin = engine.db.admin().await;
    // From PostgreSQL 16 on, the maker of a role is a member who may not take it on.
    let join = format!("revoke {name}_reader from {name}; grant {name}_reader to {name}");
    admin.batch_execute(&join).await.unwrap();
    let owner = engine.db.connect().await;
    assert_eq!(count(&owner, "select * from moves").await, Ok(4));
    owner.batch_execute(&format!("set role {name}_reader")).await.unwrap();
    let own = ["definer", "definer_days", "all_moves()"];
    for (sql, _) in READS.iter().filter(|(sql, _)| own.iter().all(|view| !sql.ends_with(view))) {
        assert_eq!(count(&owner, sql).await, Ok(0), "{sql}");
    }
}

#[tokio::test]
async fn leaky_functions_see_no_row_of_another_tenant() {
    let (engine, logins) = world().await;
    let name = engine.db.name().to_owned();
    engine.run(&format!("grant create on schema public to {name}_reader")).await;
    let a = &logins[0];
    a.batch_execute(
        "create function leak(text) returns boolean language plpgsql cost 0.0000001 as \
         'begin if $1 like ''b%'' then raise exception ''leaked''; end if; return true; end'",
    )
    .await
    .unwrap();
    for (relation, rows) in [("moves", 2), ("notes", 1), ("days_1d", 2), ("definer", 2)] {
        let sql = format!("select * from {relation} where leak(tenant_id::text)");
        assert_eq!(count(a, &sql).await, Ok(rows), "{relation}");
        let cast = format!("select * from {relation} where 1 / (tenant_id <> '{B}')::int = 1");
        assert_eq!(count(a, &cast).await, Ok(rows), "{relation}");
    }
}
