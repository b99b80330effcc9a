//! Connecting: the session's set-up, and what is said when it does not work.

use std::time::Duration;

use howdah_error::{Code, Error};
use howdah_pg::{Classified as _, ConnectOptions, Fault, Limits, connect};
use howdah_testkit::{Cluster, wait_until};

/// The error of a connection that must not come about.
async fn refusal(options: &ConnectOptions) -> Error {
    connect(options).await.expect_err("the connection is refused")
}

#[tokio::test]
async fn a_session_has_its_settings() {
    let database = Cluster::shared().await.database().await;
    let limits = Limits { lock_timeout: Duration::from_millis(1500), ..Limits::default() };
    let options = database.options().clone().application_name("howdah run").limits(limits);
    let connection = connect(&options).await.unwrap();
    for (name, value) in [
        ("application_name", "howdah run"),
        ("timezone", "UTC"),
        ("datestyle", "ISO, YMD"),
        ("intervalstyle", "postgres"),
        ("client_min_messages", "warning"),
        ("statement_timeout", "1min"),
        ("lock_timeout", "1500ms"),
        ("idle_in_transaction_session_timeout", "1min"),
    ] {
        let row = connection.query_one("select current_setting($1)", &[&name]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{name}");
    }
    assert!(connection.server_version_num() >= 150_000);
}

#[tokio::test]
async fn the_unix_socket_works_as_well() {
    let cluster = Cluster::shared().await;
    let socket = cluster.server().expect("it runs").socket_dir();
    let admin = cluster.server().expect("it runs").admin_url();
    let url = format!("{admin}?host={}", socket.display());
    let options = ConnectOptions::from_url(&url).unwrap();
    assert!(options.is_unix_socket());
    let connection = connect(&options).await.unwrap();
    let row = connection.query_one("select inet_server_addr() is null", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
}

#[tokio::test]
async fn refusals_say_what_to_check_and_no_secret() {
    let database = Cluster::shared().await.database().await;
    let good = database.options();

    let error = refusal(&good.clone().password("hunter2")).await;
    assert_eq!(error.get_code(), Some(Code::LoginRefused));
    assert!(error.message().contains("password authentication failed"), "{error}");
    assert!(!error.report().contains("hunter2"), "{}", error.report());

    let error = refusal(&good.clone().database("no_such_database")).await;
    assert_eq!(error.get_code(), Some(Code::CannotConnect));
    assert!(error.message().contains("\"no_such_database\" does not exist"), "{error}");

    let port = howdah_pg::server::free_loopback_port().unwrap();
    let error = refusal(&good.clone().port(port)).await;
    assert_eq!(error.get_code(), Some(Code::CannotConnect));
    assert!(error.get_detail().is_some_and(|d| d.contains(&format!("127.0.0.1:{port}"))));
    assert!(error.get_hint().is_some_and(|h| h.contains("Nothing listens")), "{error:?}");

    let nobody = ConnectOptions::new("127.0.0.1", good.get_port(), good.get_user(), "postgres");
    let error = refusal(&nobody).await;
    assert_eq!(error.get_code(), Some(Code::LoginRefused), "{}", error.report());

    let url = database.login("crowded", &[]).await;
    let admin = database.admin().await;
    let limit = format!("alter role {}_crowded connection limit 0", database.name());
    admin.batch_execute(&limit).await.unwrap();
    let error = refusal(&ConnectOptions::from_url(&url).unwrap()).await;
    assert_eq!(error.get_code(), Some(Code::CannotConnect), "{}", error.report());
    assert_eq!(error.fault(), Fault::Reconnect);

    let nowhere = ConnectOptions::new("/no/such/folder", 5432, "u", "d");
    assert_eq!(refusal(&nowhere).await.get_code(), Some(Code::CannotConnect));
    let unknown = ConnectOptions::new("no-such-host.invalid", 5432, "u", "d");
    assert_eq!(refusal(&unknown).await.get_code(), Some(Code::CannotConnect));
}

#[tokio::test]
async fn a_statement_can_be_cancelled_from_outside() {
    let database = Cluster::shared().await.database().await;
    let connection = database.connect().await;
    let watcher = database.admin().await;
    let canceller = connection.canceller();
    let running = tokio::spawn(async move {
        connection
            .batch_execute("select pg_sleep(600)")
            .await
            .map_err(|error| error.code().cloned())
    });
    wait_until("the statement runs", Duration::from_secs(30), async || {
        let sql = "select exists (select from pg_stat_activity where query like '%pg_sleep(600)' \
                   and state = 'active' and datname = current_database())";
        watcher.query_one(sql, &[]).await.unwrap().get(0)
    })
    .await;
    canceller.cancel().await.unwrap();
    let code = running.await.unwrap().unwrap_err().expect("the server's error");
    assert_eq!(code.code(), "57014");
}

#[tokio::test]
async fn a_dropped_connection_leaves_no_session() {
    let database = Cluster::shared().await.database().await;
    let watcher = database.admin().await;
    let dropped = database.connect().await;
    let closed = database.connect().await;
    drop(dropped);
    closed.close().await;
    wait_until("the sessions end", Duration::from_secs(30), async || {
        let sql = "select count(*) = 1 from pg_stat_activity where datname = current_database()";
        watcher.query_one(sql, &[]).await.unwrap().get(0)
    })
    .await;
}
