//! A source of several Redis streams: each a shard with its own position, owner and losses.

use howdah_testkit::{Cluster, Cuts, Persistence, RedisServer};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::market::{Expected, Trade, write};
use crate::rig::{Rig, number, texts, until};

const SOURCE: &str = r#"
[sources.trades]
redis = { url = "env:HOWDAH_REDIS_URL", streams = ["east", "west", "late"], group = "howdah" }
into = "trades"
"#;

async fn add(connection: &mut redis::aio::MultiplexedConnection, key: &str, trades: &[Trade]) {
    let mut pipe = redis::pipe();
    for trade in trades {
        pipe.cmd("XADD").arg(key).arg("*").arg("data").arg(trade.json()).ignore();
    }
    pipe.query_async::<()>(connection).await.unwrap();
}

#[tokio::test]
async fn each_stream_is_a_shard_and_what_one_lost_is_told() {
    let database = Cluster::shared().await.database().await;
    let redis = RedisServer::start(Persistence::None).await.unwrap();
    let rig = Rig::new(&database).with_redis(redis.url());
    write(&rig, &database, SOURCE);
    rig.fine(&["apply"]).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut feeder = client.get_multiplexed_async_connection().await.unwrap();
    let mut dice = Cuts::new(81);
    let trades: Vec<Trade> = (0..3_000).map(|id| Trade::roll(&mut dice, id)).collect();
    let connection = rig.connect().await;
    let mut both = [rig.start(&["run"]), rig.start(&["run"])];
    let owned = "select count(owner) = 3 from howdah.positions where source = 'trades'";
    until("each shard is owned", &connection, owned).await;
    for (key, part) in ["east", "west", "late"].into_iter().zip(trades[..2_400].chunks(800)) {
        add(&mut feeder, key, part).await;
    }
    let done = "select coalesce(sum(events), 0) = 2400 from howdah.positions";
    until("all is committed", &connection, done).await;
    for running in &mut both {
        running.signal(Signal::SIGTERM);
        assert_eq!(running.wait().await, Some(0), "{}", running.said());
    }
    let each = "select shard, events, ordinal, owner from howdah.positions order by shard";
    let expected = ["(east,800,800,)", "(late,800,800,)", "(west,800,800,)"];
    assert_eq!(texts(&connection, each).await, expected);

    add(&mut feeder, "west", &trades[2_400..]).await;
    let mut trim = redis::cmd("XTRIM");
    trim.arg(&["west", "MAXLEN", "500"]).exec_async(&mut feeder).await.unwrap();
    let ran = rig.fine(&["run", "--once"]).await;
    assert_eq!(ran.stderr.matches("100 entries were removed").count(), 1, "{}", ran.stderr);
    let kept = "select shard, kind, entries, exact from howdah.losses";
    assert_eq!(texts(&connection, kept).await, ["(west,removed,100,t)"]);
    assert_eq!(number(&connection, "select count(*) from trades").await, 2_900);
    let mut stored = trades[..2_400].to_vec();
    stored.extend_from_slice(&trades[2_500..]);
    Expected { trades: stored, ..Expected::default() }.hold(&connection).await;

    let status = rig.fine(&["status", "--format", "json"]).await.stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    let west = status["sources"].as_array().unwrap().iter().find(|one| one["shard"] == "west");
    assert_eq!(west.unwrap()["lost"], 100);
    assert_eq!(west.unwrap()["lag_events"], 0);
    let shown = rig.fine(&["status"]).await.stdout;
    assert!(shown.contains("west LOST 100 entries"), "{shown}");
    let proved = rig.fine(&["verify", "positions"]).await;
    assert!(proved.stderr.contains("lost 100 entries"), "{}", proved.stderr);
    for key in ["east", "west", "late"] {
        let groups: redis::streams::StreamInfoGroupsReply =
            redis::cmd("XINFO").arg(&["GROUPS", key]).query_async(&mut feeder).await.unwrap();
        assert_eq!((groups.groups[0].lag, groups.groups[0].pending), (Some(0), 0), "{key}");
    }
}
