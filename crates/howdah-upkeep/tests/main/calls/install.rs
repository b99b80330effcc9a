//! The installation as such: rights, schemas, migrations both ways, what a batch leaves behind.

use std::path::Path;

use super::money::hold;
use super::world::{self, BUYERS, Feeds, at, deposit, id, market};
use crate::engine::Engine;
use crate::systems;

/// Every file below `systems/calls` whose name has one of these endings: path and text.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/calls")];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| endings.iter().any(|end| it == *end)) {
                let text = std::fs::read_to_string(&path).unwrap();
                out.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    out
}

#[tokio::test]
async fn r1_no_setting_of_the_server_and_no_right_beyond_a_plain_owner_is_needed() {
    let market = market().await;
    let owner = "select rolsuper::text || rolbypassrls::text from pg_roles \
                 where rolname = current_user";
    assert_eq!(market.texts(owner).await, ["falsefalse"]);
    for (path, text) in files(&["sql"]) {
        let code: String = text.lines().filter(|line| !line.starts_with("--")).collect();
        assert!(!code.to_lowercase().contains("alter system"), "{path}");
        assert!(!code.to_lowercase().contains("create extension"), "{path}");
    }
}

#[tokio::test]
async fn r2_no_definition_holds_a_secret() {
    let market = market().await;
    let error = market
        .client
        .batch_execute(
            "insert into dnc_providers (id, name, type, auth_secret_ref) \
             values ('x', 'x', 'federal', 'hunter2')",
        )
        .await
        .unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23514", "references only");
    for (path, text) in files(&["sql", "toml"]) {
        let low = text.to_lowercase();
        for word in ["password '", "password=", "change-me", "changeme", "secret '", "token '"] {
            assert!(!low.contains(word), "{path}: {word}");
        }
    }
    let bodies = "select count(*) from pg_proc p join pg_namespace n on n.oid = pronamespace \
                  where nspname = 'public' and prosrc ~* '(password|secret)\\s*[:=]?=\\s*'''";
    assert_eq!(market.one::<i64>(bodies).await, 0);
    assert_eq!(market.one::<i64>("select count(*) from pg_user_mappings").await, 0);
}

#[tokio::test]
async fn r9_r10_entities_are_whole_and_schemas_are_few() {
    let market = market().await;
    let schemas = "select nspname::text from pg_namespace \
                   where nspname !~ '^pg_' and nspname <> 'information_schema' order by 1";
    assert_eq!(market.texts(schemas).await, ["howdah", "howdah_chunks", "public"]);
    let partitioned = "select relname::text from pg_class c join pg_namespace n on \
                       n.oid = relnamespace where nspname = 'public' and relkind = 'p' order by 1";
    assert_eq!(
        market.texts(partitioned).await,
        [
            "auction_events",
            "bid_events",
            "call_events",
            "call_quality",
            "compliance_checks",
            "consent_events",
            "dnc_changes",
            "fraud_scores",
            "ledger",
            "outcomes",
            "security_events",
        ]
    );
    let by_time = "select count(*) from pg_partitioned_table t join pg_attribute a \
                   on a.attrelid = partrelid and a.attnum = partattrs[0] \
                   where attname = 'event_time' and partstrat = 'r'";
    assert_eq!(market.one::<i64>(by_time).await, 11);
}

/// A hundred batches of the ledger, with repeats and refusals, make no new table.
#[tokio::test]
async fn r15_batches_leave_the_catalog_as_it_is() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    feeds.all_new("ledger", &[deposit(BUYERS[0], "100", "first")]).await;
    let counts = "select (select count(*) from pg_class) || ' ' || \
                  (select count(*) from pg_attribute)";
    let before = market.texts(counts).await;
    for number in 0..100_u64 {
        let event = hold(&market, &id(number), BUYERS[0], "0.01").await;
        let mut off = event.clone();
        off["legs"].as_array_mut().unwrap().pop();
        off["txn_id"] = serde_json::json!(id(9_000 + number));
        assert_eq!(feeds.send("ledger", &[event.clone(), event, off]).await, (1, 1, 1));
    }
    assert_eq!(market.texts(counts).await, before);
}

#[tokio::test]
async fn r24_migrations_lead_up_down_and_up_again() {
    systems::leads_up_down_and_up_again("calls").await;
}

/// R20: an event of any accepted age finds its chunk, made ahead or when it comes.
#[tokio::test]
async fn r20_an_event_of_yesterday_and_of_years_ago_is_stored() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let mut old = deposit(BUYERS[0], "1", "old");
    for time in ["2019-02-03T00:00:00Z", "2024-12-31T23:59:59Z"] {
        old["event_time"] = serde_json::json!(time);
        old["idempotency_key"] = serde_json::json!(format!("dep:{time}"));
        old["txn_id"] = serde_json::json!(world::id_of(time));
        feeds.all_new("ledger", std::slice::from_ref(&old)).await;
    }
    let ahead = "select count(*) from pg_class where relname like 'call\\_events\\_2%' \
                 and relkind = 'r'";
    assert!(market.one::<i64>(ahead).await >= 4, "the chunk of now and three ahead");
}

/// I5: a hold does not outlive its bid by more than the sweep takes; what is routed keeps it.
#[tokio::test]
async fn i5_expired_holds_are_given_back_and_those_of_routed_calls_are_not() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    for number in 1..=3_u64 {
        feeds.all_new("ledger", &[hold(&market, &id(number), BUYERS[0], "5").await]).await;
    }
    let route = format!(
        "insert into call_routes values ('{0}', 'CA3', '{1}', '{2}', '{0}', '[]', now())",
        id(3),
        world::SELLER,
        BUYERS[0]
    );
    market.run(&route).await;
    let sweep = |time: &str| format!("select e::text from expired_holds('{}') e", at(time));
    assert!(market.texts(&sweep("15:05:41")).await.is_empty());
    let found = market.texts(&sweep("15:06:00")).await;
    assert_eq!(found.len(), 2);
    let events: Vec<serde_json::Value> =
        found.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(feeds.send("decisions", &events).await, (2, 0, 0));
    assert_eq!(feeds.send("decisions", &events).await, (0, 2, 0), "a second sweeper");
    let open = "select trim_scale(sum(held))::text from account_state where account like 'b0be%'";
    assert_eq!(market.texts(open).await, ["5"]);
    assert!(market.texts(&sweep("15:06:00")).await.is_empty());
}

/// R7, I6: every derived table equals its stream after a feed of everything, and after a rebuild.
#[tokio::test]
async fn i6_r7_a_whole_feed_is_right_at_commit() {
    let options = howdah_feed::Options {
        span_ms: 3 * 3_600_000,
        ..howdah_feed::Options::new(4_000, 11, 1_760_000_000_000)
    };
    let engine: Engine = market().await;
    engine.run(&howdah_feed::entities_sql("calls", &options).unwrap()).await;
    let mut feed = howdah_feed::events("calls", &options).unwrap();
    let mut feeds = Feeds::new(&engine);
    let all: Vec<howdah_feed::Event> = feed.by_ref().collect();
    let mut told = (0, 0, 0);
    for (stream, counts) in feed.expected().streams() {
        let events: Vec<&str> = all
            .iter()
            .filter(|event| event.stream == stream)
            .map(|event| event.json.as_str())
            .collect();
        let mut sum = (0, 0, 0);
        for batch in events.chunks(313) {
            let (rows, repeats, dead) = feeds.send_texts(stream, batch).await;
            sum = (sum.0 + rows, sum.1 + repeats, sum.2 + dead);
        }
        assert_eq!(sum, (counts.rows, counts.duplicates, counts.broken), "{stream}");
        told = (told.0 + sum.0, told.1 + sum.1, told.2 + sum.2);
    }
    assert_eq!(told.0 + told.1 + told.2, 4_000);
    for claim in feed.expected().claims() {
        let sql =
            format!("select (s::numeric = {}::numeric)::text from ({}) q (s)", claim.is, claim.sql);
        assert_eq!(engine.texts(&sql).await, ["true"], "{}", claim.what);
    }
    engine.assert_fold_is_rebuild().await;
}

/// The messages of the brief, §3, as they stand there; the ledger's with its hold and its call.
#[tokio::test]
async fn every_message_of_the_brief_is_taken() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = "c9d1a3b8-71f0-4a6e-9d2c-6b7f3c5e8d10";
    let seller = "5b0c6f1e-2d47-4b1a-8a55-0c9a4a1f7e02";
    for (account, kind) in [(buyer, "buyer"), (seller, "seller")] {
        let sql = format!(
            "insert into accounts (id, email, name, type) \
             values ('{account}', '{kind}@brief', 'n', '{kind}')"
        );
        market.run(&sql).await;
    }
    let held = hold(&market, "e1aa9c44-0b1f-4f3d-b0d6-2a8d6a7f9b31", buyer, "12.50").await;
    feeds.all_new("ledger", &[held]).await;
    for line in include_str!("brief.ndjson").lines() {
        let (stream, message) = line.split_once(' ').unwrap();
        let told = feeds.send_texts(stream, &[message]).await;
        let letters = market.texts("select reason from howdah.dead_letters").await;
        assert_eq!(told, (1, 0, 0), "{stream}: {letters:?}");
    }
}
