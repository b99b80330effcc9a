//! Texts of many events: each takes its route, and a bad one leaves its neighbours alone.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use bytes::Bytes;
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::{ColumnType, Condition, Route};
use howdah_system::{Format, MapFrom, Mapping, Origin, ReadAs};
use howdah_testkit::Cluster;
use serde_json::{Value, json};

use crate::chain::{EVENTS, chain, element, envelope};
use crate::decode::copy;
use crate::model::{column, decode_again, field, redis, source, stream};

fn decoder() -> Decoder {
    let (source, streams) = chain(Origin::Stdin);
    Decoder::new(&source, &streams).unwrap()
}

fn decode(decoder: &mut Decoder, text: impl Into<Bytes>) -> Decoded {
    let mut found = Decoded::default();
    let raw = Raw { position: Position("1-1".into()), body: Body::Text(text.into()) };
    decoder.decode(raw, &mut found);
    found
}

fn three(event: &str) -> Value {
    envelope(event, &[element(event, 0), element(event, 1), element(event, 2)])
}

/// Where a mistake is put, what it is (`None`: the field is left out), and its code.
type Mistake = (&'static str, Option<Value>, &'static str);

/// Mistakes in the fields that every event has; `secret` must never be told.
fn mistakes() -> Vec<Mistake> {
    let hex = |digits: usize| Some(Value::String("a".repeat(digits)));
    let ti = |name: &'static str, value, code| -> Mistake { (name, value, code) };
    vec![
        ("/termId", None, "missing_field"),
        ("/termId", Some(Value::Null), "missing_field"),
        ("/termId", Some(json!("")), "bad_bytes32"),
        ("/termId", Some(json!("0x")), "bad_bytes32"),
        ("/termId", hex(63), "bad_bytes32"),
        ("/termId", hex(65), "bad_bytes32"),
        ("/termId", hex(66), "bad_bytes32"),
        ("/termId", Some(json!("secret".repeat(11)[..64])), "bad_bytes32"),
        ("/termId", Some(json!(format!(" {}", "a".repeat(63)))), "bad_bytes32"),
        ("/termId", Some(json!(format!("{}\u{0}", "a".repeat(63)))), "bad_bytes32"),
        ("/termId", Some(json!("é".repeat(32))), "bad_bytes32"),
        ("/termId", Some(json!(12)), "bad_bytes32"),
        ("/termId", Some(json!(true)), "bad_bytes32"),
        ("/termId", Some(json!([])), "bad_bytes32"),
        ("/termId", Some(json!({"secret": 1})), "bad_bytes32"),
        ti("/transaction_information/address", None, "missing_field"),
        ti("/transaction_information/address", Some(json!("0x1234")), "bad_address"),
        ti("/transaction_information/address", hex(39), "bad_address"),
        ti("/transaction_information/address", hex(41), "bad_address"),
        ti("/transaction_information/address", hex(64), "bad_address"),
        ti("/transaction_information/address", Some(json!(1)), "bad_address"),
        ti("/transaction_information/block_hash", hex(62), "bad_bytes32"),
        ti("/transaction_information/block_hash", Some(json!("0xsecret")), "bad_bytes32"),
        ti("/transaction_information/transaction_hash", None, "missing_field"),
        ti("/transaction_information/transaction_hash", hex(4), "bad_bytes32"),
        ti("/transaction_information/block_number", Some(json!(-1)), "wrong_type"),
        ti("/transaction_information/block_number", Some(json!(1.5)), "wrong_type"),
        ti("/transaction_information/block_number", Some(json!("0x")), "wrong_type"),
        ti("/transaction_information/block_number", Some(json!(true)), "wrong_type"),
        ti("/transaction_information/block_number", Some(json!("secret")), "wrong_type"),
        ti("/transaction_information/block_number", Some(json!(1_u64 << 63)), "out_of_range"),
        ti("/transaction_information/block_number", Some(json!("9".repeat(200))), "out_of_range"),
        ti("/transaction_information/log_index", None, "missing_field"),
        ti("/transaction_information/log_index", Some(json!("0xzz")), "wrong_type"),
        ti("/transaction_information/log_index", Some(json!("1f")), "wrong_type"),
        ti("/transaction_information/block_timestamp", None, "no_block_time"),
        ti("/transaction_information/block_timestamp", Some(Value::Null), "no_block_time"),
        ti("/transaction_information/block_timestamp", Some(json!("secret")), "wrong_type"),
        ti(
            "/transaction_information/block_timestamp",
            Some(json!("0xffffffffffffffff")),
            "out_of_range",
        ),
        ti("/transaction_information/chain_id", Some(json!("1155 ")), "wrong_type"),
        ti("/transaction_information", Some(json!("secret")), "no_block_time"),
        ("", Some(json!({})), "no_block_time"),
        ("", Some(json!(5)), "bad_json"),
        ("", Some(json!("secret")), "bad_json"),
        ("", Some(json!([{}])), "bad_json"),
        ("", Some(Value::Null), "bad_json"),
    ]
}

/// Mistakes in fields that only some events have.
fn own_mistakes(event: &str) -> Vec<Mistake> {
    let bad = |path, value, code| -> Mistake { (path, Some(value), code) };
    match event {
        "AtomCreated" => vec![
            bad("/atomData", json!("abc"), "bad_hex"),
            bad("/atomData", json!("zz"), "bad_hex"),
            ("/atomData", None, "missing_field"),
            bad("/creator", json!("0x1234"), "bad_address"),
        ],
        "TripleCreated" => vec![bad("/subjectId", json!("0x1234"), "bad_bytes32")],
        "Deposited" => vec![
            bad("/assets", json!("-1"), "bad_uint256"),
            bad("/assets", json!("1.0"), "bad_uint256"),
            bad("/assets", json!(""), "bad_uint256"),
            bad("/assets", json!(format!("0x1{}", "0".repeat(64))), "bad_uint256"),
            bad("/totalShares", json!([1]), "bad_uint256"),
            bad("/curveId", json!("one"), "bad_uint256"),
            bad("/vaultType", json!(3), "bad_vault_type"),
            bad("/vaultType", json!("Atom"), "bad_vault_type"),
            ("/vaultType", None, "missing_field"),
        ],
        "Redeemed" => vec![bad("/fees", json!("1e3"), "bad_uint256")],
        _ => vec![bad(
            "/sharePrice",
            json!("115792089237316195423570985008687907853269984665640564039457584007913129639936"),
            "bad_uint256",
        )],
    }
}

fn put(element: &mut Value, path: &str, value: Option<Value>) {
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", ""));
    match value {
        Some(value) if path.is_empty() => *element = value,
        Some(value) => element.pointer_mut(parent).unwrap()[name] = value,
        None => {
            let parent = element.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.remove(name).unwrap();
        }
    }
}

#[test]
fn a_bad_element_is_refused_alone_with_its_code() {
    let mut decoder = decoder();
    assert!(mistakes().len() >= 40);
    for (event, _) in EVENTS {
        for (path, value, code) in mistakes().into_iter().chain(own_mistakes(event)) {
            let mut text = three(event);
            put(&mut text["event_data"][1], path, value.clone());
            let found = decode(&mut decoder, text.to_string());
            let what = format!("{event} {path} {value:?}: {:?}", found.refusals);
            assert_eq!((found.rows.len(), found.refusals.len(), found.events), (2, 1, 3), "{what}");
            assert_eq!(found.rows.iter().map(|row| row.group).collect::<Vec<_>>(), [0, 1]);
            let refusal = &found.refusals[0];
            assert_eq!(refusal.code, code, "{what}");
            assert!(refusal.reason.starts_with("element 2 of \"event_data\": "), "{what}");
            assert!(!refusal.reason.contains("secret"), "{what}");
            assert_eq!(refusal.raw_bytes, refusal.raw.len() as u64);
            let letter = refusal.raw.to_bytes();
            let again: Value = serde_json::from_slice(&letter).unwrap();
            assert_eq!(again["event_data"], json!([text["event_data"][1]]), "{what}");
            let again = decode_again(&mut decoder, &letter).unwrap_err();
            assert_eq!(again.code, code, "{what}");
        }
    }
}

#[test]
fn what_stands_around_the_events_is_for_all_of_them() {
    let mut decoder = decoder();
    for (name, value, code, refused) in [
        ("event_signature_hash", Some(json!("0xabcdef")), "unknown_signature", 3),
        ("event_signature_hash", Some(json!(7)), "unknown_signature", 3),
        ("event_signature_hash", None, "missing_field", 3),
        ("event_data", None, "missing_field", 1),
        ("event_data", Some(Value::Null), "missing_field", 1),
        ("event_data", Some(json!("secret")), "wrong_type", 1),
        ("event_name", Some(json!(null)), "missing_field", 3),
    ] {
        let mut text = three("Deposited");
        put(&mut text, &format!("/{name}"), value);
        let found = decode(&mut decoder, text.to_string());
        let codes: Vec<&str> = found.refusals.iter().map(|r| r.code.as_str()).collect();
        assert_eq!(codes, vec![code; refused], "{name}");
        assert_eq!((found.rows.len(), found.events), (0, refused as u64), "{name}");
    }
    for text in ["", "[]", "{\"event_data\":[{}]", "{\"event_data\":[{},]}", "{} {}"] {
        let found = decode(&mut decoder, text);
        assert_eq!((found.events, found.refusals[0].code.as_str()), (1, "bad_json"), "{text}");
    }
    let upper = three("Deposited").to_string().replace("0xf71742", "F71742");
    assert_eq!(decode(&mut decoder, upper).rows.len(), 3, "another spelling");
}

#[test]
fn an_object_is_an_array_of_one_and_an_empty_array_is_nothing() {
    let mut decoder = decoder();
    let mut text = three("Redeemed");
    text["event_data"] = element("Redeemed", 9);
    let found = decode(&mut decoder, text.to_string());
    assert_eq!((found.rows.len(), found.events), (1, 1));
    assert_eq!(found.rows[0].raw.to_bytes(), text.to_string());
    let found = decode(&mut decoder, envelope("Redeemed", &[]).to_string());
    assert_eq!((found.rows.len(), found.refusals.len(), found.events), (0, 0, 0));
}

#[test]
fn events_take_the_first_route_that_they_match() {
    let mut decoder = decoder();
    for (at, (event, _)) in EVENTS.iter().enumerate() {
        let found = decode(&mut decoder, three(event).to_string());
        assert!(found.rows.iter().all(|row| row.route == at), "{event}");
        assert_eq!(found.rows.len(), 3, "{event}: {:?}", found.refusals);
    }
    let other = three("__rindexer_reorg");
    let found = decode(&mut decoder, other.to_string());
    assert_eq!(found.rows.len(), 3);
    let event = other["event_data"][2].to_string();
    assert!(found.rows.iter().all(|row| row.route == 5));
    assert!(found.rows[2].copy.ends_with(format!("\x01{event}").as_bytes()), "the element itself");

    let (mut source, streams) = chain(Origin::Stdin);
    source.routes.truncate(5);
    let found = decode(&mut Decoder::new(&source, &streams).unwrap(), other.to_string());
    assert!(found.refusals.iter().all(|r| r.code == "no_route" && r.route.is_none()));
    assert_eq!(found.refusals.len(), 3);

    // By a field of the element, and by CSV.
    let stream = stream(vec![column("kind", "text", ColumnType::Text)]);
    let mut by_kind = crate::model::source(&stream, Origin::Stdin, Format::Json);
    by_kind.each = Some(vec!["all".into()]);
    let route = by_kind.routes.remove(0);
    for kind in ["a", "b"] {
        let inner = |name: &str| field(&format!("all[].{name}"), ReadAs::Type);
        let path = vec!["all[]".to_owned(), "kind".to_owned()];
        let map = route.map.iter().map(|m| Mapping { from: inner(m.column.as_str()), ..m.clone() });
        let when = vec![Condition { path, is: vec![kind.to_owned(), kind.to_uppercase()] }];
        by_kind.routes.push(Route { when, map: map.collect(), ..route.clone() });
    }
    let mut decoder = Decoder::new(&by_kind, std::slice::from_ref(&stream)).unwrap();
    let of = |kind: &str| json!({"at": "2025-10-17T00:00:00Z", "kind": kind});
    let text = json!({"all": [of("b"), of("A"), of("c"), of("\u{61}")]});
    let found = decode(&mut decoder, text.to_string());
    assert_eq!(found.rows.iter().map(|row| row.route).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(found.refusals[0].code, "no_route");
}

#[test]
fn csv_records_and_redis_fields_have_routes_too() {
    let stream = stream(vec![column("kind", "text", ColumnType::Text)]);
    let mut csv = source(&stream, Origin::Stdin, Format::Csv);
    let mut other = csv.routes[0].clone();
    csv.routes[0].when = vec![Condition { path: vec!["kind".into()], is: vec!["x".into()] }];
    other.map[1].from = MapFrom::Const("other".into());
    csv.routes.push(other);
    let mut decoder = Decoder::new(&csv, std::slice::from_ref(&stream)).unwrap();
    decoder.set_header(&Bytes::from_static(b"kind,at")).unwrap();
    let routes: Vec<usize> = ["x,2025-10-17T00:00:00Z", "y,2025-10-17T00:00:00Z"]
        .iter()
        .map(|record| decode(&mut decoder, *record).rows[0].route)
        .collect();
    assert_eq!(routes, [0, 1]);
    csv.format = Format::Fields;
    csv.origin = redis("k");
    let mut decoder = Decoder::new(&csv, std::slice::from_ref(&stream)).unwrap();
    let at = (Bytes::from("at"), Bytes::from("2025-10-17T00:00:00Z"));
    let body = Body::Entry(vec![at, (Bytes::from("kind"), Bytes::from("x"))]);
    let mut found = Decoded::default();
    decoder.decode(Raw { position: Position("1-1".into()), body }, &mut found);
    assert_eq!(found.rows[0].route, 0);
}

#[test]
fn the_first_entry_field_that_is_there_holds_the_event() {
    let (mut source, streams) = chain(redis("k"));
    let Origin::Redis { fields, .. } = &mut source.origin else { panic!("Redis") };
    *fields = ["event_data", "data", "payload"].map(str::to_owned).into();
    let mut decoder = Decoder::new(&source, &streams).unwrap();
    let text = Bytes::from(three("Deposited").to_string());
    let broken = Bytes::from("{");
    let mut rows = |entry: &[(&'static str, &Bytes)]| {
        let mut found = Decoded::default();
        let pair = |(name, value): &(&'static str, &Bytes)| (Bytes::from(*name), (*value).clone());
        let body = Body::Entry(entry.iter().map(pair).collect());
        decoder.decode(Raw { position: Position("1-1".into()), body }, &mut found);
        (found.rows.len(), found.refusals.first().map(|refusal| refusal.code.clone()))
    };
    assert_eq!(rows(&[("payload", &text)]), (3, None));
    assert_eq!(rows(&[("payload", &broken), ("x", &broken), ("data", &text)]), (3, None));
    assert_eq!(rows(&[("other", &text)]), (0, Some("missing_field".to_owned())));
}

#[test]
fn texts_that_would_multiply_are_refused_whole() {
    let mut decoder = decoder();
    let many = format!("{{\"event_data\":[{}1]}}", "1,".repeat(100_000));
    let found = decode(&mut decoder, many);
    assert_eq!((found.events, found.refusals[0].code.as_str()), (1, "too_large"));
    let mut text = three("Deposited");
    text["message_id"] = Value::String("x".repeat(600_000));
    text["event_data"] = vec![element("Deposited", 1); 200].into();
    let found = decode(&mut decoder, text.to_string());
    assert_eq!((found.events, found.refusals[0].code.as_str()), (1, "too_large"));
}

fn ledger() -> Decoder {
    let mut number = column("leg", "smallint", ColumnType::Int2);
    number.not_null = true;
    let mut amount = column("amount", "numeric(20,4)", ColumnType::Numeric(Some((20, 4))));
    amount.not_null = true;
    let stream = stream(vec![number, amount, column("currency", "text", ColumnType::Text)]);
    let mut source = source(&stream, Origin::Stdin, Format::Json);
    source.routes[0].legs = Some(vec!["legs".into()]);
    source.routes[0].map[1].from = MapFrom::LegNumber;
    source.routes[0].map[2].from = field("legs[].amount", ReadAs::Type);
    Decoder::new(&source, &[stream]).unwrap()
}

#[test]
fn legs_are_rows_of_one_group_and_fall_together() {
    let mut decoder = ledger();
    let mut found = Decoded::default();
    for amounts in [&["-1", "0.5", "0.5"][..], &["1", "x"], &["2", "-2"]] {
        let legs: Vec<Value> = amounts.iter().map(|amount| json!({"amount": amount})).collect();
        let text = json!({"at": "2025-10-17T00:00:00Z", "currency": "USD", "legs": legs});
        let body = Body::Text(text.to_string().into());
        decoder.decode(Raw { position: Position("1-1".into()), body }, &mut found);
    }
    assert_eq!(found.rows.iter().map(|row| row.group).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
    assert_eq!((found.events, found.refusals.len()), (3, 1));
    let reason = &found.refusals[0].reason;
    assert!(reason.starts_with("element 2 of \"legs\": column \"amount\""), "{reason}");
    // The second field is the number of the leg.
    let number = |row: &howdah_stream::Row| row.copy[2 + 12 + 4..][..2].to_vec();
    let numbers: Vec<Vec<u8>> = found.rows.iter().map(number).collect();
    assert_eq!(numbers, [[0, 1], [0, 2], [0, 3], [0, 1], [0, 2]]);
    for (legs, code) in [
        ("", "missing_field"),
        (",\"legs\":null", "missing_field"),
        (",\"legs\":[]", "missing_field"),
        (",\"legs\":{\"amount\":1}", "wrong_type"),
        (",\"legs\":[{\"amount\":1},2]", "wrong_type"),
        (",\"legs\":[{\"amount\":1},{}]", "missing_field"),
    ] {
        let text = format!("{{\"at\":\"2025-10-17T00:00:00Z\"{legs}}}");
        let found = decode(&mut decoder, text);
        assert_eq!((found.rows.len(), found.events), (0, 1), "{legs}");
        assert_eq!(found.refusals[0].code, code, "{legs}: {}", found.refusals[0].reason);
    }
}

/// What PostgreSQL makes of the rows of a text: these columns of each, as texts.
async fn stored(text: &Value, columns: &str) -> Vec<Vec<Option<String>>> {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    let (source, streams) = chain(Origin::Stdin);
    let found = decode(&mut Decoder::new(&source, &streams).unwrap(), text.to_string());
    assert!(found.refusals.is_empty(), "{:?}", found.refusals);
    let stream = &streams[source.routes[found.rows[0].route].stream];
    let columns_of: Vec<String> = stream
        .columns
        .iter()
        .map(|column| format!("\"{}\" {}", column.name.as_str(), column.type_name))
        .collect();
    let tables = format!(
        "create type vault_type as enum ('Atom', 'Triple'); create table t ({})",
        columns_of.join(", ")
    );
    connection.batch_execute(&tables).await.unwrap();
    copy(&connection, "t", found.rows).await;
    let select = format!("select array[{columns}]::text[] from t");
    let rows = connection.query(&select, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn encodings_give_the_values_that_are_meant() {
    let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let term = format!("{:064x}", 0xABC);
    let mut deposit = element("Deposited", 31);
    deposit["assets"] = json!(max);
    deposit["totalShares"] = json!(format!("0x{}", "f".repeat(64)));
    deposit["curveId"] = json!(format!("0x{:064x}", 1));
    deposit["termId"] = json!(format!("0X{}", term.to_uppercase()));
    deposit["transaction_information"]["block_number"] = json!("0x1b778a2");
    let columns = "extract(epoch from at)::bigint, block_number, log_index, encode(term, 'hex'), \
                   curve, assets, total_shares, vault_type";
    let expected = ["1762084800", "28801186", "31", &term, "1", max, max, "Atom"];
    let expected = expected.map(|text| Some(text.to_owned()));
    assert_eq!(stored(&envelope("Deposited", &[deposit]), columns).await, [expected]);

    let mut triple = element("TripleCreated", 0);
    triple["termId"] = json!(format!("{:064x}", 1));
    let counter = "0b86efbf634ba3d302c173167c9f6a87498dfda2184b85ca5f3edb71245d75e5";
    let found = stored(&envelope("TripleCreated", &[triple]), "encode(counter_term, 'hex')").await;
    assert_eq!(found, [[Some(counter.to_owned())]]);

    let atom = |data: &str| {
        let mut atom = element("AtomCreated", 0);
        atom["atomData"] = json!(data);
        atom
    };
    let atoms = ["6100620a", "ff", "", "0x697066733a2f2f616c696365"].map(atom);
    let columns = "data, encode(raw_data, 'hex')";
    assert_eq!(
        stored(&envelope("AtomCreated", &atoms), columns).await,
        [
            [None, Some("6100620a".to_owned())],
            [None, Some("ff".to_owned())],
            [Some(String::new()), None],
            [Some("ipfs://alice".to_owned()), None],
        ]
    );
}

/// A decoder that has seen its texts, and room for its rows: what each event still allocates.
#[test]
fn r23_events_take_few_allocations() {
    for (event, _) in EVENTS {
        let elements: Vec<Value> = (0..75).map(|i| element(event, i)).collect();
        let text = Bytes::from(envelope(event, &elements).to_string());
        let (mut decoder, mut found) = (decoder(), Decoded::default());
        let raw = || {
            let position = Position("1723161255342-0".into());
            Raw { position, body: Body::Text(text.clone()) }
        };
        for _ in 0..3 {
            decoder.decode(raw(), &mut found);
            found.rows.clear();
        }
        let next = raw();
        let counted = allocation_counter::measure(|| decoder.decode(next, &mut found));
        assert!(found.refusals.is_empty() && found.rows.len() >= 75, "{event}");
        let each = counted.count_total as f64 / 75.0;
        assert!(each <= 5.0, "{event}: {each} allocations an event");
        println!("{event}: {each:.2} allocations an event");
    }
}
