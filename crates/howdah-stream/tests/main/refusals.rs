//! Broken events: each is refused with its code and a reason that holds no value of it.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use bytes::Bytes;
use howdah_catalog::Ident;
use howdah_stream::{Body, Decoder, Position, Raw};
use howdah_system::{ColumnType, Format, MapFrom, Origin, ReadAs, Stream};

use crate::model::{column, decode, decode_again, decode_one, field, redis, source, stream};

fn trades() -> Stream {
    let mut id = column("id", "bigint", ColumnType::Int8);
    id.not_null = true;
    let mut kind = column("kind", "text", ColumnType::Text);
    (kind.not_null, kind.has_default) = (true, true);
    let labels = vec!["buy".to_owned(), "sell".to_owned()];
    stream(vec![
        id,
        column("price", "numeric(18,8)", ColumnType::Numeric(Some((18, 8)))),
        column("side", "side", ColumnType::Enum(labels)),
        column("note", "character varying(5)", ColumnType::Varchar(5)),
        kind,
    ])
}

fn json() -> Decoder {
    Decoder::new(&source(&trades(), Origin::Stdin, Format::Json), &[trades()]).unwrap()
}

fn event(fields: &str) -> String {
    format!("{{\"at\":\"2025-10-17T00:00:00Z\",\"id\":1{fields}}}")
}

#[test]
fn each_mistake_has_its_code() {
    let mut decoder = json();
    for (text, code) in [
        (String::new(), "bad_json"),
        ("{\"at\":".to_owned(), "bad_json"),
        ("[1]".to_owned(), "bad_json"),
        ("{} x".to_owned(), "bad_json"),
        ("{}".to_owned(), "missing_field"),
        ("{\"at\":null,\"id\":1}".to_owned(), "missing_field"),
        ("{\"at\":\"2025-10-17T00:00:00Z\",\"id\":null}".to_owned(), "missing_field"),
        ("{\"at\":\"secret\",\"id\":1}".to_owned(), "wrong_type"),
        ("{\"at\":\"infinity\",\"id\":1}".to_owned(), "out_of_range"),
        ("{\"at\":\"999999-01-01T00:00:00Z\",\"id\":1}".to_owned(), "out_of_range"),
        ("{\"at\":{},\"id\":1}".to_owned(), "wrong_type"),
        (event(",\"price\":true"), "wrong_type"),
        (event(",\"price\":\"secret\""), "wrong_type"),
        (event(",\"price\":0.123456789"), "lossy_numeric"),
        (event(",\"price\":1e30"), "out_of_range"),
        (event(",\"side\":\"secret\""), "unknown_label"),
        (event(",\"note\":\"secret\""), "too_long"),
        (event(",\"note\":\"a\\u0000\""), "nul_character"),
        (event(",\"note\":\"\\ud800\""), "wrong_type"),
    ] {
        let refusal = decode(&mut decoder, text.clone()).unwrap_err();
        assert_eq!(refusal.code, code, "{text}: {}", refusal.reason);
        assert!(!refusal.reason.contains("secret"), "{}", refusal.reason);
        assert_eq!(refusal.raw.to_bytes(), text.as_bytes());
        assert_eq!(refusal.raw_bytes, text.len() as u64);
    }
    assert_eq!(decode(&mut decoder, &b"{\"at\":\"\xff\"}"[..]).unwrap_err().code, "bad_utf8");
    assert!(decode(&mut decoder, event(",\"price\":1.5,\"note\":\"ok\"")).is_ok());
}

#[test]
fn reasons_name_column_type_and_field() {
    let refusal = decode(&mut json(), event(",\"price\":\"x\"")).unwrap_err();
    let expected = "column \"price\" (numeric(18,8)): field \"price\" is not a number";
    assert_eq!(refusal.reason, expected);
}

#[test]
fn a_large_event_is_kept_whole() {
    let text = event(&format!(",\"note\":\"{}\"", "x".repeat(10 << 20)));
    let refusal = decode(&mut json(), text.clone()).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.raw.len()), ("too_large", text.len()));
    let mut wide = json().with_event_bytes(11 << 20);
    let row = decode_again(&mut wide, &refusal.raw.to_bytes()).unwrap_err();
    assert_eq!(row.code, "too_long");
}

#[test]
fn values_are_mapped_and_constants_written() {
    let mut source = source(&trades(), Origin::Stdin, Format::Json);
    source.routes[0].map[3].from = MapFrom::Field {
        path: vec!["m".into()],
        read_as: ReadAs::Type,
        values: vec![("true".into(), "sell".into()), ("false".into(), "buy".into())],
    };
    source.routes[0].map[4].from = MapFrom::Const("abc".into());
    let mut decoder = Decoder::new(&source, &[trades()]).unwrap();
    let row = decode(&mut decoder, event(",\"m\":true")).unwrap();
    let ends = b"\0\0\0\x04sell\0\0\0\x03abc\xff\xff\xff\xff";
    assert!(row.copy.ends_with(ends), "{:?}", row.copy);
    let refusal = decode(&mut decoder, event(",\"m\":\"maybe\"")).unwrap_err();
    assert_eq!(refusal.code, "unknown_value");
    source.routes[0].map[4].from = MapFrom::Const("too long".into());
    assert!(Decoder::new(&source, &[trades()]).is_err());
    source.routes[0].map.remove(0);
    assert!(Decoder::new(&source, &[trades()]).is_err(), "no time");
}

#[test]
fn csv_records_are_read_by_their_header() {
    let source = source(&trades(), Origin::Stdin, Format::Csv);
    let mut decoder = Decoder::new(&source, &[trades()]).unwrap();
    assert!(decoder.set_header(&Bytes::from_static(b"at,price")).is_err(), "no id");
    assert!(decoder.set_header(&Bytes::from_static(b"at,id,id")).is_err(), "twice");
    decoder.set_header(&Bytes::from_static(b"extra,id,at,note\r")).unwrap();
    let row = decode(&mut decoder, "x,7,2025-10-17T00:00:00Z,\"\"").unwrap();
    let ends =
        b"\0\0\0\x08\0\0\0\0\0\0\0\x07\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff";
    assert!(row.copy.ends_with(ends), "{:?}", row.copy);
    let row = decode(&mut decoder, "x,7,2025-10-17T00:00:00Z,").unwrap();
    assert!(row.copy.ends_with(b"\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_eq!(decode(&mut decoder, "x,7").unwrap_err().code, "bad_csv");
    assert_eq!(decode(&mut decoder, "x,7,\"2025").unwrap_err().code, "bad_csv");
    let bad = decode(&mut decoder, "x,,2025-10-17T00:00:00Z,a").unwrap_err();
    assert_eq!(bad.code, "missing_field");

    let mut other = Decoder::new(&source, &[trades()]).unwrap();
    let again = decode_again(&mut other, &bad.raw.to_bytes()).unwrap_err();
    assert_eq!(again.code, "missing_field");
    assert_eq!(again.raw.to_bytes(), bad.raw.to_bytes());
    let row = decode_again(&mut other, &row.raw.to_bytes()).unwrap();
    assert_eq!(row.time_us, 813_974_400_000_000);
}

#[test]
fn redis_entries_are_read_by_their_fields() {
    let trades = trades();
    let entry = |pairs: &[(&'static str, &'static [u8])]| Raw {
        position: Position("1-1".into()),
        body: Body::Entry(
            pairs.iter().map(|(n, v)| (Bytes::from(*n), Bytes::from_static(v))).collect(),
        ),
    };
    let at = ("at", &b"2025-10-17T00:00:00Z"[..]);
    let mut fields =
        Decoder::new(&source(&trades, redis("t"), Format::Fields), std::slice::from_ref(&trades))
            .unwrap();
    assert!(decode_one(&mut fields, entry(&[at, ("id", b"5"), ("price", b"")])).is_ok());
    let refusal = decode_one(&mut fields, entry(&[at, ("id", b"\xff")])).unwrap_err();
    assert_eq!(refusal.code, "bad_utf8");
    let again = decode_again(&mut fields, &refusal.raw.to_bytes()).unwrap_err();
    assert_eq!((again.code.as_str(), again.raw_bytes), ("bad_utf8", refusal.raw_bytes));

    let mut json =
        Decoder::new(&source(&trades, redis("t"), Format::Json), std::slice::from_ref(&trades))
            .unwrap();
    let refusal = decode_one(&mut json, entry(&[("other", b"{}")])).unwrap_err();
    assert_eq!(refusal.code, "missing_field");
    assert_eq!(refusal.raw.to_bytes(), &b"*2\r\n$5\r\nother\r\n$2\r\n{}\r\n"[..]);
    let good = entry(&[("event", b"{\"at\":\"2025-10-17T00:00:00Z\",\"id\":1}")]);
    assert_eq!(
        decode_one(&mut json, good).unwrap().raw.to_bytes(),
        &b"{\"at\":\"2025-10-17T00:00:00Z\",\"id\":1}"[..]
    );
}

#[test]
fn nested_fields_and_epochs_are_found() {
    let trades = trades();
    let mut source = source(&trades, Origin::Stdin, Format::Json);
    source.routes[0].map[0].from = field("data.T", ReadAs::EpochMillis);
    source.routes[0].map[1].from = field("data.t", ReadAs::Type);
    source.routes[0].map[2].from = field("data.p", ReadAs::Type);
    let mut decoder = Decoder::new(&source, std::slice::from_ref(&trades)).unwrap();
    let text =
        r#"{"stream":"btcusdt@trade","data":{"t":3735683259,"p":"61837.63","T":1723161255342}}"#;
    assert_eq!(decode(&mut decoder, text).unwrap().time_us, 776_476_455_342_000);
}

#[test]
fn a_pinned_tenant_is_filled_in_and_no_other_is_taken() {
    let mut tenant = column("tenant_id", "uuid", ColumnType::Uuid);
    tenant.not_null = true;
    let stream = stream(vec![tenant]);
    let (ours, theirs) =
        ("8e03978e-40d5-43e8-bc93-6894a57f9324", "0d7e0a44-6a3f-4a47-9a52-2f2a6b4f6c11");
    let event = |tenant: &str| format!("{{\"at\":\"2025-10-17T00:00:00Z\"{tenant}}}");
    let named = |tenant: &str| event(&format!(",\"tenant_id\":\"{tenant}\""));
    let mut json =
        Decoder::new(&source(&stream, Origin::Stdin, Format::Json), std::slice::from_ref(&stream))
            .unwrap();
    let named_first = decode(&mut json, named(ours)).unwrap().copy;
    assert_eq!(decode(&mut json, event("")).unwrap_err().code, "missing_field");

    let column = Ident::new("tenant_id");
    assert!(json.pin_tenant(&column, Some("no uuid")).is_err());
    json.pin_tenant(&column, Some(ours)).unwrap();
    for same in [named(ours), named(&ours.to_uppercase()), event(""), event(",\"tenant_id\":null")]
    {
        assert_eq!(decode(&mut json, same).unwrap().copy, named_first);
    }
    let refusal = decode(&mut json, named(theirs)).unwrap_err();
    assert_eq!(refusal.code, "other_tenant");
    assert!(!refusal.reason.contains(theirs) && !refusal.reason.contains(ours));
    json.pin_tenant(&column, None).unwrap();
    assert!(decode(&mut json, named(theirs)).is_ok());

    let mut csv =
        Decoder::new(&source(&stream, Origin::Stdin, Format::Csv), std::slice::from_ref(&stream))
            .unwrap();
    assert!(csv.set_header(&Bytes::from_static(b"at")).is_err());
    csv.pin_tenant(&column, Some(ours)).unwrap();
    csv.set_header(&Bytes::from_static(b"at")).unwrap();
    assert_eq!(decode(&mut csv, "2025-10-17T00:00:00Z").unwrap().copy, named_first);

    // A source of one tenant takes nothing from another.
    let mut fixed = source(&stream, Origin::Stdin, Format::Json);
    fixed.routes[0].map[1].from = MapFrom::Const(theirs.to_owned());
    let mut fixed = Decoder::new(&fixed, std::slice::from_ref(&stream)).unwrap();
    fixed.pin_tenant(&column, Some(ours)).unwrap();
    assert_eq!(decode(&mut fixed, event("")).unwrap_err().code, "other_tenant");
}
