//! Dead letters: listed, counted, shown, dropped, replayed.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use howdah_pg::Connection;
use howdah_stream::dead_letters::{self, Filter};
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::{ColumnType, Format, MapFrom, Mapping, Origin, ReadAs, Source, Stream};
use howdah_testkit::Cluster;

use crate::chain::{chain, element, envelope};
use crate::model::{column, source, stream};

/// The table of schema version 1.
const TABLE: &str = "create schema howdah;
    create table howdah.dead_letters (
        id bigint generated always as identity primary key,
        source text not null, shard text not null, position text not null, stream text not null,
        code text not null, reason text not null, payload bytea not null,
        payload_bytes bigint not null, refused_at timestamptz not null default now());";

async fn refuse(connection: &Connection, code: &str, payload: &str, bytes: i64) {
    connection
        .execute(
            "insert into howdah.dead_letters
             (source, shard, position, stream, code, reason, payload, payload_bytes)
             values ('feed', '-', '1:1:0', 'events', $1, 'old', $2, $3)",
            &[&code, &payload.as_bytes(), &bytes],
        )
        .await
        .unwrap();
}

fn numbered() -> (Source, Stream) {
    let stream = stream(vec![column("n", "bigint", ColumnType::Int8)]);
    (source(&stream, Origin::Stdin, Format::Json), stream)
}

#[tokio::test]
async fn letters_are_found_by_what_is_asked() {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    connection.batch_execute(TABLE).await.unwrap();
    for (code, payload) in [("bad_json", "x"), ("bad_json", "y"), ("22003", "{}")] {
        refuse(&connection, code, payload, 1).await;
    }
    let all = Filter::default();
    let bad = Filter { code: Some("bad_json".into()), ..Filter::default() };
    assert_eq!(dead_letters::list(&connection, &all, 10).await.unwrap().len(), 3);
    assert_eq!(dead_letters::list(&connection, &bad, 1).await.unwrap()[0].id, 1);
    let counts = dead_letters::count(&connection, &all).await.unwrap();
    assert_eq!((counts[0].code.as_str(), counts[0].letters), ("bad_json", 2));
    let (letter, payload) = dead_letters::show(&connection, 2).await.unwrap();
    assert_eq!((letter.reason.as_str(), payload.as_slice()), ("old", &b"y"[..]));
    assert!(letter.refused_at.ends_with('Z'));
    assert!(dead_letters::show(&connection, 9).await.is_err());
    assert!(dead_letters::drop(&connection, &all).await.is_err(), "an empty filter");
    let ids = Filter { ids: Some(vec![1, 3]), ..Filter::default() };
    assert_eq!(dead_letters::drop(&connection, &ids).await.unwrap(), 2);
    assert_eq!(dead_letters::list(&connection, &all, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn replay_goes_page_by_page_and_explains_what_stays() {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    connection.batch_execute(TABLE).await.unwrap();
    let good = "{\"at\":\"2025-10-17T00:00:00Z\",\"n\":1}";
    for (payload, bytes) in [(good, 0), ("x", 0), (good, 0), (good, 99), (good, 0)] {
        let bytes = if bytes == 0 { payload.len() as i64 } else { bytes };
        refuse(&connection, "wrong_type", payload, bytes).await;
    }
    let (source, stream) = numbered();
    let mut decoder = Decoder::new(&source, std::slice::from_ref(&stream)).unwrap();
    let (mut after, mut letters, mut still_bad) = (0, vec![], vec![]);
    while let Some(page) = dead_letters::next_replay(
        &connection,
        &source,
        &mut decoder,
        &Filter::default(),
        (after, 4),
        3,
    )
    .await
    .unwrap()
    {
        after = page.last;
        page.explain(&connection).await.unwrap();
        still_bad.extend(page.still_bad.iter().map(|bad| (bad.id, bad.code.clone())));
        letters.extend(page.replay.into_iter().flat_map(|replay| {
            assert_eq!(replay.letters.len(), replay.batch.rows.len());
            replay.letters
        }));
    }
    assert_eq!(letters, [1, 3]);
    assert_eq!(still_bad, [(2, "bad_json".to_owned()), (4, "too_large".to_owned())]);
    let (letter, _) = dead_letters::show(&connection, 2).await.unwrap();
    assert_eq!(letter.code, "bad_json");
    assert_ne!(letter.reason, "old");
}

#[tokio::test]
async fn the_letter_of_an_element_replays_as_that_element() {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    connection.batch_execute(TABLE).await.unwrap();
    let (strict, streams) = chain(Origin::Stdin);
    let mut elements: Vec<_> = (0..10).map(|i| element("Deposited", i)).collect();
    elements[4]["receiver"] = "0x1234".into();
    let mut found = Decoded::default();
    let body = Body::Text(envelope("Deposited", &elements).to_string().into());
    let raw = Raw { position: Position("7-0".into()), body };
    Decoder::new(&strict, &streams).unwrap().decode(raw, &mut found);
    let refusal = &found.refusals[0];
    assert_eq!((found.rows.len(), refusal.code.as_str()), (9, "bad_address"));
    let letter = String::from_utf8(refusal.raw.to_bytes().to_vec()).unwrap();
    refuse(&connection, &refusal.code, &letter, refusal.raw_bytes as i64).await;
    // A whole entry that was refused once may hold several events now: they stand or fall together.
    let whole = envelope("Deposited", &elements[..3]).to_string();
    refuse(&connection, "missing_field", &whole, whole.len() as i64).await;

    let mut lenient = strict.clone();
    lenient.name = "feed".to_owned();
    let receiver = |mapping: &&mut Mapping| mapping.column.as_str() == "receiver";
    let mapping = lenient.routes[2].map.iter_mut().find(receiver).unwrap();
    let path = vec!["event_data[]".to_owned(), "receiver".to_owned()];
    mapping.from = MapFrom::Field { path, read_as: ReadAs::Hex(None), values: vec![] };
    let mut decoder = Decoder::new(&lenient, &streams).unwrap();
    let all = Filter::default();
    let page = dead_letters::next_replay(&connection, &lenient, &mut decoder, &all, (0, 9), 9);
    let replay = page.await.unwrap().unwrap().replay.unwrap();
    assert_eq!(replay.letters, [1, 2, 2, 2]);
    let groups: Vec<u32> = replay.batch.rows.iter().map(|row| row.group).collect();
    assert_eq!(groups, [0, 1, 1, 1]);
    let log_index = &replay.batch.rows[0].raw.to_bytes();
    assert!(String::from_utf8_lossy(log_index).contains("\"log_index\":\"0x4\""));
}
