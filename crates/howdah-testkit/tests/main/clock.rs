//! The clock that jumps, as programs see it.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use howdah_testkit::{Clock, Cluster, ClusterOptions};

/// How far a program is from the machine's clock, in seconds.
fn ahead(clock: &Clock) -> i64 {
    let date = Command::new("date").arg("+%s").envs(clock.environment()).output().unwrap();
    let seconds: i64 = String::from_utf8(date.stdout).unwrap().trim().parse().unwrap();
    seconds - now()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().cast_signed()
}

#[tokio::test]
async fn programs_under_a_clock_jump_with_it_and_nobody_else_does() {
    let (Some(clock), Some(other)) = (Clock::new(), Clock::new()) else {
        println!("skipped: libfaketime is not installed");
        return;
    };
    let cluster = Cluster::start(ClusterOptions {
        environment: clock.server_environment(),
        ..ClusterOptions::default()
    })
    .await;
    let admin = howdah_pg::connect(cluster.admin_options()).await.unwrap();
    for jump in [0, 3_600, -7_200] {
        clock.set(jump);
        assert!((ahead(&clock) - jump).abs() < 60, "{jump}");
        assert!(ahead(&other).abs() < 60, "{jump}");
        let server = "select extract(epoch from clock_timestamp())::bigint";
        let server: i64 = admin.query_one(server, &[]).await.unwrap().get(0);
        assert!((server - now() - jump).abs() < 60, "{jump}");
    }
}
