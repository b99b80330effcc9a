//! A person's rights, §6: one bundle of everything, and to be forgotten; within an organisation.

use howdah_pg::{ConnectOptions, Connection, connect};
use serde_json::{Value, json};

use super::attack::login;
use super::vectors::{analysis_id, models, result, text};
use super::world::{Named, aircraft, at, hangar, session};
use crate::calls::world::Feeds;
use crate::engine::{Engine, fine};

const ANNA: &str = "00000000-0000-4000-8000-00000000000a";
const BERT: &str = "00000000-0000-4000-8000-00000000000b";

/// Two organisations, a person in each, both called p-1 there, and a flight of each.
async fn people() -> Engine {
    let engine = hangar().await;
    let mut feeds = Feeds::new(&engine);
    for (org, craft, person) in [("one", "A-1", ANNA), ("two", "B-1", BERT)] {
        aircraft(&engine, org, craft, "multirotor", 4).await;
        engine
            .run(&format!(
                "insert into person (of_org, person_id, pseudonym, sealed, key_ref, \
                 licence_expiry) \
                 values ('{org}', '{person}', 'p-1', sha256('identity of {org}'), 'vault/{org}', \
                 '2027-01-01'); \
                 insert into app_user (org_id, user_id, email, role, pseudonym) \
                 values ('{org}', 'u-1', 'anna.{org}@example.com', 'pilot', 'p-1')"
            ))
            .await;
        let id = session(&engine, org, craft, 0).await;
        let about = Named { org, craft, id: &id };
        feeds.all_new("session_event", &[about.step(0, "planned")]).await;
        let legs = [about.event(10, "takeoff"), about.event(110, "land")];
        feeds.all_new("flight_event", &legs).await;
    }
    drop(feeds);
    engine
}

/// A tenant's login that may export and erase.
async fn officer(engine: &Engine, org: &str) -> Connection {
    let name = login(engine, org, Some(org)).await;
    engine
        .run(&format!(
            "grant execute on function person_export(text, uuid), person_erase(text, uuid) \
             to \"{}\"",
            name.1
        ))
        .await;
    fine(connect(&fine(ConnectOptions::from_url(&name.0))).await)
}

async fn bundle(connection: &Connection, org: &str, person: &str) -> Result<Value, String> {
    let sql = format!("select person_export('{org}', '{person}')::text");
    match connection.query_one(&sql, &[]).await {
        Ok(row) => Ok(serde_json::from_str(row.get(0)).unwrap()),
        Err(error) => Err(error.as_db_error().unwrap().code().code().to_owned()),
    }
}

#[tokio::test]
async fn r20_a_bundle_holds_everything_of_one_person_and_nothing_of_another_organisation() {
    let engine = people().await;
    let one = officer(&engine, "one").await;
    let all = bundle(&one, "one", ANNA).await.unwrap();
    assert_eq!(all["identity"]["key_ref"], "vault/one");
    let sealed = all["identity"]["sealed"].as_str().unwrap();
    let opens = format!("select (decode('{sealed}', 'base64') = sha256('identity of one'))::text");
    assert_eq!(text(&engine, &opens).await, "true");
    assert_eq!(all["hours"]["airborne_s"], 100.0);
    assert_eq!(all["counts"]["flights"], 1);
    assert_eq!(all["flights"][0]["aircraft"], "A-1");
    assert_eq!(all["accounts"][0]["email"], "anna.one@example.com");
    let sum = format!(
        "select (encode(sha256(convert_to((b - 'sha256')::text, 'UTF8')), 'hex') = b ->> 'sha256')\
         ::text from (select '{}'::jsonb as b) q",
        all.to_string().replace('\'', "''")
    );
    assert_eq!(text(&engine, &sum).await, "true", "the receiver can check it");
    // Neither by naming the other organisation nor by the other's id.
    assert_eq!(bundle(&one, "two", BERT).await, Err("42501".to_owned()));
    assert_eq!(bundle(&one, "one", BERT).await, Err("P0002".to_owned()));
    // Nor at all for who was not granted it, or has no organisation.
    let (url, _) = login(&engine, "reader", Some("one")).await;
    let reader = fine(connect(&fine(ConnectOptions::from_url(&url))).await);
    assert_eq!(bundle(&reader, "one", ANNA).await, Err("42501".to_owned()));
    let seen = one.query("select * from person", &[]).await;
    assert_eq!(seen.unwrap_err().code().unwrap().code(), "42501", "the vault itself is closed");
}

/// What a person certified and judged is in the bundle when it is folded too, years later.
#[tokio::test]
async fn r20_a_bundle_holds_what_is_folded() {
    let engine = people().await;
    models(&engine).await;
    let id: String =
        engine.one("select session_id::text from flight_session where org_id = 'one'").await;
    let about = Named { org: "one", craft: "A-1", id: &id };
    engine
        .run(
            "insert into maintenance_task (org_id, aircraft_id, task_code, interval_days, \
             starts_at) values ('one', 'A-1', 'ANNUAL', 30, '2026-10-21')",
        )
        .await;
    let day = 86_400;
    let done = json!({"org": "one", "event_id": analysis_id(2 * day, "risk", 9),
        "ts": at(2 * day), "kind": "task_done", "aircraft": "A-1", "task": "ANNUAL",
        "certifier": "p-1"});
    let found = result(&about, day, "risk", 1, &json!({"risk_score": 0.4, "confidence": 0.9}));
    let judged = json!({"org": "one", "analysis_id": found["analysis_id"], "ts": at(3 * day),
        "reviewer": "p-1", "decision": "confirmed"});
    let mut feeds = Feeds::new(&engine);
    feeds.all_new("maintenance_event", &[done]).await;
    feeds.all_new("analysis_result", &[found]).await;
    feeds.all_new("review_event", &[judged]).await;
    drop(feeds);
    let one = officer(&engine, "one").await;
    let before = bundle(&one, "one", ANNA).await.unwrap();
    assert_eq!(
        (&before["counts"]["certified"], &before["counts"]["reviews"]),
        (&1.into(), &1.into())
    );
    assert!(engine.fold_chunks().await > 0);
    engine.assert_all_folded().await;
    assert_eq!(bundle(&one, "one", ANNA).await.unwrap(), before, "the sum too");
}

#[tokio::test]
async fn r20_erasing_destroys_the_identity_and_leaves_hours_and_flights() {
    let engine = people().await;
    let (one, two) = (officer(&engine, "one").await, officer(&engine, "two").await);
    let hours = "select string_agg(concat_ws(' ', org_id, pilot, airborne_s), ';' order by org_id) \
                 from pilot_hours";
    let before = text(&engine, hours).await;
    let erase = |org: &str, person: &str| format!("select person_erase('{org}', '{person}')::text");
    let refused = one.query_one(&erase("two", BERT), &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    let told: String = one.query_one(&erase("one", ANNA), &[]).await.unwrap().get(0);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["erased"], &told["destroy_key"]), (&true.into(), &"vault/one".into()));
    let again: String = one.query_one(&erase("one", ANNA), &[]).await.unwrap().get(0);
    assert!(again.contains("\"erased\": false"), "done again it changes nothing: {again}");
    // The identity is gone from every table; what the pseudonym did is not.
    assert_eq!(text(&engine, hours).await, before);
    let all = bundle(&one, "one", ANNA).await.unwrap();
    assert_eq!(
        (&all["identity"]["sealed"], &all["identity"]["key_ref"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(all["counts"]["flights"], 1);
    let tables = engine
        .texts(
            "select format('%I', relname) from pg_class where relkind in ('r', 'p') \
                and not relispartition and relnamespace = 'public'::regnamespace",
        )
        .await;
    for table in tables {
        for word in ["'anna.one'", "encode(sha256('identity of one'), 'hex')"] {
            let sql =
                format!("select count(*) from {table} t where t::text like '%' || {word} || '%'");
            assert_eq!(engine.one::<i64>(&sql).await, 0, "{word} in {table}");
        }
    }
    // The record of it names the pseudonym alone, and cannot be changed.
    let log = "select string_agg(concat_ws(' ', of_org, kind, pseudonym), ';' order by at) \
               from person_request where kind = 'erase'";
    assert_eq!(text(&engine, log).await, "one erase p-1");
    for change in ["update person_request set actor = 'x'", "delete from person_request"] {
        assert!(engine.client.batch_execute(change).await.is_err(), "{change}");
    }
    assert_eq!(bundle(&two, "two", BERT).await.unwrap()["identity"]["key_ref"], "vault/two");
}
