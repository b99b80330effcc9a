//! Sources with several routes, arrays of events, legs and computed columns.

use howdah_catalog::Catalog;
use howdah_system::{
    Condition, Expectation, Format, HashPart, MapFrom, Mapping, Origin, ReadAs, Route, System,
    SystemFile, error_of,
};

use crate::catalog;

/// The events of a blockchain and the entries of a ledger.
fn tables() -> Catalog {
    let mut catalog = catalog::empty();
    catalog::enumeration(&mut catalog, "vault_type", &["Atom", "Triple", "CounterTriple"]);
    let common = "chain_id bigint!; block_time timestamp with time zone!; \
                  transaction_hash bytea!; log_index bigint!; network text";
    let key = &["chain_id, transaction_hash, log_index, block_time"][..];
    let table = |catalog: &mut Catalog, name: &str, more: &str| {
        catalog::table(catalog, name, &format!("{common}; {more}"), key);
    };
    table(&mut catalog, "deposited", "receiver bytea!; assets numeric!; vault_type vault_type!");
    let triple = "term bytea!; counter_term bytea!; note text; raw bytea";
    table(&mut catalog, "triple_created", triple);
    table(&mut catalog, "other_events", "event_name text!; event jsonb!");
    catalog::table(
        &mut catalog,
        "ledger",
        "event_time timestamp with time zone!; txn_id uuid!; leg smallint!; account_id text!; \
         amount numeric(20,4)!; currency text!",
        &["txn_id, leg, event_time"],
    );
    catalog
}

const STREAMS: &str = r#"
[system]
name = "chain"
[streams.deposited]
time = "block_time"
[streams.triple_created]
time = "block_time"
[streams.other_events]
time = "block_time"
[streams.ledger]
time = "event_time"
"#;

const CHAIN: &str = r#"
[sources.chain]
redis = { url = "env:REDIS_URL", streams = ["deposited", "triples"] }
field = ["event_data", "data", "payload"]
each = "event_data"

[sources.chain.map]
chain_id = { field = "event_data[].ti.chain_id", as = "quantity" }
block_time = { field = "event_data[].ti.time", as = "quantity", missing = "no_block_time" }
transaction_hash = { field = "event_data[].ti.hash", as = "hex", bytes = 32 }
log_index = { field = "event_data[].ti.log_index", as = "quantity" }
network = "network"

[[sources.chain.routes]]
into = "deposited"
when = { event_name = "Deposited" }
expect = { field = "signature_hash", is = "0xF717", as = "hex", refused = "unknown_signature" }
[sources.chain.routes.map]
receiver = { field = "event_data[].receiver", as = "hex", bytes = 20, refused = "bad_address" }
vault_type = { field = "event_data[].vaultType", values = { 0 = "Atom", 1 = "Triple" } }

[[sources.chain.routes]]
into = "triple_created"
when = { event_name = ["TripleCreated", "TripleMade"], "event_data[].kind" = "x" }
[sources.chain.routes.map]
term = { field = "event_data[].termId", as = "hex" }
counter_term = { hash = { keccak256 = ["0x00ff", "event_data[].termId"] } }
note = { field = "event_data[].data", as = "hex text" }
raw = { field = "event_data[].data", as = "hex not text" }

[[sources.chain.routes]]
into = "other_events"
map = { event = { raw = true }, event_name = "event_name", network = { const = "none" } }

[sources.ledger]
file = "ledger.ndjson"
into = "ledger"
legs = "legs"
[sources.ledger.map]
leg = { index = "legs" }
account_id = "legs[].account_id"
amount = "legs[].amount"
"#;

fn system(text: &str) -> System {
    let file = SystemFile::read_text("howdah.toml", text).unwrap_or_else(|e| panic!("{e:?}"));
    let draft = file.check(&tables());
    let answers = catalog::answers(&draft);
    draft.finish(answers).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn mapping<'r>(route: &'r Route, column: &str) -> &'r Mapping {
    route.map.iter().find(|mapping| mapping.column.as_str() == column).unwrap()
}

fn path(text: &str) -> Vec<String> {
    text.split('.').map(str::to_owned).collect()
}

#[test]
fn routes_become_a_model() {
    let system = system(&format!("{STREAMS}{CHAIN}"));
    let chain = &system.sources[0];
    assert_eq!(chain.format, Format::Json);
    let Origin::Redis { streams, fields, .. } = &chain.origin else { panic!("Redis") };
    assert_eq!(*streams, ["deposited", "triples"]);
    assert_eq!(*fields, ["event_data", "data", "payload"]);
    assert_eq!(chain.each, Some(path("event_data")));
    let [deposited, triple, other] = chain.routes.as_slice() else { panic!("three routes") };
    assert_eq!([deposited.stream, triple.stream, other.stream], [0, 1, 2]);
    let condition = |field, is: &[&str]| Condition {
        path: path(field),
        is: is.iter().map(|text| (*text).to_owned()).collect(),
    };
    assert_eq!(deposited.when, [condition("event_name", &["Deposited"])]);
    assert_eq!(
        triple.when,
        [
            condition("event_name", &["TripleCreated", "TripleMade"]),
            condition("event_data[].kind", &["x"])
        ]
    );
    assert_eq!(other.when, []);
    let expected = Expectation {
        path: path("signature_hash"),
        is: vec!["0xF717".into()],
        hex: true,
        refused: "unknown_signature".into(),
    };
    assert_eq!(deposited.expect, [expected]);

    // What the routes have in common, what they say themselves, and fields by name.
    let time = mapping(triple, "block_time");
    assert_eq!(time.missing.as_deref(), Some("no_block_time"));
    let field = |text, read_as| MapFrom::Field { path: path(text), read_as, values: vec![] };
    assert_eq!(time.from, field("event_data[].ti.time", ReadAs::Quantity));
    let receiver = mapping(deposited, "receiver");
    assert_eq!(receiver.refused.as_deref(), Some("bad_address"));
    assert_eq!(receiver.from, field("event_data[].receiver", ReadAs::Hex(Some(20))));
    assert_eq!(mapping(deposited, "assets").from, field("event_data[].assets", ReadAs::Type));
    assert_eq!(mapping(deposited, "network").from, field("network", ReadAs::Type));
    assert_eq!(mapping(other, "network").from, MapFrom::Const("none".into()));
    assert_eq!(mapping(other, "event").from, MapFrom::Event);
    let parts = vec![HashPart::Const(vec![0, 0xFF]), HashPart::Field(path("event_data[].termId"))];
    assert_eq!(mapping(triple, "counter_term").from, MapFrom::Keccak256(parts));
    assert_eq!(mapping(triple, "note").from, field("event_data[].data", ReadAs::HexText));
    assert_eq!(mapping(triple, "raw").from, field("event_data[].data", ReadAs::HexNotText));
}

#[test]
fn the_plain_form_is_one_route() {
    let system = system(&format!("{STREAMS}{CHAIN}"));
    let ledger = &system.sources[1];
    assert_eq!(ledger.each, None);
    let [route] = ledger.routes.as_slice() else { panic!("one route") };
    assert_eq!(route.legs, Some(path("legs")));
    assert_eq!(mapping(route, "leg").from, MapFrom::LegNumber);
    let field = |text| MapFrom::Field { path: path(text), read_as: ReadAs::Type, values: vec![] };
    assert_eq!(mapping(route, "amount").from, field("legs[].amount"));
    assert_eq!(mapping(route, "currency").from, field("currency"));
}

const MISTAKES: &str = r#"
[sources.a]
redis = { url = "env:REDIS_URL", stream = "a", streams = ["a", "b", "a"] }
each = "event_data[]"
into = "deposited"
[sources.a.map]
assets = { field = "items[].assets", bytes = 20 }
nothing = "x"

[[sources.a.routes]]
into = "deposited"
when = { event_name = "D", kind = ["x", "y"] }
[[sources.a.routes]]
into = "deposite"
when = { event_name = [], data.kind = "x" }
[[sources.a.routes]]
into = "triple_created"
when = { kind = "y", event_name = "D" }
expect = [{ field = "a" }, { field = "b", is = "0xabc", as = "hex", refused = "Bad one" }]
[[sources.a.routes]]
into = "other_events"
[[sources.a.routes]]
into = "other_events"
map = { event = { raw = true, const = "{}" }, event_name = { hash = { sha256 = ["a"] } } }
[[sources.a.routes]]
into = "deposited"
when = { event_name = "E" }
extra = 1

[sources.b]
file = "b.csv"
each = "events"
into = "ledger"
legs = "legs"
[sources.b.map]
leg = { raw = true }

[sources.c]
file = "c.ndjson"
each = "events"
into = "ledger"
legs = "legs"

[sources.d]
file = "d.ndjson"
into = "ledger"
legs = "event.legs"
when = { "event.legs[].amount" = "1" }
[sources.d.map]
txn_id = { hash = { keccak256 = ["0xabc", "txn_id"] } }
leg = { index = "legs" }
account_id = { field = "event.legs[].id", as = "hex" }
amount = { field = "legs[].amount", as = "hex text", bytes = 3 }
currency = { raw = 1 }

[sources.e]
file = "e.ndjson"
into = "triple_created"
[sources.e.map]
term = { index = "legs" }
counter_term = { raw = true }
note = { hash = { keccak256 = ["term"] } }

[sources.f]
file = "f.ndjson"
routes = []
[sources.g]
file = "f.ndjson"
routes = "deposited"

[sources.h]
file = "h.ndjson"
[sources.h.map]
network = "net"
chainid = "chain"
[[sources.h.routes]]
into = "deposited"
when = { "items[].kind" = "x" }
"#;

#[test]
fn mistakes_are_told_together() {
    let text = format!("{STREAMS}{MISTAKES}");
    let (file, problems) = SystemFile::parse("howdah.toml", &text);
    let problems = file.map_or(problems, |file| file.check(&tables()).problems);
    insta::assert_snapshot!(error_of("howdah.toml", &problems).report());
}
