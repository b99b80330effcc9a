//! Files: every order and every repetition of the same events gives the same rows and rollups.

use howdah_testkit::{Cluster, Cuts};

use crate::market::{Expected, FILES, Fill, Trade, counts, dead_letters, market, shuffled, write};
use crate::rig::{Rig, texts};

/// Trades with every seventh repeated later, and fills likewise.
fn rolled(dice: &mut Cuts) -> (Expected, Vec<Trade>, Vec<Fill>) {
    let expected = Expected {
        trades: (0..2_000).map(|id| Trade::roll(dice, id)).collect(),
        fills: (0..600).map(|id| Fill::roll(dice, id)).collect(),
        ..Expected::default()
    };
    let mut trades = expected.trades.clone();
    trades.extend(expected.trades.iter().step_by(7).cloned());
    let mut fills = expected.fills.clone();
    fills.extend(expected.fills.iter().step_by(7).cloned());
    (expected, trades, fills)
}

fn write_files(rig: &Rig, trades: &[Trade], fills: &[Fill]) {
    let lines: Vec<String> = trades.iter().map(Trade::json).collect();
    rig.write("trades.ndjson", lines.join("\n"));
    let records: Vec<String> = fills.iter().map(Fill::row).collect();
    rig.write("fills.csv", format!("{}\r\n{}\r\n", Fill::HEADER, records.join("\r\n")));
}

const DERIVED: [&str; 6] =
    ["candles_1m", "candles_1h", "candles_1d", "tickers", "positions", "fills_daily_1d"];

#[tokio::test]
async fn any_order_and_any_repetition_gives_the_same_candles() {
    let cluster = Cluster::shared().await;
    let mut dice = Cuts::new(11);
    let (expected, trades, fills) = rolled(&mut dice);
    let mut first: Option<Vec<Vec<String>>> = None;
    for batch_rows in ["50", "7", "1000"] {
        let database = cluster.database().await;
        let rig = market(&database, FILES).await;
        let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
        let system = system.replace("batch_rows = 50", &format!("batch_rows = {batch_rows}"));
        rig.write("howdah.toml", system);
        write_files(&rig, &shuffled(&mut dice, &trades), &shuffled(&mut dice, &fills));
        rig.fine(&["run", "--once"]).await;
        let connection = rig.connect().await;
        expected.hold(&connection).await;
        assert_eq!(counts(&connection, "trades_file").await, [2_286, 2_000, 286, 0]);
        assert_eq!(counts(&connection, "fills_file").await, [686, 600, 86, 0]);
        assert_eq!(dead_letters(&connection).await, 0);
        let mut tables = vec![];
        for table in DERIVED {
            tables.push(texts(&connection, &format!("select * from {table} t order by t")).await);
        }
        assert_eq!(*first.get_or_insert_with(|| tables.clone()), tables);
        rig.fine(&["verify"]).await;
    }
}

#[tokio::test]
async fn loading_a_file_twice_changes_nothing() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let (expected, trades, fills) = rolled(&mut Cuts::new(12));
    write_files(&rig, &trades, &fills);
    rig.fine(&["run", "--once"]).await;
    let connection = rig.connect().await;
    let positions = "select source, position, events, updated_at from howdah.positions order by 1";
    let before = texts(&connection, positions).await;
    rig.fine(&["run", "--once"]).await;
    assert_eq!(texts(&connection, positions).await, before, "nothing is read twice");

    // The same events once more, under another name and from another source.
    rig.write("again.ndjson", std::fs::read(rig.path("trades.ndjson")).unwrap());
    let again = "\n[sources.again]\nfile = \"again.ndjson\"\ninto = \"trades\"\n";
    write(&rig, &database, &format!("{FILES}{again}"));
    rig.fine(&["apply"]).await;
    rig.fine(&["run", "--once"]).await;
    assert_eq!(counts(&connection, "again").await, [2_286, 0, 2_286, 0]);
    expected.hold(&connection).await;
    rig.fine(&["verify"]).await;
}

#[tokio::test]
async fn appended_lines_are_read_by_the_next_run() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let mut dice = Cuts::new(13);
    let mut expected = Expected::default();
    rig.write("trades.ndjson", "");
    rig.write("fills.csv", "");
    for round in 0..4 {
        for id in round * 100..(round + 1) * 100 {
            let trade = Trade::roll(&mut dice, id);
            rig.append("trades.ndjson", trade.json() + "\n");
            expected.trades.push(trade);
        }
        rig.fine(&["run", "--once", "--source", "trades_file"]).await;
        expected.hold(&rig.connect().await).await;
    }
}

#[tokio::test]
async fn tampering_is_found_and_rebuild_mends_it() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let (expected, trades, fills) = rolled(&mut Cuts::new(14));
    write_files(&rig, &trades, &fills);
    rig.fine(&["run", "--once"]).await;
    let connection = rig.connect().await;
    let harms = [
        (
            "candles",
            "update candles_1h set volume = volume + 0.000000000000000001 \
                     where bucket = (select min(bucket) from candles_1h)",
        ),
        ("candles", "delete from candles_1m where bucket = (select max(bucket) from candles_1m)"),
        (
            "candles",
            "insert into candles_1d (exchange, symbol, bucket, trades) \
                     values ('north', 'BTC', '2024-08-03 00:00:00+00', 1)",
        ),
        ("tickers", "update tickers set price = null where symbol = 'ETH'"),
        ("positions", "update positions set realised = realised - 1 where desk_id = 2"),
    ];
    for (rollup, harm) in harms {
        rig.fine(&["verify"]).await;
        assert!(connection.execute(harm, &[]).await.unwrap() > 0, "{harm}");
        let found = rig.howdah(&["verify"]).await;
        assert_eq!(found.code, Some(1), "{harm}\n{}\n{}", found.stdout, found.stderr);
        assert!(found.stderr.contains("HD0601"), "{}", found.stderr);
        rig.fine(&["rebuild", rollup]).await;
    }
    rig.fine(&["verify"]).await;
    expected.hold(&connection).await;
}

/// A position knows how far a text was read and how it begins, not all of it: one batch of another
/// text may end where that of an earlier one did.
#[tokio::test]
async fn standard_input_that_differs_only_at_its_end_is_stored() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, "\n[sources.trades]\nstdin = true\ninto = \"trades\"\n").await;
    let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    let one_batch = "batch_rows = 5000\nlinger = \"2 s\"";
    rig.write("howdah.toml", system.replace("batch_rows = 50\nlinger = \"5 ms\"", one_batch));
    let mut dice = Cuts::new(15);
    let trades: Vec<Trade> = (1_000..2_002).map(|id| Trade::roll(&mut dice, id)).collect();
    let mut lines: Vec<String> = trades[..1_001].iter().map(Trade::json).collect();
    // The same length, and another trade.
    let last = lines[1_000].replace("\"trade_id\":2000", "\"trade_id\":3000");
    for end in [None, Some(last)] {
        lines[1_000] = end.unwrap_or_else(|| lines[1_000].clone());
        let input = lines.join("\n") + "\n";
        assert!(input.len() > 100_000);
        let mut run = rig.start_fed(&["run", "--once"], &[], input);
        assert_eq!(run.wait().await, Some(0), "{}", run.said());
    }
    let connection = rig.connect().await;
    assert_eq!(counts(&connection, "trades").await, [2_002, 1_002, 1_000, 0]);
    rig.fine(&["verify"]).await;
}
