//! A fleet to fly: the system applied once, a copy for each test, and the feed of a few flights.

use std::sync::LazyLock;

use howdah_feed::{Event, Expected, Options};
use howdah_pg::Connection;
use howdah_testkit::TestDatabase;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};

use super::plain::Fleet;
use crate::calls::world::Feeds;
use crate::engine::Engine;
use crate::systems;

/// 2026-11-21 00:00 UTC.
pub const UNTIL_MS: i64 = 1_795_219_200_000;

/// The fleet's migrations.
pub fn migrations() -> String {
    systems::migrations("fleet")
}

/// The fleet's system file under the name of the database. The tests are of fixed times, so what is
/// accepted reaches further back.
pub fn system() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/fleet/howdah.toml");
    let text =
        std::fs::read_to_string(path).unwrap().replace("name = \"fleet\"", "name = \"{db}\"");
    ["7 days", "30 days", "400 days"].iter().fold(text, |text, past| {
        text.replace(&format!("accept = {{ past = \"{past}\""), "accept = { past = \"50 years\"")
    })
}

/// The system applied, without a row.
pub async fn hangar() -> Engine {
    static TEMPLATE: OnceCell<(TestDatabase, String)> = OnceCell::const_new();
    let (template, text) = TEMPLATE
        .get_or_init(|| async {
            let Engine { db, client, text } = Engine::applied(&migrations(), &system()).await;
            client.close().await;
            (db, text)
        })
        .await;
    let db = copied(template).await;
    let client = db.connect().await;
    Engine { db, client, text: text.clone() }
}

/// The feed of the tests: two organisations with all the dirt of the brief.
pub fn options() -> Options {
    Options {
        tenants: 10,
        span_ms: 40 * 86_400_000,
        broken_per_million: 3_000,
        ..Options::new(2_600, 11, UNTIL_MS)
    }
}

/// All messages of the feed, what a store must hold after it, and the figures computed apart.
pub fn fed() -> &'static (Vec<Event>, Expected, Fleet) {
    static FED: LazyLock<(Vec<Event>, Expected, Fleet)> = LazyLock::new(|| {
        let mut feed = howdah_feed::events("fleet", &options()).unwrap();
        let all: Vec<Event> = feed.by_ref().collect();
        let told = all.iter().map(|event| (event.stream, event.json.as_str()));
        let plain = Fleet::told(told, UNTIL_MS);
        (all, feed.expected().clone(), plain)
    });
    &FED
}

/// A fleet that has taken the whole feed, in batches of an odd size.
pub async fn flown() -> Engine {
    static TEMPLATE: OnceCell<(TestDatabase, String)> = OnceCell::const_new();
    let (template, text) = TEMPLATE
        .get_or_init(|| async {
            let engine = hangar().await;
            engine.run(&howdah_feed::entities_sql("fleet", &options()).unwrap()).await;
            let (all, expected, _) = fed();
            let mut feeds = Feeds::new(&engine);
            for (stream, counts) in expected.streams() {
                let texts: Vec<&str> = all
                    .iter()
                    .filter(|event| event.stream == stream)
                    .map(|event| event.json.as_str())
                    .collect();
                let mut sum = (0, 0, 0);
                for batch in texts.chunks(271) {
                    let told = feeds.send_texts(stream, batch).await;
                    sum = (sum.0 + told.0, sum.1 + told.1, sum.2 + told.2);
                }
                let letters = engine.texts("select code || ' ' || reason from howdah.dead_letters");
                let want = (counts.rows, counts.duplicates, counts.broken);
                assert_eq!(sum, want, "{stream}: {:?}", letters.await);
            }
            drop(feeds);
            kept(engine).await
        })
        .await;
    let db = copied(template).await;
    let client = db.connect().await;
    Engine { db, client, text: text.clone() }
}

/// The same feed in two parts, with everything folded behind each: what comes late or again meets
/// segments, and at the end no row is left in the streams' own tables. Chunks are of a week, as
/// each fold takes its time.
pub async fn folded() -> Engine {
    static TEMPLATE: OnceCell<(TestDatabase, String)> = OnceCell::const_new();
    let (template, text) = TEMPLATE
        .get_or_init(|| async {
            let system = system().replace("chunk = \"1 day\"", "chunk = \"1 week\"");
            let engine = Engine::applied(&migrations(), &system).await;
            engine.run(&howdah_feed::entities_sql("fleet", &options()).unwrap()).await;
            let (all, expected, _) = fed();
            systems::feed_in_parts(&engine, (all, expected), 2).await;
            kept(engine).await
        })
        .await;
    let db = copied(template).await;
    let client = db.connect().await;
    Engine { db, client, text: text.clone() }
}

/// The database of an engine to be copied.
async fn kept(engine: Engine) -> (TestDatabase, String) {
    engine.run("analyze telemetry, session_event, flight_event, flight_session").await;
    let Engine { db, client, text } = engine;
    client.close().await;
    (db, text)
}

/// The one fleet that has taken the whole feed, for tests that only read.
pub struct Reader {
    pub client: Connection,
}

/// The fleets that nobody changes: one that never folds, and one of which all is folded. Every
/// figure must be the same in both.
pub async fn both() -> [Reader; 2] {
    static SHARED: OnceCell<TestDatabase> = OnceCell::const_new();
    let shared = SHARED.get_or_init(|| async {
        let Engine { db, client, .. } = folded().await;
        client.close().await;
        db
    });
    [read().await, Reader { client: shared.await.connect().await }]
}

/// A connection to a fleet that nobody changes.
pub async fn read() -> Reader {
    static SHARED: OnceCell<TestDatabase> = OnceCell::const_new();
    let shared = SHARED.get_or_init(|| async {
        let Engine { db, client, .. } = flown().await;
        client.close().await;
        db
    });
    Reader { client: shared.await.connect().await }
}

impl Reader {
    /// The first column of each row.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.iter().map(|row| row.get::<_, Option<String>>(0).unwrap_or_default()).collect()
    }

    /// One number.
    pub async fn count(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// A copy of a database; one after the other, since each locks what it copies.
async fn copied(template: &TestDatabase) -> TestDatabase {
    static COPYING: Mutex<()> = Mutex::const_new(());
    let _alone = COPYING.lock().await;
    template.copy().await
}

/// A session's id that begins at this time: 2026-11-01 plus seconds.
pub fn session_id(after_s: i64, number: u64) -> String {
    let ms = (1_793_491_200 + after_s) * 1000;
    let ms = ms as u64;
    format!("{:08x}-{:04x}-7001-8000-{number:012x}", ms >> 16, ms & 0xffff)
}

/// The time `after_s` seconds after 2026-11-01, which may be before it.
pub fn at(after_s: i64) -> String {
    let (days, seconds) = (after_s.div_euclid(86_400), after_s.rem_euclid(86_400));
    // September, October and November of 2026.
    let (month, day) = match days {
        ..-61 => panic!("not before September"),
        -61..-31 => (9, days + 62),
        -31..0 => (10, days + 32),
        _ => (11, days + 1),
    };
    format!(
        "2026-{month:02}-{day:02}T{:02}:{:02}:{:02}.000Z",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// An organisation with an aircraft of this type.
pub async fn aircraft(engine: &Engine, org: &str, craft: &str, kind: &str, motors: u8) {
    let sql = format!(
        "insert into organization (org_id, name, org_type) values ('{org}', 'o', 'private') \
         on conflict do nothing; \
         insert into aircraft (org_id, aircraft_id, serial, type, motors, mtow_kg, status_from) \
         values ('{org}', '{craft}', 's', '{kind}', {motors}, 9, '2026-01-01')"
    );
    engine.run(&sql).await;
}

/// A session of an aircraft that begins so many seconds after 2026-11-01; its id.
pub async fn session(engine: &Engine, org: &str, craft: &str, after_s: i64) -> String {
    let number: i64 = engine.one("select count(*) from flight_session").await;
    let id = session_id(after_s, number as u64 + 1);
    let sql = format!(
        "insert into flight_session (org_id, session_id, aircraft_id, pilot, planned) \
         values ('{org}', '{id}', '{craft}', 'p-1', '[\"{}\",\"{}\")')",
        at(after_s),
        at(after_s + 7200)
    );
    engine.run(&sql).await;
    id
}

/// The name under which a session is spoken of.
#[derive(Debug, Clone)]
pub struct Named<'a> {
    pub org: &'a str,
    pub craft: &'a str,
    pub id: &'a str,
}

impl Named<'_> {
    /// A message about it.
    pub fn say(&self, after_s: i64, more: &Value) -> Value {
        let mut message = json!({"org": self.org, "session": self.id, "aircraft": self.craft,
            "ts": at(after_s)});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    }

    /// A step of its life.
    pub fn step(&self, after_s: i64, kind: &str) -> Value {
        let day = {
            let born = i64::from_str_radix(&self.id.replace('-', "")[..12], 16).unwrap();
            at(born / 1000 - 1_793_491_200)[..10].to_owned()
        };
        self.say(
            after_s,
            &json!({"kind": kind, "day": day, "pilot": "p-1", "author": "p-1",
            "reason": if kind == "void" { "wrong aircraft" } else { "" }}),
        )
    }

    /// What the autopilot tells.
    pub fn event(&self, after_s: i64, kind: &str) -> Value {
        self.say(after_s, &json!({"kind": kind}))
    }
}
