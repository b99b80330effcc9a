//! R17, J10: whatever an organisation asks, it sees its own rows and no others: of every table,
//! chunk, rollup, view and function, also those that nobody thought of.

use std::collections::BTreeSet;

use howdah_pg::{ConnectOptions, Connection, connect};

use super::vectors::text;
use super::world::{aircraft, flown, hangar, session};
use crate::calls::world::Feeds;
use crate::engine::{Engine, fine};

const DENIED: &str = "42501";

/// The URL and name of a reader's login, of an organisation or of none.
pub async fn login(engine: &Engine, name: &str, org: Option<&str>) -> (String, String) {
    let prefix: String = engine.one("select current_user::text").await;
    let url = engine.db.login(name, &[&format!("{prefix}_reader")]).await;
    let login = format!("{}_{name}", engine.db.name());
    if let Some(org) = org {
        let sql = format!("insert into howdah.tenant_logins values ('{login}', '{org}')");
        engine.run(&sql).await;
    }
    (url, login)
}

async fn session_of(engine: &Engine, name: &str, org: Option<&str>) -> Connection {
    let (url, _) = login(engine, name, org).await;
    fine(connect(&fine(ConnectOptions::from_url(&url))).await)
}

/// The rows of a query; none when it is refused.
async fn count(connection: &Connection, sql: &str) -> i64 {
    match connection.query_one(&format!("select count(*) from ({sql}) q"), &[]).await {
        Ok(row) => row.get(0),
        Err(error) => {
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}: {error:?}");
            0
        }
    }
}

/// Tables, views and table functions of the system that tell of organisations.
async fn relations(engine: &Engine) -> Vec<String> {
    let mut all = engine
        .texts(
            "select relname::text from pg_class c where relnamespace = 'public'::regnamespace \
                and relkind in ('r', 'p', 'v') and not relispartition and exists (select from \
                pg_attribute a where a.attrelid = c.oid and attname = 'org_id') order by 1",
        )
        .await;
    let moment = "'2026-11-21'::timestamptz";
    all.push(format!("risk_profile({moment}, 30)"));
    for function in ["due_list", "maintenance_score", "quota"] {
        all.push(format!("{function}({moment})"));
    }
    all
}

#[tokio::test]
async fn r17_j10_an_organisation_sees_exactly_its_rows_of_everything() {
    let engine = flown().await;
    let mine = session_of(&engine, "a", Some("org-000")).await;
    let nobody = session_of(&engine, "n", None).await;
    let empty = session_of(&engine, "e", Some("")).await;
    let hidden = ["app_user_secret", "api_key_secret", "suspended_login"];
    let mut silent = BTreeSet::new();
    for relation in relations(&engine).await {
        let own = format!("select from {relation} where org_id = 'org-000'");
        let may: i64 = engine.one(&format!("select count(*) from ({own}) q")).await;
        let may = if hidden.contains(&relation.as_str()) { 0 } else { may };
        assert_eq!(count(&mine, &format!("select from {relation}")).await, may, "{relation}");
        for other in [&nobody, &empty] {
            assert_eq!(count(other, &format!("select from {relation}")).await, 0, "{relation}");
        }
        if may == 0 {
            silent.insert(relation);
        }
    }
    assert!(silent.len() < 22, "most of them show something: {silent:?}");
    for vault in ["person", "person_request"] {
        assert_eq!(count(&mine, &format!("select from {vault}")).await, 0, "{vault}");
    }
    let others: i64 = engine.one("select count(*) from aircraft where org_id <> 'org-000'").await;
    assert!(others > 0);
}

#[tokio::test]
async fn r17_r18_an_organisation_writes_nothing_and_opens_nothing() {
    let engine = flown().await;
    let mine = session_of(&engine, "a", Some("org-000")).await;
    let tables = engine
        .texts(
            "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
                and relkind in ('r', 'p') and not relispartition",
        )
        .await;
    for table in &tables {
        for sql in [
            format!("insert into {table} default values"),
            format!("delete from {table}"),
            format!("truncate {table}"),
            format!("alter table {table} no force row level security"),
        ] {
            let error = mine.batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
        }
    }
    for trick in [
        "set howdah.tenant = 'org-001'",
        "set app.current_org_id = 'org-001'",
        "set row_security = off",
    ] {
        mine.batch_execute(trick).await.unwrap();
        assert_eq!(count(&mine, "select from aircraft where org_id <> 'org-000'").await, 0);
        mine.batch_execute("reset all").await.unwrap();
    }
    let chunk: String = engine
        .one(
            "select inhrelid::regclass::text from pg_inherits \
              where inhparent = 'telemetry'::regclass limit 1",
        )
        .await;
    assert_eq!(count(&mine, &format!("select from {chunk}")).await, 0);
    for function in
        ["suspend_organization", "copy_aircraft_status", "person_export", "person_erase"]
    {
        let open = format!(
            "select count(*) from pg_proc where proname = '{function}' \
             and has_function_privilege('public', oid, 'execute')"
        );
        assert_eq!(engine.one::<i64>(&open).await, 0, "{function}");
    }
    let careless = "select count(*) from pg_proc where pronamespace = 'public'::regnamespace \
                    and prosecdef and not coalesce(proconfig::text, '') like '%search_path%'";
    assert_eq!(engine.one::<i64>(careless).await, 0, "R16: definer's rights have a search path");
}

/// §1: a suspended organisation sees nothing in its next statement, and all of it when it is back.
#[tokio::test]
async fn a_suspended_organisation_loses_access_at_once() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    let mine = session_of(&engine, "a", Some("one")).await;
    assert_eq!(count(&mine, "select from aircraft").await, 1);
    let change = |active: bool, version: u32| {
        format!("update organization set active = {active}, row_version = {version}")
    };
    engine.run(&change(false, 1)).await;
    assert_eq!(count(&mine, "select from aircraft").await, 0);
    engine.run(&change(true, 2)).await;
    assert_eq!(count(&mine, "select from aircraft").await, 1);
}

/// J5, R31: no row of one organisation speaks of a thing of another.
#[tokio::test]
async fn j5_r31_an_event_cannot_name_what_belongs_to_another_organisation() {
    let engine = hangar().await;
    aircraft(&engine, "one", "A-1", "multirotor", 4).await;
    aircraft(&engine, "two", "B-1", "multirotor", 4).await;
    let id = session(&engine, "one", "A-1", 0).await;
    let foreign = [
        // The session of one, told by two; the session with an aircraft that did not fly it.
        serde_json::json!({"org": "two", "session": id, "aircraft": "B-1", "seq": 1,
            "ts": super::world::at(5)}),
        serde_json::json!({"org": "one", "session": id, "aircraft": "B-1", "seq": 1,
            "ts": super::world::at(5)}),
    ];
    let told = Feeds::new(&engine).send("telemetry", &foreign).await;
    assert_eq!(told, (0, 0, 2));
    let codes =
        text(&engine, "select string_agg(distinct code, ' ') from howdah.dead_letters").await;
    assert_eq!(codes, "23503");
    let crossed = engine
        .client
        .batch_execute(
            "insert into flight_session (org_id, session_id, aircraft_id, planned) values \
                        ('two', '01a19480-0000-7001-8000-000000000001', 'A-1', '(,)')",
        )
        .await;
    assert_eq!(crossed.unwrap_err().code().unwrap().code(), "23503");
}
