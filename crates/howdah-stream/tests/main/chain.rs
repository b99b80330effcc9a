//! A source like that of a blockchain: entries of many events, five routes and one for the rest.

use howdah_catalog::Ident;
use howdah_system::{
    ColumnType, Condition, Expectation, Format, HashPart, MapFrom, Mapping, Origin, ReadAs, Route,
    Source, Stream, StreamColumn,
};

use crate::model::{column, stream};

/// The names of the five events, and the signature that each must carry.
pub const EVENTS: [(&str, &str); 5] = [
    ("AtomCreated", "0xfd579a"),
    ("TripleCreated", "0xf13505"),
    ("Deposited", "0xf71742"),
    ("Redeemed", "0x5ab856"),
    ("SharePriceChanged", "0xcc9bc6"),
];

/// keccak-256 of `COUNTER_SALT`, the beginning of what a counter triple's id hashes.
pub const COUNTER_SALT: &str = "e7cbc1eb0e9b3f8688b0bc91a8278f7d2867f14f2a10dc3f0d9fcfdc32dada12";

/// A column of a stream and its mapping.
struct Mapped {
    column: StreamColumn,
    mapping: Mapping,
}

fn mapped(
    name: &str,
    (type_name, kind): (&str, ColumnType),
    from: MapFrom,
    refused: &str,
) -> Mapped {
    let column = StreamColumn { not_null: true, ..column(name, type_name, kind) };
    let mut mapping = Mapping::new(Ident::new(name), 0, from);
    mapping.refused = (!refused.is_empty()).then(|| refused.to_owned());
    Mapped { column, mapping }
}

/// The path of a field of an element.
fn inner(path: &str) -> Vec<String> {
    format!("event_data[].{path}").split('.').map(str::to_owned).collect()
}

fn field(path: &str, read_as: ReadAs) -> MapFrom {
    MapFrom::Field { path: inner(path), read_as, values: vec![] }
}

const BYTEA: (&str, ColumnType) = ("bytea", ColumnType::Bytea);
const BIGINT: (&str, ColumnType) = ("bigint", ColumnType::Int8);

fn bytes32(name: &str, path: &str) -> Mapped {
    mapped(name, BYTEA, field(path, ReadAs::Hex(Some(32))), "bad_bytes32")
}

fn address(name: &str, path: &str) -> Mapped {
    mapped(name, BYTEA, field(path, ReadAs::Hex(Some(20))), "bad_address")
}

fn uint256(name: &str, path: &str) -> Mapped {
    let kind = ("numeric(78,0)", ColumnType::Numeric(Some((78, 0))));
    mapped(name, kind, field(path, ReadAs::Quantity), "bad_uint256")
}

fn curve() -> Mapped {
    mapped("curve", ("text", ColumnType::Text), field("curveId", ReadAs::Quantity), "bad_uint256")
}

fn vault_type() -> Mapped {
    let labels = ["Atom", "Triple", "CounterTriple"];
    let kind = ("vault_type", ColumnType::Enum(labels.map(str::to_owned).into()));
    let values = labels.iter().enumerate().map(|(i, label)| (i.to_string(), (*label).to_owned()));
    let (path, values) = (inner("vaultType"), values.collect());
    let from = MapFrom::Field { path, read_as: ReadAs::Type, values };
    mapped("vault_type", kind, from, "bad_vault_type")
}

fn nullable(mut mapped: Mapped, missing: &str) -> Mapped {
    mapped.column.not_null = false;
    mapped.mapping.missing = Some(missing.to_owned());
    mapped
}

/// What all events have.
fn common() -> Vec<Mapped> {
    let quantity = |path: &str| field(&format!("transaction_information.{path}"), ReadAs::Quantity);
    let mut time = mapped(
        "at",
        ("timestamp with time zone", ColumnType::Timestamptz),
        quantity("block_timestamp"),
        "",
    );
    time.mapping.missing = Some("no_block_time".to_owned());
    vec![
        time,
        mapped("chain_id", BIGINT, quantity("chain_id"), ""),
        address("address", "transaction_information.address"),
        mapped("block_number", BIGINT, quantity("block_number"), ""),
        bytes32("block_hash", "transaction_information.block_hash"),
        bytes32("transaction_hash", "transaction_information.transaction_hash"),
        mapped("log_index", BIGINT, quantity("log_index"), ""),
    ]
}

fn columns_of(event: &str) -> Vec<Mapped> {
    let text = |name| ("text", name);
    match event {
        "AtomCreated" => vec![
            bytes32("term", "termId"),
            address("creator", "creator"),
            nullable(
                mapped(
                    "data",
                    text(ColumnType::Text),
                    field("atomData", ReadAs::HexText),
                    "bad_hex",
                ),
                "missing_field",
            ),
            nullable(
                mapped("raw_data", BYTEA, field("atomData", ReadAs::HexNotText), "bad_hex"),
                "missing_field",
            ),
        ],
        "TripleCreated" => {
            let salt = (0..64).step_by(2);
            let salt =
                salt.map(|at| u8::from_str_radix(&COUNTER_SALT[at..at + 2], 16).unwrap_or(0));
            let parts = vec![HashPart::Const(salt.collect()), HashPart::Field(inner("termId"))];
            vec![
                bytes32("term", "termId"),
                mapped("counter_term", BYTEA, MapFrom::Keccak256(parts), ""),
                bytes32("subject", "subjectId"),
            ]
        }
        "Deposited" => vec![
            address("sender", "sender"),
            address("receiver", "receiver"),
            bytes32("term", "termId"),
            curve(),
            uint256("assets", "assets"),
            uint256("total_shares", "totalShares"),
            vault_type(),
        ],
        "Redeemed" => vec![
            address("receiver", "receiver"),
            bytes32("term", "termId"),
            curve(),
            uint256("fees", "fees"),
            vault_type(),
        ],
        _ => vec![
            bytes32("term", "termId"),
            curve(),
            uint256("share_price", "sharePrice"),
            vault_type(),
        ],
    }
}

/// The source and its streams: the five events, and one of `event_name` and `event` for others.
pub fn chain(origin: Origin) -> (Source, Vec<Stream>) {
    let top = |name: &str| vec![name.to_owned()];
    let mut streams = vec![];
    let mut routes = vec![];
    let mut add = |name: &str, when, expect, columns: Vec<Mapped>| {
        let mut map = vec![];
        let mut made = vec![];
        for (index, Mapped { column, mapping }) in columns.into_iter().enumerate() {
            map.push(Mapping { index, ..mapping });
            made.push(column);
        }
        streams.push(Stream { name: name.to_lowercase(), columns: made, ..stream(vec![]) });
        routes.push(Route { stream: routes.len(), when, expect, also: false, legs: None, map });
    };
    for (name, signature) in EVENTS {
        let when = Condition { path: top("event_name"), is: vec![name.to_owned()] };
        let expect = Expectation {
            path: top("event_signature_hash"),
            is: vec![signature.to_owned()],
            hex: true,
            refused: "unknown_signature".to_owned(),
        };
        let columns = common().into_iter().chain(columns_of(name)).collect();
        add(name, vec![when], vec![expect], columns);
    }
    let name = MapFrom::Field { path: top("event_name"), read_as: ReadAs::Type, values: vec![] };
    let mut other = common();
    other.truncate(1);
    other.push(mapped("event_name", ("text", ColumnType::Text), name, ""));
    other.push(mapped("event", ("jsonb", ColumnType::Jsonb), MapFrom::Event, ""));
    add("other", vec![], vec![], other);
    let each = Some(top("event_data"));
    (
        Source { name: "chain".into(), origin, format: Format::Json, rate: None, each, routes },
        streams,
    )
}

/// A good element of an event, number `i`.
pub fn element(event: &str, i: usize) -> serde_json::Value {
    let id = |salt: usize| format!("{:064x}", salt * 1000 + i);
    let account = |salt: usize| format!("0x{:040x}", salt * 1000 + i);
    let mut element = serde_json::json!({
        "termId": id(1),
        "transaction_information": {
            "address": account(1), "block_hash": format!("0x{}", id(2)), "block_number": 1_902_144,
            "block_timestamp": "0x690747c0", "chain_id": 1155, "log_index": format!("{i:#x}"),
            "network": "testnet", "transaction_hash": format!("0x{}", id(3)),
            "transaction_index": 0
        }
    });
    let more = match event {
        "AtomCreated" => serde_json::json!({"atomData": "697066733a", "creator": account(2)}),
        "TripleCreated" => serde_json::json!({"subjectId": id(4)}),
        "Deposited" => serde_json::json!({
            "sender": account(2), "receiver": account(3), "curveId": "1", "vaultType": 0,
            "assets": "100000000000000000", "totalShares": "94000000000000000"
        }),
        "Redeemed" => serde_json::json!({
            "receiver": account(3), "curveId": "1", "fees": "808510638297781", "vaultType": 1
        }),
        "SharePriceChanged" => serde_json::json!({
            "curveId": "0x01", "sharePrice": "1010638297872227252", "vaultType": 2
        }),
        _ => serde_json::json!({"type": "reorg"}),
    };
    for (key, value) in more.as_object().into_iter().flatten() {
        element[key] = value.clone();
    }
    element
}

/// A text of these elements.
pub fn envelope(event: &str, elements: &[serde_json::Value]) -> serde_json::Value {
    let signature = EVENTS.iter().find(|(name, _)| *name == event).map_or("0x00", |(_, hash)| hash);
    serde_json::json!({
        "event_data": elements, "event_name": event, "event_signature_hash": signature,
        "message_id": "chunk-0", "network": "testnet"
    })
}
