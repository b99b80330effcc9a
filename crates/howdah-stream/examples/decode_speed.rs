//! How fast events are decoded: `cargo run --release -p howdah-stream --example decode_speed`.
//!
//! Trades as their exchange sends them (nested JSON), flat JSON with a time in RFC 3339, and CSV,
//! on one core; the deposits of a blockchain, 75 to a text, by one of five routes; then the CSV as
//! a file through reader, decoder and batcher. Prints events per second and MB/s, the median of
//! five passes.

use std::time::Instant;

use bytes::Bytes;
use howdah_catalog::{Ident, RelName};
use howdah_stream::{
    Access, Batches, Body, Decoded, Decoder, Mark, Opening, Pace, Position, Raw, Reader, Reporter,
    source,
};
use howdah_system::{
    Accept, Bucket, ColumnType, Condition, Format, IngestLimits, MapFrom, Mapping, Origin, ReadAs,
    Route, Source, Span, Stream, StreamColumn, TimeType,
};

const EVENTS: usize = 200_000;

fn stream() -> Stream {
    let column = |name: &str, type_name: &str, kind| StreamColumn {
        name: Ident::new(name),
        type_name: type_name.into(),
        kind,
        not_null: true,
        has_default: false,
        generated: false,
        expression: None,
        collation: None,
    };
    let labels = vec!["buy".to_owned(), "sell".to_owned()];
    Stream {
        name: "trades".into(),
        table: RelName::new("public", "trades"),
        time: Ident::new("executed_at"),
        time_type: TimeType::Timestamptz,
        key: vec![Ident::new("trade_id")],
        order: vec![Ident::new("executed_at")],
        chunk: Bucket::Day,
        ahead: 1,
        accept: Accept { past: None, future: Span::default() },
        keep: None,
        keep_by: None,
        segment: None,
        reverses: Vec::new(),
        refuse_conflicts: false,
        retracted: None,
        span_key: Vec::new(),
        horizon: None,
        tenant: None,
        columns: vec![
            column("symbol", "text", ColumnType::Text),
            column("trade_id", "bigint", ColumnType::Int8),
            column("executed_at", "timestamp with time zone", ColumnType::Timestamptz),
            column("price", "numeric(38,18)", ColumnType::Numeric(Some((38, 18)))),
            column("quantity", "numeric(38,18)", ColumnType::Numeric(Some((38, 18)))),
            column("side", "side", ColumnType::Enum(labels)),
        ],
    }
}

fn source_of(format: Format, fields: [&str; 6], read_as: ReadAs, side: &[(&str, &str)]) -> Source {
    let stream = stream();
    let map = fields.iter().enumerate().map(|(index, path)| {
        let side = if index == 5 { side } else { &[] };
        let from = MapFrom::Field {
            path: path.split('.').map(str::to_owned).collect(),
            read_as: if index == 2 { read_as } else { ReadAs::Type },
            values: side.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
        };
        Mapping::new(stream.columns[index].name.clone(), index, from)
    });
    let route = Route {
        stream: 0,
        when: vec![],
        expect: vec![],
        also: false,
        legs: None,
        map: map.collect(),
    };
    Source {
        name: "trades".into(),
        origin: Origin::Stdin,
        format,
        rate: None,
        each: None,
        routes: vec![route],
    }
}

fn measure(
    name: &str,
    source: &Source,
    header: Option<&'static str>,
    event: impl Fn(usize) -> String,
) {
    let mut decoder = Decoder::new(source, &[stream()]).expect("the mapping is right");
    if let Some(header) = header {
        decoder.set_header(&Bytes::from(header)).expect("the header is right");
    }
    let events: Vec<Bytes> = (0..EVENTS).map(|i| event(i).into()).collect();
    let bytes: usize = events.iter().map(Bytes::len).sum();
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let mut done = Decoded::default();
            let start = Instant::now();
            for event in &events {
                let position = Position("1723161255342-0".into());
                let raw = Raw { position, body: Body::Text(event.clone()) };
                decoder.decode(raw, &mut done);
                assert_eq!(std::hint::black_box(&done).rows.len(), 1);
                done.rows.clear();
            }
            start.elapsed().as_secs_f64()
        })
        .collect();
    print(name, &mut seconds, bytes);
}

fn print(name: &str, seconds: &mut [f64], bytes: usize) {
    seconds.sort_by(f64::total_cmp);
    let rate = |amount: usize| amount as f64 / seconds[seconds.len() / 2];
    println!("{name:12} {:>10.0} events/s {:>6.0} MB/s", rate(EVENTS), rate(bytes) / 1e6);
}

/// Reads, decodes and cuts a whole file into batches, which are dropped.
async fn read(source: &Source, access: &Access) {
    let shard = source::shards_of(source).remove(0);
    let (mark, (reporter, _)) = (Mark::default(), Reporter::new(shard.clone()));
    let opening = Opening {
        source,
        access,
        shard: &shard,
        position: None,
        mark: &mark,
        once: true,
        keyed: true,
        chunk_bytes: 1 << 20,
        reporter: &reporter,
    };
    let reader = Reader::open(&opening).await.expect("the file is there");
    let mut decoder = Decoder::new(source, &[stream()]).expect("the mapping is right");
    let header = reader.header().cloned().expect("the file has a header");
    decoder.set_header(&header).expect("the header is right");
    let mut batches =
        Batches::start(reader, decoder, shard, None, IngestLimits::default(), Pace::default());
    let mut events = 0;
    while let Some(batch) = batches.next().await {
        events += batch.expect("the file is right").rows.len();
    }
    assert_eq!(events, EVENTS);
}

async fn measure_file(mut source: Source, header: &str, event: impl Fn(usize) -> String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines: Vec<String> = (0..EVENTS).map(event).collect();
    let text = format!("{header}\n{}\n", lines.join("\n"));
    std::fs::write(folder.path().join("trades.csv"), &text).expect("room for the file");
    source.origin = Origin::File { path: "trades.csv".into() };
    let access = Access { folder: folder.path().to_owned(), url: None };
    let mut seconds = vec![];
    for _ in 0..5 {
        let start = Instant::now();
        read(&source, &access).await;
        seconds.push(start.elapsed().as_secs_f64());
    }
    print("CSV file", &mut seconds, text.len());
}

/// The columns of a deposit: name, type, the field of the element, how it is read.
fn deposit_columns() -> Vec<(&'static str, ColumnType, &'static str, ReadAs)> {
    let uint256 = || ColumnType::Numeric(Some((78, 0)));
    let bytes = |count| ReadAs::Hex(Some(count));
    vec![
        ("block_number", ColumnType::Int8, "ti.block_number", ReadAs::Quantity),
        ("block_hash", ColumnType::Bytea, "ti.block_hash", bytes(32)),
        ("block_time", ColumnType::Timestamptz, "ti.block_timestamp", ReadAs::Quantity),
        ("transaction_hash", ColumnType::Bytea, "ti.transaction_hash", bytes(32)),
        ("log_index", ColumnType::Int8, "ti.log_index", ReadAs::Quantity),
        ("chain_id", ColumnType::Int8, "ti.chain_id", ReadAs::Quantity),
        ("address", ColumnType::Bytea, "ti.address", bytes(20)),
        ("sender", ColumnType::Bytea, "sender", bytes(20)),
        ("receiver", ColumnType::Bytea, "receiver", bytes(20)),
        ("term", ColumnType::Bytea, "termId", bytes(32)),
        ("curve", ColumnType::Text, "curveId", ReadAs::Quantity),
        ("assets", uint256(), "assets", ReadAs::Quantity),
        ("assets_after_fees", uint256(), "assetsAfterFees", ReadAs::Quantity),
        ("shares", uint256(), "shares", ReadAs::Quantity),
        ("total_shares", uint256(), "totalShares", ReadAs::Quantity),
        ("vault_type", ColumnType::Int2, "vaultType", ReadAs::Type),
    ]
}

/// A source of entries that hold many events; the deposits take the last of five routes.
fn deposits() -> (Source, Stream) {
    let path = |field: &str| -> Vec<String> {
        let field = field.replace("ti.", "transaction_information.");
        format!("event_data[].{field}").split('.').map(str::to_owned).collect()
    };
    let mut map = vec![];
    let mut columns = vec![];
    for (index, (name, kind, field, read_as)) in deposit_columns().into_iter().enumerate() {
        let from = MapFrom::Field { path: path(field), read_as, values: vec![] };
        map.push(Mapping::new(Ident::new(name), index, from));
        columns.push(StreamColumn { name: Ident::new(name), kind, ..stream().columns[0].clone() });
    }
    let stream = Stream { time: Ident::new("block_time"), columns, ..stream() };
    let types = ["AtomCreated", "TripleCreated", "Redeemed", "SharePriceChanged", "Deposited"];
    let routes = types.map(|name| Route {
        stream: 0,
        when: vec![Condition { path: vec!["event_name".into()], is: vec![name.into()] }],
        expect: vec![],
        also: false,
        legs: None,
        map: map.clone(),
    });
    let source = Source {
        name: "chain".into(),
        origin: Origin::Stdin,
        rate: None,
        format: Format::Json,
        each: Some(vec!["event_data".into()]),
        routes: routes.into(),
    };
    (source, stream)
}

/// A deposit as the producer of a chain's events writes it.
fn deposit(i: usize) -> String {
    let word =
        |salt: usize| format!("{:016x}", (i * 7919 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let bytes32 = |salt| word(salt).repeat(4);
    let address = |salt| format!("0x{}", &bytes32(salt)[..40]);
    let amount = 100_000_000_000_000_000_usize + i * 7_777_777;
    format!(
        "{{\"assets\":\"{amount}\",\"assetsAfterFees\":\"{amount}\",\"curveId\":\"1\",\
         \"receiver\":\"{0}\",\"sender\":\"{0}\",\"shares\":\"{amount}\",\"termId\":\"{1}\",\
         \"totalShares\":\"{amount}\",\"transaction_information\":{{\"address\":\"{2}\",\
         \"block_hash\":\"0x{3}\",\"block_number\":{4},\"block_timestamp\":\"0x690747c0\",\
         \"chain_id\":1155,\"log_index\":\"{5:#x}\",\"network\":\"intuition-testnet\",\
         \"transaction_hash\":\"0x{6}\",\"transaction_index\":0}},\"vaultType\":0}}",
        address(1),
        bytes32(i % 200),
        address(3),
        bytes32(4),
        1_902_144 + i / 5,
        i % 300,
        bytes32(5)
    )
}

fn measure_deposits() {
    const EACH: usize = 75;
    let (source, stream) = deposits();
    let mut decoder = Decoder::new(&source, &[stream]).expect("the mapping is right");
    let entry = |first: usize| {
        let events: Vec<String> = (first..first + EACH).map(deposit).collect();
        Bytes::from(format!(
            "{{\"event_data\":[{}],\"event_name\":\"Deposited\",\"message_id\":\"chunk-{first}\",\
             \"network\":\"intuition-testnet\"}}",
            events.join(",")
        ))
    };
    let entries: Vec<Bytes> = (0..=EVENTS / EACH).map(|i| entry(i * EACH)).collect();
    let bytes = entries.iter().map(Bytes::len).sum::<usize>() * EVENTS / (entries.len() * EACH);
    let mut seconds: Vec<f64> = (0..5)
        .map(|_| {
            let mut events = 0;
            let mut done = Decoded::default();
            let start = Instant::now();
            for entry in &entries {
                let position = Position("1723161255342-0".into());
                decoder.decode(Raw { position, body: Body::Text(entry.clone()) }, &mut done);
                assert!(done.refusals.is_empty(), "{:?}", done.refusals);
                events += std::hint::black_box(&done).rows.len();
                done.rows.clear();
            }
            start.elapsed().as_secs_f64() * EVENTS as f64 / events as f64
        })
        .collect();
    print("chain JSON", &mut seconds, bytes);
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let paths = ["data.s", "data.t", "data.T", "data.p", "data.q", "data.m"];
    let sides = [("true", "sell"), ("false", "buy")];
    let raw = source_of(Format::Json, paths, ReadAs::EpochMillis, &sides);
    measure("nested JSON", &raw, None, |i| {
        format!(
            "{{\"stream\":\"btcusdt@trade\",\"data\":{{\"e\":\"trade\",\"E\":{0},\
             \"s\":\"BTCUSDT\",\"t\":{1},\"p\":\"61837.{2:08}\",\"q\":\"0.0{3:06}\",\
             \"T\":{0},\"m\":{4},\"M\":true}}}}",
            1_723_161_255_343 + i / 5,
            3_735_683_259 + i,
            i * 7 % 100_000_000,
            i % 999_983,
            i % 2 == 0
        )
    });
    let names = ["symbol", "trade_id", "executed_at", "price", "quantity", "side"];
    let flat = source_of(Format::Json, names, ReadAs::Type, &[]);
    measure("flat JSON", &flat, None, |i| {
        format!(
            "{{\"executed_at\":\"2025-10-17T13:45:{:02}.{:06}Z\",\"symbol\":\"BTC/USDT\",\
             \"trade_id\":{},\"price\":\"61837.{:08}\",\"quantity\":\"0.0{:06}\",\"side\":\"{}\"}}",
            i % 60,
            i % 1_000_000,
            i,
            i * 7 % 100_000_000,
            i % 999_983,
            if i % 2 == 0 { "buy" } else { "sell" }
        )
    });
    let csv = source_of(Format::Csv, names, ReadAs::EpochMillis, &[]);
    let header = "symbol,trade_id,executed_at,price,quantity,side";
    let record = |i: usize| {
        let side = if i.is_multiple_of(2) { "buy" } else { "sell" };
        format!(
            "BTCUSDT,{},{},61837.{:08},0.0{:06},{side}",
            3_735_683_259_usize + i,
            1_723_161_255_342 + i / 5,
            i * 7 % 100_000_000,
            i % 999_983
        )
    };
    measure("CSV", &csv, Some(header), record);
    measure_deposits();
    measure_file(csv, header, record).await;
}
