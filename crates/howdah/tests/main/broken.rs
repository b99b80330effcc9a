//! Broken events: each becomes a dead letter whose reason names the column and never the value, and
//! nothing happens to the events around it.

use howdah_testkit::{Cluster, Cuts};

use crate::market::{Expected, FILES, Fill, Trade, counts, market};
use crate::rig::{Rig, number};

/// Stands in every broken value, and may stand in no reason.
const SECRET: &str = "s3cret";

/// An event, the code of its refusal, and what the reason has to name.
struct Broken {
    event: Vec<u8>,
    code: &'static str,
    names: &'static str,
}

/// A trade as its fields, one of them replaced by `value` (nothing: left out).
fn trade_with(field: &str, value: Option<&str>) -> Vec<u8> {
    let fields = [
        ("exchange", "\"east\""),
        ("symbol", "\"BTC\""),
        ("trade_id", "4711"),
        ("executed_at", "\"2024-08-05T00:00:00Z\""),
        ("price", "\"7.5\""),
        ("quantity", "1"),
        ("side", "\"buy\""),
        ("note", "\"s3cret\""),
    ];
    let fields: Vec<String> = fields
        .iter()
        .filter_map(|(name, usual)| {
            let value = if *name == field { value? } else { usual };
            Some(format!("\"{name}\":{value}"))
        })
        .collect();
    format!("{{{}}}", fields.join(",")).into_bytes()
}

fn broken_trades() -> Vec<Broken> {
    let huge = format!("\"{}\"", "s3cret".repeat(10_000_000 / 6));
    let mut not_utf8 = trade_with("note", Some("\"s3cret?\""));
    let mark = not_utf8.iter().position(|byte| *byte == b'?').unwrap();
    not_utf8[mark] = 0xFF;
    let raw = |text: &str| text.as_bytes().to_vec();
    let field = |name, value: &str| trade_with(name, Some(value));
    [
        (raw("{\"exchange\":\"s3cret"), "bad_json", ""),
        (raw("[\"s3cret\"]"), "bad_json", ""),
        (raw("s3cret"), "bad_json", ""),
        (not_utf8, "bad_utf8", ""),
        (field("note", &huge), "too_large", "10000"),
        (field("note", "\"s3cret\\u0000\""), "nul_character", "\"note\""),
        (field("trade_id", "\"s3cret\""), "wrong_type", "\"trade_id\""),
        (field("trade_id", "1.5"), "wrong_type", "\"trade_id\""),
        (field("trade_id", "99999999999999999999"), "out_of_range", "\"trade_id\""),
        (field("price", "{\"s3cret\":1}"), "wrong_type", "\"price\""),
        (field("price", "1e30"), "out_of_range", "\"price\""),
        (field("price", "1.0000000000000000001"), "lossy_numeric", "\"price\""),
        (field("price", "-4711"), "23514", "trades_price_check"),
        (field("price", "null"), "missing_field", "\"price\""),
        (trade_with("price", None), "missing_field", "\"price\""),
        (trade_with("executed_at", None), "missing_field", "\"executed_at\""),
        (field("executed_at", "\"s3cret\""), "wrong_type", "\"executed_at\""),
        (field("executed_at", "\"2999-01-01T00:00:00Z\""), "time_not_accepted", "\"executed_at\""),
        (field("executed_at", "\"1999-01-01T00:00:00Z\""), "time_not_accepted", "\"executed_at\""),
        (field("side", "\"s3cret\""), "unknown_label", "\"side\""),
    ]
    .map(|(event, code, names)| Broken { event, code, names })
    .into()
}

#[tokio::test]
async fn broken_lines_become_dead_letters_and_harm_no_neighbour() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let mut dice = Cuts::new(21);
    let mut expected = Expected::default();
    let mut file = Vec::new();
    let broken = broken_trades();
    for (place, broken) in broken.iter().enumerate() {
        for id in 0..3 {
            let trade = Trade::roll(&mut dice, 3 * place as u64 + id);
            file.extend_from_slice(trade.json().as_bytes());
            file.push(b'\n');
            expected.trades.push(trade);
        }
        file.extend_from_slice(&broken.event);
        file.push(b'\n');
    }
    // A key twice in a batch: the first one counts.
    let twice = expected.trades[4].json().replace("\"price\":\"", "\"price\":\"9");
    file.extend_from_slice(twice.as_bytes());
    rig.write("trades.ndjson", &file);
    rig.fine(&["run", "--once", "--source", "trades_file"]).await;

    let connection = rig.connect().await;
    expected.hold(&connection).await;
    hold_letters(&rig, "trades_file", &broken).await;
    let (good, bad) = (expected.trades.len() as i64, broken.len() as i64);
    assert_eq!(counts(&connection, "trades_file").await, [good + bad + 1, good, 1, bad]);
    rig.fine(&["verify"]).await;
}

/// Every broken event has its letter, in order, and nothing else has one.
async fn hold_letters(rig: &Rig, source: &str, broken: &[Broken]) {
    let connection = rig.connect().await;
    // Those of decoding are kept before those of the database, so the position gives the order.
    let sql = "select code, reason, payload, payload_bytes from howdah.dead_letters \
               where source = $1 order by split_part(position, ':', 1)::bigint";
    let letters = connection.query(sql, &[&source]).await.unwrap();
    assert_eq!(letters.len(), broken.len());
    for (letter, broken) in letters.iter().zip(broken) {
        let (code, reason): (String, String) = (letter.get(0), letter.get(1));
        let (payload, size): (Vec<u8>, i64) = (letter.get(2), letter.get(3));
        assert_eq!(code, broken.code, "{reason}");
        assert!(reason.contains(broken.names), "{} is not named: {reason}", broken.names);
        for value in [SECRET, "4711", "2999", "1999", "99999", "1e30"] {
            assert!(!reason.contains(value), "a value is told: {reason}");
        }
        assert!(broken.event.starts_with(&payload), "{code}: not the event as it came");
        assert_eq!(size, broken.event.len() as i64, "{code}");
        assert!(payload.len() == broken.event.len() || code == "too_large", "{code}");
    }
    let log = rig.log();
    assert!(!log.contains(SECRET), "a value is logged: {log}");
}

#[tokio::test]
async fn broken_records_of_csv_become_dead_letters() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let mut dice = Cuts::new(22);
    let good: Vec<Fill> = (0..20).map(|id| Fill::roll(&mut dice, id)).collect();
    let broken = [
        ("9,s3cret,100,2024-08-05T00:00:00Z,buy,1,1,0", "unknown_tenant", "tenant"),
        ("1,s3cret,101,2024-08-05T00:00:00Z,buy,1,-1,0", "23514", "fills_quantity_check"),
        ("1,s3cret,102", "bad_csv", ""),
        ("1,s3cret,103,2024-08-05T00:00:00Z,hold,1,1,0", "unknown_label", "\"side\""),
        ("1,s3cret,s3cret,2024-08-05T00:00:00Z,buy,1,1,0", "wrong_type", "\"fill_id\""),
        ("1,s3cret,104,,buy,1,1,0", "missing_field", "\"executed_at\""),
        ("1,s3cret,105,2024-08-05T00:00:00Z,buy,1000000000000,1,0", "out_of_range", "\"price\""),
    ]
    .map(|(record, code, names)| Broken {
        // A record is kept with its header, so that it can be read again.
        event: format!("{}\n{record}", Fill::HEADER).into(),
        code,
        names,
    });
    let mut file = format!("{}\n", Fill::HEADER);
    for (fill, broken) in good.iter().zip(&broken) {
        let record = &broken.event[Fill::HEADER.len() + 1..];
        file += &format!("{}\n{}\n", fill.row(), String::from_utf8_lossy(record));
    }
    for fill in &good[broken.len()..] {
        file += &format!("{}\n", fill.row());
    }
    // A quoted field over three lines is one value, and the last record needs no line end.
    file += "3,\"acc\n\"\"ount\"\"\r\n7\",900,2024-08-06T00:00:00Z,sell,2.5,4,0.25";
    rig.write("fills.csv", file);
    rig.fine(&["run", "--once", "--source", "fills_file"]).await;

    let connection = rig.connect().await;
    hold_letters(&rig, "fills_file", &broken).await;
    let account: String = connection
        .query_one("select account from positions where realised = 0 and quantity = -4", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(account, "acc\n\"ount\"\r\n7");
    assert_eq!(counts(&connection, "fills_file").await, [28, 21, 0, 7]);
    connection.batch_execute("delete from fills where fill_id = 900").await.unwrap();
    rig.fine(&["rebuild", "positions"]).await;
    rig.fine(&["rebuild", "fills_daily"]).await;
    Expected { fills: good, ..Expected::default() }.hold(&connection).await;
}

#[tokio::test]
async fn empty_files_are_read_to_their_end() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    for (trades, fills) in [("", ""), ("\n\n", "\n"), ("\u{feff}", Fill::HEADER)] {
        rig.write("trades.ndjson", trades);
        rig.write("fills.csv", fills);
        rig.fine(&["run", "--once"]).await;
    }
    let connection = rig.connect().await;
    assert_eq!(
        number(&connection, "select count(*) from howdah.positions where position is not null")
            .await,
        0
    );
}

#[tokio::test]
async fn one_bad_event_in_a_full_batch_costs_nobody_else() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    rig.write("howdah.toml", system.replace("batch_rows = 50", "batch_rows = 5000"));
    let mut dice = Cuts::new(23);
    let mut expected = Expected::default();
    let mut lines = String::new();
    for id in 0..3_000 {
        let trade = Trade::roll(&mut dice, id);
        // The database refuses three of them: first, in the middle, and last.
        if [0, 1_234, 2_999].contains(&id) {
            let line = trade.json().replace("\"price\":\"", "\"price\":\"-");
            lines += &format!("{line}\n");
        } else {
            lines += &format!("{}\n", trade.json());
            expected.trades.push(trade);
        }
    }
    rig.write("trades.ndjson", lines);
    rig.fine(&["run", "--once", "--source", "trades_file"]).await;
    let connection = rig.connect().await;
    expected.hold(&connection).await;
    assert_eq!(counts(&connection, "trades_file").await, [3_000, 2_997, 0, 3]);
}
