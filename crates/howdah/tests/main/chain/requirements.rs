//! Requirements of the review, §13 of the brief, that the system itself shows; the table in its
//! README says where the others are proved.

use howdah_feed::chain::{STREAMS, hex, message};

use super::events::{On, term};
use super::load::{load, send};
use super::rig::{ChainRig, ONE_STREAM, of_one};

/// A way to break an event: the text, what stands in its place, the code.
type Way = (&'static str, &'static str, &'static str);

const PLACE: [Way; 22] = [
    ("\"chain_id\":1", "\"chain_id\":-1", "bad_hex"),
    ("\"chain_id\":1", "\"chain_id\":\"\"", "bad_hex"),
    ("\"chain_id\":1", "\"chain_id\":null", "missing_field"),
    ("\"chain_id\":1", "\"chain_id\":1.5", "bad_hex"),
    ("\"address\":\"0x6e", "\"address\":\"0x", "bad_address"),
    ("\"address\":\"0x6e", "\"address\":\"0x6g", "bad_address"),
    ("\"address\":\"0x6e", "\"address\":\"0x6f", "foreign_address"),
    ("\"address\":\"0x6e35", "\"from\":\"0x6e35", "missing_field"),
    ("\"block_number\":1000", "\"block_number\":\"0xzz\"", "bad_hex"),
    ("\"block_number\":1000", "\"block_number\":99999999999999999999", "bad_hex"),
    ("\"block_number\":1000", "\"block_number\":{}", "bad_hex"),
    ("\"block_hash\":\"0x", "\"block_hash\":\"0x00", "bad_bytes32"),
    ("\"block_hash\":\"0x", "\"block_hash\":\"0y", "bad_bytes32"),
    ("\"block_timestamp\":\"0x", "\"block_timestamp\":\"x", "bad_hex"),
    ("\"block_timestamp\"", "\"block_time\"", "no_block_time"),
    ("\"transaction_hash\":\"0x", "\"transaction_hash\":\"0xé", "bad_bytes32"),
    ("\"transaction_hash\"", "\"transaction\"", "missing_field"),
    ("\"transaction_index\":0", "\"transaction_index\":[0]", "bad_hex"),
    ("\"log_index\":\"0x0\"", "\"log_index\":\"0x\"", "bad_hex"),
    ("\"log_index\":\"0x0\"", "\"log_index\":\"one\"", "bad_hex"),
    ("\"log_index\":\"0x0\"", "\"log_index\":true", "bad_hex"),
    ("\"event_signature_hash\":\"0x", "\"event_signature_hash\":\"0x12", "unknown_signature"),
];

const TERM: [Way; 5] = [
    ("\"termId\":\"0", "\"termId\":\"", "bad_bytes32"),
    ("\"termId\":\"0", "\"termId\":\"z", "bad_bytes32"),
    ("\"termId\":\"0", "\"termId\":\"00", "bad_bytes32"),
    ("\"termId\":", "\"term\":", "missing_field"),
    ("\"termId\":\"", "\"termId\":7,\"x\":\"", "bad_bytes32"),
];

const AMOUNTS: [Way; 9] = [
    ("\"curveId\":\"0\"", "\"curveId\":\"-0\"", "bad_uint256"),
    ("\"curveId\":\"0\"", "\"curveId\":\"0.0\"", "bad_uint256"),
    ("\"curveId\":", "\"curve\":", "missing_field"),
    ("\"totalShares\":\"", "\"totalShares\":\"-", "bad_uint256"),
    ("\"totalShares\":\"", "\"totalShares\":\"1e", "bad_uint256"),
    (
        "\"totalShares\":\"",
        "\"totalShares\":\"9999999999999999999999999999999999999999999999\
       99999999999999999999999999999999",
        "bad_uint256",
    ),
    ("\"totalShares\":", "\"sharesTotal\":", "missing_field"),
    ("\"vaultType\":0", "\"vaultType\":3", "bad_vault_type"),
    ("\"vaultType\":0", "\"vaultType\":\"Atom\"", "bad_vault_type"),
];

#[tokio::test]
async fn r5_malformed_inputs_get_their_code_and_leave_their_neighbours() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(1);
    let triple = on.term(term(0x10)).triple(1000, [term(1), term(2), term(3)]);
    let kinds = [on.atom(1000), triple, on.d(1000, 5, 5, 5), on.r(1000, 5, 5, 5), on.p(1000, 5)];
    let mut wanted = std::collections::BTreeMap::<&str, u64>::new();
    let mut sent = 0;
    for (number, event) in kinds.iter().enumerate() {
        let amounts: &[Way] = if number < 2 { &[] } else { &AMOUNTS };
        for (from, to, code) in PLACE.iter().chain(&TERM).chain(amounts) {
            let json = of_one(event);
            assert!(json.contains(from), "{from} in {json}");
            chain.send(ONE_STREAM, &json.replacen(from, to, 1)).await;
            *wanted.entry(code).or_default() += 1;
            sent += 1;
        }
        // The neighbours: the event itself, behind all that is wrong with it.
        let mut event = event.clone();
        event.place.log_index = number as u32;
        chain.send(ONE_STREAM, &of_one(&event)).await;
    }
    assert!(sent > 5 * 27);
    chain.run().await;
    let expected: Vec<String> =
        wanted.iter().map(|(code, count)| format!("\"{code} {count}\"")).collect();
    assert_eq!(chain.letters().await, expected.join(" "));
    let rows = "select (select count(*) from atoms_created), (select count(*) from stakes), \
                (select count(*) from triples_created), (select count(*) from share_prices)";
    assert_eq!(chain.value(rows).await, "1,2,2,1");
    chain.invariants().await;
}

#[tokio::test]
async fn r9_corruptions_in_seven_tables_are_found_and_mended() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, live) = load(4_000, "L2");
    send(&mut system, &messages).await;
    system.run().await;
    for (table, change) in [
        ("positions", "shares = shares + 1"),
        ("vault_prices", "market_cap = market_cap + 1"),
        ("vault_holders", "position_count = position_count + 1"),
        ("term_totals", "total_assets = total_assets + 1"),
        ("triple_vault", "total_shares = total_shares + 1"),
        ("predicate_object", "total_market_cap = total_market_cap + 1"),
        ("subject_predicate", "triple_count = triple_count + 1"),
    ] {
        let spoil = format!(
            "update {table} set {change} where ctid in (select ctid from {table} limit 15)"
        );
        system.connection.batch_execute(&spoil).await.unwrap();
        let found = system.rig.howdah(&["verify"]).await;
        assert_eq!(found.code, Some(1), "{table}: {}", found.stdout);
        let row = found.stdout.lines().find(|line| line.starts_with(table)).unwrap();
        assert!(row.contains("15"), "{row}");
        // Twice is the same as once.
        system.rig.fine(&["rebuild", table]).await;
        system.rig.fine(&["rebuild", table]).await;
        system.rig.fine(&["verify"]).await;
    }
    found_in_the_background(&system).await;
    system.holds(&live).await;
}

/// Upkeep finds corruptions round after round, and finds none when they are mended.
async fn found_in_the_background(system: &ChainRig) {
    let wrong = "select relation from howdah.proofs where missing + surplus > 0 order by 1";
    let until = async |is_there: &dyn Fn(&str) -> bool| {
        let mut found = String::new();
        for _ in 0..50 {
            system.rig.fine(&["upkeep", "--once"]).await;
            found = system.value(wrong).await;
            if is_there(&found) {
                return;
            }
        }
        panic!("upkeep found: {found}");
    };
    until(&str::is_empty).await;
    let spoil = "update positions set shares = shares + 1 \
                 where ctid in (select ctid from positions limit 15); \
                 delete from term_totals where ctid in (select ctid from term_totals limit 1); \
                 update prices_1h set close = close + 1 \
                 where ctid in (select ctid from prices_1h limit 1)";
    system.connection.batch_execute(spoil).await.unwrap();
    let spoilt = ["positions", "prices_1h", "term_totals"];
    until(&|found| spoilt.iter().all(|table| found.contains(table))).await;
    for rollup in ["positions", "prices", "term_totals"] {
        system.rig.fine(&["rebuild", rollup]).await;
    }
    until(&str::is_empty).await;
}

#[tokio::test]
async fn r7_more_connections_than_the_server_allows_are_told_at_the_start() {
    let chain = ChainRig::new(&STREAMS).await;
    let owner = chain.rig.database().get_user().to_owned();
    let limit = |most: i32| format!("alter role {owner} connection limit {most}");
    let admin = chain.admin().await;
    // Six shards, the lease and upkeep.
    let needed = STREAMS.len() as i32 + 2;
    admin.batch_execute(&limit(needed - 1)).await.unwrap();
    let ended = chain.rig.howdah(&["run", "--once"]).await;
    assert_eq!(ended.code, Some(2));
    let told = format!("this run needs {needed} connections and the server allows {}", needed - 1);
    assert!(ended.stderr.contains(&told), "{}", ended.stderr);
    assert!(ended.stderr.contains("HD0101"), "{}", ended.stderr);
    admin.batch_execute(&limit(-1)).await.unwrap();
    chain.run().await;
}

#[tokio::test]
async fn r10_all_wrong_settings_are_told_at_once() {
    let chain = ChainRig::new(&[ONE_STREAM]).await;
    let file = std::fs::read_to_string(chain.rig.path("howdah.toml")).unwrap();
    let wrong = file
        .replace("chunk = \"1 month\"", "chunk = \"5 hours\"")
        .replace("each = \"event_data\"", "each = \"event_data[]\"")
        .replace("as = \"quantity\"", "as = \"number\"")
        .replace("[database]\n", "[database]\npool_size = 0\n")
        .replace("last(wallet)", "last(wallets)")
        .replace("when = { event_name = \"Redeemed\" }", "wenn = { event_name = \"Redeemed\" }");
    chain.rig.write("howdah.toml", wrong);
    let ended = chain.rig.howdah(&["run", "--once"]).await;
    assert_eq!(ended.code, Some(2));
    for part in ["5 hours", "event_data[]", "\"number\"", "pool_size", "wenn"] {
        assert!(ended.stderr.contains(part), "{part} is told: {}", ended.stderr);
    }
}

#[tokio::test]
async fn r12_migrations_go_back_and_forth() {
    let chain = ChainRig::new(&[ONE_STREAM]).await;
    let database = howdah_testkit::Cluster::shared().await.database().await;
    let rig = crate::rig::Rig::new(&database);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/chain");
    crate::rig::copy_folder(&rig, std::path::Path::new(folder), "");
    rig.write("howdah.toml", super::rig::system_file(&[ONE_STREAM], database.name()));
    rig.fine(&["migrate", "up"]).await;
    rig.fine(&["migrate", "down", "--to", "0"]).await;
    let connection = rig.connect().await;
    let left = "select count(*) from pg_class where relnamespace = 'public'::regnamespace \
                and relname not like '\\_%' and relkind in ('r', 'v')";
    assert_eq!(crate::rig::number(&connection, left).await, 0);
    rig.fine(&["migrate", "up"]).await;
    // What is applied is not edited.
    let path = "migrations/0002_deployments.sql";
    let edited = std::fs::read_to_string(chain.rig.path(path)).unwrap() + "select 1;\n";
    chain.rig.write(path, edited);
    let ended = chain.rig.howdah(&["apply"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("0002_deployments"), "{}", ended.stderr);
}

#[tokio::test]
async fn r17_a_sixth_event_is_a_table_and_a_route() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    chain.rig.write(
        "migrations/0006_fees.sql",
        "create table fees_changed (chain_id bigint not null, address bytea not null, \
         block_number bigint not null, log_index integer not null, \
         block_timestamp timestamptz not null, fee numeric(78,0) not null, \
         primary key (chain_id, address, block_number, log_index, block_timestamp));",
    );
    let file = std::fs::read_to_string(chain.rig.path("howdah.toml")).unwrap();
    let route = "[[sources.chain.routes]]\nwhen = { event_name = \"FeeChanged\" }\n\
                 into = \"fees_changed\"\n[sources.chain.routes.map]\n\
                 fee = { field = \"event_data[].fee\", as = \"quantity\" }\n\n\
                 [[sources.chain.routes]]\nwhen = { event_name = \"AtomCreated\" }";
    let first = "[[sources.chain.routes]]\nwhen = { event_name = \"AtomCreated\" }";
    let stream = "[streams.fees_changed]\ntime = \"block_timestamp\"\n\
                  key = [\"chain_id\", \"address\", \"block_number\", \"log_index\"]\n\n\
                  [sources.chain]\n";
    let file = file.replacen(first, route, 1).replacen("[sources.chain]\n", stream, 1);
    chain.rig.write("howdah.toml", file);
    chain.rig.fine(&["apply"]).await;
    let event = of_one(&On::chain(1).p(1000, 7))
        .replace("SharePriceChanged", "FeeChanged")
        .replace("\"sharePrice\"", "\"fee\"");
    chain.send(ONE_STREAM, &event).await;
    chain.run().await;
    assert_eq!(chain.value("select fee from fees_changed").await, "7");
}

#[tokio::test]
async fn r21_a_term_that_many_triples_mention_costs_no_more() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(1);
    let mut triples = Vec::new();
    for number in 0..500_u64 {
        let id = howdah_feed::chain::keccak256(&[&number.to_be_bytes()]);
        triples.push(on.term(id).triple(1000 + number, [term(1), term(2), term(3)]).json());
    }
    chain.send(ONE_STREAM, &message(1, &triples, (1000, 1500), 0)).await;
    chain.send_events(&[on.atom(900)]).await;
    chain.run().await;
    // What the event's transaction wrote, in whatever part of it: rows of a later number.
    let before = chain.value("select pg_current_xact_id()").await;
    let count =
        |table| format!("(select count(*) from {table} where xmin::text::bigint > {before})");
    let tables = ["triple_term", "predicate_object", "term_totals", "vault_prices"].map(count);
    let touched = format!("select {}", tables.join(", "));
    chain.send_events(&[on.p(2000, 9)]).await;
    chain.run().await;
    assert_eq!(chain.value(&touched).await, "0,0,1,1", "{}", hex(&term(1)));
}
