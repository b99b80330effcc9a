//! Redis: what survives which end.

use howdah_testkit::{Persistence, RedisServer};

async fn run(server: &RedisServer, command: &[&str]) -> redis::RedisResult<Option<String>> {
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd(command[0]).arg(&command[1..]).query_async(&mut connection).await
}

#[tokio::test]
async fn acknowledged_entries_survive_kill_9_with_aof() {
    let mut server = RedisServer::start(Persistence::AofAlways).await.unwrap();
    let url = server.url();
    let id = run(&server, &["XADD", "s", "*", "k", "v"]).await.unwrap();
    assert!(id.is_some());
    server.kill9().await;
    assert!(run(&server, &["PING"]).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(run(&server, &["GET", "none"]).await.unwrap(), None);
    assert_eq!(
        run(&server, &["EVAL", "return tostring(redis.call('xlen', 's'))", "0"])
            .await
            .unwrap()
            .as_deref(),
        Some("1")
    );
    server.stop().await;
    assert!(run(&server, &["PING"]).await.is_err());
}
