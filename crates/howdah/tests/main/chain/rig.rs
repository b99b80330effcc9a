//! The system on a database and a Redis of its own; what is in its tables, as the model says it.

use howdah_feed::chain::{ChainEvent, Tables, message};
use howdah_pg::Connection;
use howdah_testkit::{Cluster, Persistence, RedisServer, TestDatabase};
use redis::aio::MultiplexedConnection;

use crate::rig::{Ended, PATIENCE, Rig, copy_folder};

/// The stream on which the original's tests send every kind of event.
pub const ONE_STREAM: &str = "rindexer_producer";

/// The system, applied, with an empty Redis.
pub struct ChainRig {
    pub rig: Rig,
    /// Lives as long as the rig.
    _redis: RedisServer,
    pub connection: Connection,
    database: TestDatabase,
    feeder: MultiplexedConnection,
}

impl ChainRig {
    /// Events come by these Redis streams.
    pub async fn new(streams: &[&str]) -> Self {
        Self::with(streams, |file| file).await
    }

    /// The same with chunks of an hour; every one that lies in the past may be folded.
    pub async fn folding(streams: &[&str]) -> Self {
        let often = |file: String| {
            let policy = |chunk: &str, after: &str| {
                format!("chunk = \"{chunk}\"\nsegment = {{ after = \"{after}\"")
            };
            file.replace(&policy("1 month", "31 days"), &policy("1 hour", "1 hour"))
        };
        Self::with(streams, often).await
    }

    async fn with(streams: &[&str], change: impl FnOnce(String) -> String) -> Self {
        let database = Cluster::shared().await.database().await;
        let redis = RedisServer::start(Persistence::None).await.unwrap();
        let rig = Rig::new(&database).with_redis(redis.url());
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/chain");
        copy_folder(&rig, std::path::Path::new(folder), "");
        rig.write("howdah.toml", change(system_file(streams, database.name())));
        rig.fine(&["apply"]).await;
        let connection = rig.connect().await;
        let client = redis::Client::open(redis.url()).unwrap();
        // A busy machine writes a large message slowly.
        let patient = redis::AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let feeder = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
        Self { rig, _redis: redis, connection, database, feeder }
    }

    /// A connection of the superuser.
    pub async fn admin(&self) -> Connection {
        self.database.admin().await
    }

    /// Puts a message into a stream, in the producer's field.
    pub async fn send(&mut self, stream: &str, json: &str) {
        self.send_as(stream, "payload", json).await;
    }

    /// Puts a message into a stream, in a field of that name.
    pub async fn send_as(&mut self, stream: &str, field: &str, json: &str) {
        let mut add = redis::cmd("XADD");
        add.arg(&[stream, "*", field, json]);
        add.exec_async(&mut self.feeder).await.unwrap();
    }

    /// Puts many messages into streams.
    pub async fn send_all<'a>(&mut self, messages: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let messages: Vec<(&str, &str)> = messages.into_iter().collect();
        for some in messages.chunks(100) {
            let mut pipe = redis::pipe();
            for (stream, json) in some {
                pipe.cmd("XADD").arg(&[stream, "*", "payload", json]).ignore();
            }
            pipe.query_async::<()>(&mut self.feeder).await.unwrap();
        }
    }

    /// Puts each event into the one stream, a message each.
    pub async fn send_events(&mut self, events: &[ChainEvent]) {
        let messages: Vec<String> = events.iter().map(of_one).collect();
        self.send_all(messages.iter().map(|json| (ONE_STREAM, json.as_str()))).await;
    }

    /// Reads everything that is there.
    pub async fn run(&self) -> Ended {
        self.rig.fine(&["run", "--once"]).await
    }

    /// Folds every chunk that may be folded; no row of it is left in the heap.
    pub async fn fold(&self) {
        self.rig.fine(&["history", "fold"]).await;
        for stream in ["atoms_created", "triples_created", "stakes", "share_prices"] {
            let left = self.value(&format!("select count(*) from {stream}")).await;
            assert_eq!(left, "0", "{stream}");
        }
    }

    /// Cuts every connection to Redis but the one of the test.
    pub async fn cut_redis(&mut self) {
        let mut kill = redis::cmd("CLIENT");
        kill.arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"]);
        kill.exec_async(&mut self.feeder).await.unwrap();
    }

    /// The one value of a query, as a text; `-` for null, nothing for no row.
    pub async fn value(&self, sql: &str) -> String {
        let sql = format!("select (q.*)::text from ({sql}) q");
        let rows = self.connection.query(&sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let texts = rows.iter().map(|row| row.get::<_, Option<String>>(0));
        let texts = texts.map(|text| text.unwrap_or_else(|| "-".to_owned()));
        texts.map(|text| text.trim_matches(['(', ')']).to_owned()).collect::<Vec<_>>().join(" ")
    }

    /// What differs between the tables and what live events give.
    pub async fn differences(&self, live: &[ChainEvent]) -> Vec<String> {
        let model = Tables::of(live);
        let mut out = Vec::new();
        for ((name, wanted), (_, sql)) in model.named().into_iter().zip(TABLES) {
            let rows = self.connection.query(sql, &[]).await.unwrap();
            let mut found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            found.sort_unstable();
            let missing = wanted.iter().filter(|row| found.binary_search(row).is_err());
            out.extend(missing.map(|row| format!("{name} lacks {row}")));
            let surplus = found.iter().filter(|row| wanted.binary_search(row).is_err());
            out.extend(surplus.map(|row| format!("{name} has {row}")));
        }
        out
    }

    /// Fails when a table is not what live events give, or when an invariant does not hold.
    pub async fn holds(&self, live: &[ChainEvent]) {
        let differences = self.differences(live).await;
        assert!(differences.is_empty(), "{:#?}", &differences[..differences.len().min(20)]);
        self.invariants().await;
    }

    /// Fails when an invariant of the brief gives a row. I7 is advisory and asked for apart.
    pub async fn invariants(&self) {
        for (name, sql) in INVARIANTS {
            let found = broken(&self.connection, sql).await;
            assert!(found.is_empty(), "{name}: {found:#?}");
        }
    }

    /// Dead letters as `code count`, joined by spaces.
    pub async fn letters(&self) -> String {
        self.value(
            "select code || ' ' || count(*) from howdah.dead_letters group by code order by 1",
        )
        .await
    }
}

/// The first rows of an invariant that should have none.
pub async fn broken(connection: &Connection, sql: &str) -> Vec<String> {
    crate::rig::texts(connection, &format!("select * from ({sql}) i limit 5")).await
}

/// A message of one event.
pub fn of_one(event: &ChainEvent) -> String {
    let block = event.place.block_number;
    message(event.kind(), &[event.json()], (block, block), 0)
}

/// The system file for these Redis streams, with the roles of one database.
pub fn system_file(streams: &[&str], database: &str) -> String {
    let file = include_str!("../../../../../systems/chain/howdah.toml");
    let (before, rest) = file.split_once("streams = [\n").unwrap();
    let (_, after) = rest.split_once("]\n").unwrap();
    let list: Vec<String> = streams.iter().map(|stream| format!("\"{stream}\"")).collect();
    let file = format!("{before}streams = [{}]\n{after}", list.join(", "));
    let roles: Vec<String> = ["writer", "reader", "auditor"]
        .iter()
        .map(|role| format!("{role} = \"chain_{database}_{role}\"\n"))
        .collect();
    // The tests look at the heap, which upkeep would empty as soon as their blocks are a month old.
    let rest =
        "[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n[upkeep]\nenabled = false\n[roles]\n";
    format!("{file}\n{rest}{}", roles.concat())
}

/// The invariants that must hold at every commit.
pub const INVARIANTS: [(&str, &str); 10] = [
    ("I1", include_str!("../../../../../systems/chain/invariants/I1.sql")),
    ("I2", include_str!("../../../../../systems/chain/invariants/I2.sql")),
    ("I3", include_str!("../../../../../systems/chain/invariants/I3.sql")),
    ("I4", include_str!("../../../../../systems/chain/invariants/I4.sql")),
    ("I5", include_str!("../../../../../systems/chain/invariants/I5.sql")),
    ("I6", include_str!("../../../../../systems/chain/invariants/I6.sql")),
    ("I8", include_str!("../../../../../systems/chain/invariants/I8.sql")),
    ("I9", include_str!("../../../../../systems/chain/invariants/I9.sql")),
    ("I11", include_str!("../../../../../systems/chain/invariants/I11.sql")),
    ("I12", include_str!("../../../../../systems/chain/invariants/I12.sql")),
];

/// The tables as the model writes them; `format` gives nothing for null.
const TABLES: [(&str, &str); 9] = [
    (
        "atoms",
        "select format('%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(term_id, 'hex'), encode(creator, 'hex'), encode(wallet, 'hex'), \
         encode(data, 'hex')) from atoms",
    ),
    (
        "triples",
        "select format('%s|%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(term_id, 'hex'), encode(creator, 'hex'), encode(subject_id, 'hex'), \
         encode(predicate_id, 'hex'), encode(object_id, 'hex'), encode(counter_term_id, 'hex')) \
         from triple",
    ),
    (
        "positions",
        "select format('%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%s', chain_id, \
         encode(address, 'hex'), encode(account, 'hex'), encode(term_id, 'hex'), curve_id, shares, \
         total_deposit_assets_after_total_fees, total_redeem_assets_for_receiver, \
         last_shares_block || '.' || last_shares_log, \
         last_deposit_block || '.' || last_deposit_log, \
         last_redeem_block || '.' || last_redeem_log, extract(epoch from created_at)::bigint, \
         extract(epoch from updated_at)::bigint) from position_of_account",
    ),
    (
        "vaults",
        "select format('%s|%s|%s|%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(term_id, 'hex'), curve_id, current_share_price, total_shares, total_assets, \
         last_price_block || '.' || last_price_log, market_cap, position_count) from vault",
    ),
    (
        "terms",
        "select format('%s|%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(term_id, 'hex'), type, case when is_counter then 'true' else 'false' end, \
         encode(pro_term_id, 'hex'), total_assets, total_market_cap) from term",
    ),
    (
        "triple_vaults",
        "select format('%s|%s|%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(triple_id, 'hex'), encode(counter_term_id, 'hex'), curve_id, total_shares, \
         total_assets, position_count, market_cap) from triple_vault",
    ),
    (
        "triple_terms",
        "select format('%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(triple_id, 'hex'), encode(counter_term_id, 'hex'), total_assets, \
         total_market_cap, total_position_count) from triple_term",
    ),
    (
        "predicate_objects",
        "select format('%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(predicate_id, 'hex'), encode(object_id, 'hex'), triple_count, \
         total_position_count, total_market_cap) from predicate_object",
    ),
    (
        "subject_predicates",
        "select format('%s|%s|%s|%s|%s|%s|%s', chain_id, encode(address, 'hex'), \
         encode(subject_id, 'hex'), encode(predicate_id, 'hex'), triple_count, \
         total_position_count, total_market_cap) from subject_predicate",
    ),
];
