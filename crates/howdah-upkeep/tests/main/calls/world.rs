//! A market to play on: the calls system applied once, and a copy of it for each test.

use howdah_testkit::TestDatabase;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::engine::{Engine, Feed, fine};
use crate::systems;

/// The calls system's migrations.
pub fn migrations() -> String {
    systems::migrations("calls")
}

/// The calls system's file under the name of the database.
pub fn system() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/calls/howdah.toml");
    std::fs::read_to_string(path).unwrap().replace("name = \"calls\"", "name = \"{db}\"")
}

/// Who is there in every world.
pub const SELLER: &str = "5e11e400-0000-4000-8000-000000000001";
pub const OTHER_SELLER: &str = "5e11e400-0000-4000-8000-000000000002";
pub const BUYERS: [&str; 3] = [
    "b0be4000-0000-4000-8000-000000000001",
    "b0be4000-0000-4000-8000-000000000002",
    "b0be4000-0000-4000-8000-000000000003",
];

/// The system applied, with two sellers and three buyers of the worked numbers.
pub async fn market() -> Engine {
    static TEMPLATE: OnceCell<(TestDatabase, String)> = OnceCell::const_new();
    let (template, text) = TEMPLATE
        .get_or_init(|| async {
            let engine = Engine::applied(&migrations(), &system()).await;
            engine.run(&people()).await;
            let Engine { db, client, text } = engine;
            client.close().await;
            (db, text)
        })
        .await;
    let db = template.copy().await;
    let client = db.connect().await;
    Engine { db, client, text: text.clone() }
}

fn people() -> String {
    let mut sql = String::new();
    for (id, kind) in [(SELLER, "seller"), (OTHER_SELLER, "seller")]
        .into_iter()
        .chain(BUYERS.map(|buyer| (buyer, "buyer")))
    {
        sql.push_str(&format!(
            "insert into accounts (id, email, name, type, status) \
             values ('{id}', '{id}@x', 'n', '{kind}', 'active'); \
             insert into account_settings (account_id, max_bid_amount) values ('{id}', 100);"
        ));
    }
    for (buyer, rating) in BUYERS.iter().zip(["0.9", "0.8", "0.5"]) {
        sql.push_str(&format!(
            "update accounts set rating = {rating}, version = version + 1 where id = '{buyer}';"
        ));
    }
    sql
}

/// An id that is easy to tell: `id(7)` is `00000000-0000-4000-8000-000000000007`.
pub fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A clock of the worked numbers' day.
pub fn at(time: &str) -> String {
    format!("2025-06-12T{time}Z")
}

/// Feeds by the name of their source, made when they are first used.
pub struct Feeds<'a> {
    engine: &'a Engine,
    open: Vec<(String, Feed)>,
}

impl<'a> Feeds<'a> {
    pub fn new(engine: &'a Engine) -> Self {
        Self { engine, open: Vec::new() }
    }

    /// Sends one batch; gives rows that were new, repeats and dead letters.
    pub async fn send(&mut self, source: &str, events: &[Value]) -> (u64, u64, u64) {
        let texts: Vec<String> = events.iter().map(Value::to_string).collect();
        self.send_texts(source, &texts).await
    }

    /// The same with events as they stand.
    pub async fn send_texts<S: AsRef<str>>(
        &mut self,
        source: &str,
        texts: &[S],
    ) -> (u64, u64, u64) {
        if !self.open.iter().any(|(name, _)| name == source) {
            self.open.push((source.to_owned(), self.engine.feed(source).await));
        }
        let feed = self.open.iter_mut().find(|(name, _)| name == source);
        let (_, feed) = feed.unwrap();
        let outcome = fine(feed.try_commit(texts).await);
        (outcome.rows, outcome.duplicates, outcome.dead_letters)
    }

    /// Sends events that must all be new.
    pub async fn all_new(&mut self, source: &str, events: &[Value]) {
        let (new, repeats, dead) = self.send(source, events).await;
        let letters = self.engine.texts("select code || ': ' || reason from howdah.dead_letters");
        assert_eq!((repeats, dead), (0, 0), "{:?}", letters.await);
        // A feed that was opened anew would pass over what comes before its committed place.
        assert!(new >= events.len() as u64, "{new} rows of {} events", events.len());
    }
}

/// Money in: a deposit, from the payment provider.
pub fn deposit(account: &str, amount: &str, reference: &str) -> Value {
    let out = format!("-{amount}");
    json!({"event_time": at("14:00:00"), "txn_id": id_of(reference), "kind": "deposit",
        "idempotency_key": format!("dep:{reference}"), "currency": "USD",
        "legs": [{"account_id": account, "bucket": "posted", "amount": amount},
                 {"account_id": "platform:cash", "bucket": "posted", "amount": out}]})
}

/// Money out, judged by the limit.
pub fn payout(account: &str, amount: &str, reference: &str) -> Value {
    let out = format!("-{amount}");
    json!({"event_time": at("14:30:00"), "txn_id": id_of(reference), "kind": "payout",
        "idempotency_key": format!("payout:{reference}"), "currency": "USD",
        "legs": [{"account_id": account, "bucket": "posted", "amount": out},
                 {"account_id": "platform:cash", "bucket": "posted", "amount": amount}]})
}

/// A stable id out of a few letters.
pub fn id_of(text: &str) -> String {
    let number = text.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte)) % 1_000_000_000_000
    });
    id(number)
}
