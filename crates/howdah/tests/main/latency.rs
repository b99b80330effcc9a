//! From XADD to the visible candle: printed, never asserted.

use std::time::{Duration, Instant};

use howdah_testkit::{Cluster, Cuts, Persistence, RedisServer};

use crate::market::{REDIS, Trade, write};
use crate::rig::{PATIENCE, Rig, number};

#[tokio::test]
async fn a_trade_added_to_redis_shows_in_its_candle() {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    write(&rig, &database, REDIS);
    rig.fine(&["apply"]).await;
    let _running = rig.start(&["run"]);
    let connection = rig.connect().await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let mut dice = Cuts::new(61);
    let mut times = vec![];
    for id in 0..100 {
        let trade = Trade::roll(&mut dice, id);
        let start = Instant::now();
        redis::cmd("XADD")
            .arg(&["trades", "*", "data", &trade.json()])
            .exec_async(&mut feeder)
            .await
            .unwrap();
        let shown = "select coalesce(sum(trades), 0)::bigint from candles_1m";
        while number(&connection, shown).await <= id.cast_signed() {
            assert!(start.elapsed() < PATIENCE, "trade {id} does not show");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(start.elapsed());
    }
    // The first one waited for the start of howdah.
    times.remove(0);
    times.sort();
    println!("XADD to candle: median {:.1?}, worst of 99 {:.1?}", times[49], times[98]);
}
