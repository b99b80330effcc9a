//! Rebuilds and proofs beside a load: each sees whole batches, and a killed rebuild harms nothing.

use std::time::Duration;

use howdah_testkit::{Cluster, Cuts};

use crate::market::{Expected, FILES, Fill, Trade, counts, market};
use crate::rig::Rig;

fn write_files(rig: &Rig, dice: &mut Cuts) -> Expected {
    let trades: Vec<Trade> = (0..20_000).map(|id| Trade::roll(dice, id)).collect();
    let fills: Vec<Fill> = (0..6_000).map(|id| Fill::roll(dice, id)).collect();
    let lines: Vec<String> = trades.iter().map(Trade::json).collect();
    rig.write("trades.ndjson", lines.join("\n"));
    let records: Vec<String> = fills.iter().map(Fill::row).collect();
    rig.write("fills.csv", format!("{}\n{}\n", Fill::HEADER, records.join("\n")));
    Expected { trades, fills, ..Expected::default() }
}

#[tokio::test]
async fn rebuilds_beside_a_load_even_killed_ones_leave_it_right() {
    let database = Cluster::shared().await.database().await;
    let rig = market(&database, FILES).await;
    let system = std::fs::read_to_string(rig.path("howdah.toml")).unwrap();
    rig.write("howdah.toml", system.replace("batch_rows = 50", "batch_rows = 20"));
    let mut dice = Cuts::new(71);
    let expected = write_files(&rig, &mut dice);
    let mut load = rig.start(&["run", "--once"]);
    let mut beside = 0;
    while load.runs() {
        let rollup = *dice.pick(&["candles", "tickers", "positions", "fills_daily"]);
        let mut rebuild = rig.start(&["rebuild", rollup]);
        if dice.below(2) == 0 {
            tokio::time::sleep(dice.after(Duration::ZERO, Duration::from_millis(300))).await;
            rebuild.kill9().await;
        } else {
            assert_eq!(rebuild.wait().await, Some(0), "{}", rebuild.said());
        }
        rig.fine(&["verify", "rollups"]).await;
        beside += 1;
    }
    println!("{beside} rebuilds, half of them killed, and as many proofs beside a load");
    assert_eq!(load.wait().await, Some(0), "{}", load.said());
    let connection = rig.connect().await;
    expected.hold(&connection).await;
    assert_eq!(counts(&connection, "trades_file").await, [20_000, 20_000, 0, 0]);
    rig.fine(&["verify"]).await;
}
