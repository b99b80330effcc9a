//! How many rows a second the folder takes up: candles of three levels, by exchange and symbol.
//!
//! `cargo run --release -p howdah-upkeep --example fold_speed [ROWS_PER_BATCH] [EVENTS_PER_SECOND]`

use std::time::Instant;

use howdah_catalog::{Ident, RelName};
use howdah_fold::{Folder, TupleColumn};
use howdah_system::{
    Accept, Bucket, ColumnType, Expr, KeyColumn, Level, Measure, MeasureKind, Rollup, Span, Stream,
    StreamColumn, TimeType,
};

fn column(name: &str, type_name: &str, kind: ColumnType) -> StreamColumn {
    StreamColumn {
        name: Ident::new(name),
        type_name: type_name.to_owned(),
        kind,
        not_null: true,
        has_default: false,
        generated: false,
        expression: None,
        collation: None,
    }
}

fn stream() -> Stream {
    let sides = vec!["buy".to_owned(), "sell".to_owned()];
    let numeric = ColumnType::Numeric(Some((38, 18)));
    Stream {
        name: "trades".to_owned(),
        table: RelName::new("public", "trades"),
        time: Ident::new("executed_at"),
        time_type: TimeType::Timestamptz,
        key: ["exchange", "symbol", "trade_id", "executed_at"].map(Ident::new).to_vec(),
        order: ["executed_at", "trade_id"].map(Ident::new).to_vec(),
        chunk: Bucket::Day,
        ahead: 7,
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
            column("exchange", "text", ColumnType::Text),
            column("symbol", "text", ColumnType::Text),
            column("trade_id", "bigint", ColumnType::Int8),
            column("executed_at", "timestamp with time zone", ColumnType::Timestamptz),
            column("price", "numeric(38,18)", numeric.clone()),
            column("quantity", "numeric(38,18)", numeric),
            column("side", "side", ColumnType::Enum(sides)),
        ],
    }
}

fn expr(text: &str, type_name: &str) -> Expr {
    Expr { text: text.to_owned(), columns: Vec::new(), type_name: type_name.to_owned() }
}

fn candles() -> Rollup {
    let level =
        |name: &str, bucket| Level { table: RelName::new("public", name), bucket: Some(bucket) };
    let key = |name: &str| KeyColumn {
        name: Ident::new(name),
        type_name: "text".to_owned(),
        not_null: true,
    };
    let price = || expr("price", "numeric(38,18)");
    let measure = |name: &str, kind, filter| Measure { name: Ident::new(name), kind, filter };
    let bought = Some(expr("side = 'buy'", "boolean"));
    let quantity = || expr("quantity", "numeric(38,18)");
    Rollup {
        name: "candles".to_owned(),
        stream: 0,
        levels: vec![
            level("candles_1m", Bucket::Seconds(60)),
            level("candles_1h", Bucket::Seconds(3600)),
            level("candles_1d", Bucket::Day),
        ],
        timezone: "UTC".to_owned(),
        by: vec![key("exchange"), key("symbol")],
        filter: None,
        measures: vec![
            measure("open", MeasureKind::First(price()), None),
            measure("high", MeasureKind::Max(price()), None),
            measure("low", MeasureKind::Min(price()), None),
            measure("close", MeasureKind::Last(price()), None),
            measure("volume", MeasureKind::Sum(quantity()), None),
            measure("quote", MeasureKind::Sum(expr("price * quantity", "numeric")), None),
            measure("buy_volume", MeasureKind::Sum(quantity()), bought),
            measure("trades", MeasureKind::CountAll, None),
        ],
        computed: Vec::new(),
        check: None,
        watched: None,
    }
}

/// A tuple as the decoder writes it; numbers with up to eight digits behind the point.
fn tuple(number: u64, time: i64) -> Vec<u8> {
    let mut out = 7_i16.to_be_bytes().to_vec();
    let mut field = |bytes: &[u8]| {
        out.extend((bytes.len() as i32).to_be_bytes());
        out.extend(bytes);
    };
    let words =
        |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    field([&b"binance"[..], b"kraken", b"coinbase"][(number % 3) as usize]);
    field(format!("COIN{}/USDT", number * 7 % 20).as_bytes());
    field(&number.to_be_bytes());
    field(&time.to_be_bytes());
    let digit = |n: u64| (n % 9999 + 1) as u16;
    // 10 6599.75 and 0.0123 4567: three groups of four digits, two behind the point.
    field(&words(&[3, 1, 0, 2, 10, digit(number), 100 * (number % 99 + 1) as u16]));
    field(&words(&[2, 0xFFFF, 0, 8, digit(number / 3), digit(number / 7)]));
    field(if number.is_multiple_of(2) { b"buy" } else { b"sell" });
    out
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>());
    let mut argument = |default| arguments.next().and_then(Result::ok).unwrap_or(default);
    let (rows, pace) = (argument(10_000), argument(116));
    let stream = stream();
    let layout: Vec<TupleColumn> = stream
        .columns
        .iter()
        .map(|column| TupleColumn { name: column.name.clone(), as_text: false })
        .collect();
    let folder = Folder::compile(&stream, &layout, &[&candles()]);
    assert!(folder.unsupported().is_empty(), "{:?}", folder.unsupported());
    let start = 850_000_000_000_000;
    let tuples: Vec<Vec<u8>> =
        (0..rows).map(|n| tuple(n, start + (n * 1_000_000 / pace.max(1)) as i64)).collect();
    let tuples: Vec<&[u8]> = tuples.iter().map(Vec::as_slice).collect();
    let mut best = f64::INFINITY;
    let mut written = 0;
    for _ in 0..30 {
        let begin = Instant::now();
        let deltas = folder.fold(&tuples).unwrap_or_else(|fault| panic!("{fault}"));
        best = best.min(begin.elapsed().as_secs_f64());
        written = deltas[0].levels.iter().map(|level| level.rows).sum();
    }
    let rate = rows as f64 / best;
    println!("{rows} rows, {written} rows of deltas: {rate:.0} rows/s, {:.0} ns a row", 1e9 / rate);
}
