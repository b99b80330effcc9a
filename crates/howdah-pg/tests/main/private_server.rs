//! The private server: life, death, neighbours, and whatever the last owner left.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use howdah_error::Code;
use howdah_pg::server::{Supervised, is_free};
use howdah_pg::{ConnectOptions, PrivateServer, ServerOptions, connect};
use howdah_testkit::{TestFolder, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LONG: Duration = Duration::from_secs(60);

/// Small and quick; what is written outlives processes, not the machine.
fn quick() -> ServerOptions {
    let extra_settings = [("fsync", "off"), ("shared_buffers", "16MB")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    ServerOptions { extra_settings, ..ServerOptions::default() }
}

async fn start(dir: &Path) -> PrivateServer {
    match PrivateServer::start(dir, &quick()).await {
        Ok(server) => server,
        Err(error) => panic!("{}", error.report()),
    }
}

async fn run(server: &PrivateServer, sql: &str) {
    connect(&server.options()).await.unwrap().batch_execute(sql).await.unwrap();
}

async fn count(server: &PrivateServer) -> i64 {
    let connection = connect(&server.options()).await.unwrap();
    connection.query_one("select count(*) from t", &[]).await.unwrap().get(0)
}

/// Another process that owns the server of a folder; killed on drop.
struct Owner {
    process: Child,
    first_line: String,
}

impl Owner {
    /// Runs [`owner_process`] in a process of its own until it has started or failed.
    fn start(dir: &Path, variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "private_server::owner_process", "--nocapture"])
            .env("HOWDAH_TEST_DIR", dir)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first_line =
            lines.find_map(|line| line.unwrap().strip_prefix("owner: ").map(str::to_owned));
        Self { process, first_line: first_line.expect("the owner says how it went") }
    }

    fn kill9(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The body of [`Owner`], which runs this binary again for it; nothing to do otherwise.
#[tokio::test]
async fn owner_process() {
    let Some(dir) = std::env::var_os("HOWDAH_TEST_DIR").map(PathBuf::from) else { return };
    match PrivateServer::start(&dir, &quick()).await {
        Ok(server) => {
            println!("\nowner: pid {}", server.process().map_or(0, Supervised::pid));
            let _ = std::io::stdin().read(&mut [0]);
        }
        Err(error) => println!("\nowner: {}", error.report().replace('\n', " ")),
    }
}

#[tokio::test]
async fn data_port_and_url_stay_over_a_restart() {
    let folder = TestFolder::new();
    let dir = folder.path().join("pg");
    let server = start(&dir).await;
    let url = server.url();
    run(&server, "create table t as select 1 as a").await;
    let row = connect(&server.options())
        .await
        .unwrap()
        .query_one(
            "select rolsuper, rolbypassrls, rolcreaterole, current_setting('data_checksums'), \
             current_setting('server_encoding'), current_database() from pg_roles \
             where rolname = current_user",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (false, false, true));
    assert_eq!(
        (row.get(3), row.get(4), row.get(5)),
        ("on".to_owned(), "UTF8".to_owned(), "howdah".to_owned())
    );
    assert!(!server.is_attached());
    server.stop().await.unwrap();
    assert!(!dir.join("data/postmaster.pid").exists());

    let server = start(&dir).await;
    assert_eq!(server.url(), url);
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn secrets_are_private_and_the_server_is_not_root() {
    let folder = TestFolder::new();
    let server = start(&folder.path().join("pg")).await;
    for name in ["superuser.password", "howdah.password", "postgres.log"] {
        let mode = std::fs::metadata(server.home().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let data = std::fs::metadata(server.home().join("data")).unwrap();
    assert_ne!(data.uid(), 0);
    let pid = server.process().unwrap().pid();
    assert_eq!(std::fs::metadata(format!("/proc/{pid}")).unwrap().uid(), data.uid());
    let wrong = server.options().password("x");
    assert_eq!(connect(&wrong).await.unwrap_err().get_code(), Some(Code::LoginRefused));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn three_start_at_once() {
    let folder = TestFolder::new();
    let dirs = ["a", "b", "c"].map(|name| folder.path().join(name));
    let (a, b, c) = tokio::join!(start(&dirs[0]), start(&dirs[1]), start(&dirs[2]));
    let ports = std::collections::HashSet::from([a.port(), b.port(), c.port()]);
    assert_eq!(ports.len(), 3);
    for server in [a, b, c] {
        run(&server, "create table t (a int)").await;
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_killed_postmaster_recovers() {
    let folder = TestFolder::new();
    let server = start(folder.path()).await;
    run(&server, "create table t as select 1 as a").await;
    let process = server.process().unwrap();
    process.signal(Signal::SIGKILL).unwrap();
    assert!(process.wait_gone(LONG).await);
    assert!(folder.path().join("data/postmaster.pid").exists(), "left behind");
    drop(server);
    let mut server = start(folder.path()).await;
    assert_eq!(count(&server).await, 1);

    assert!(!server.revive().await.unwrap(), "it runs");
    let (url, process) = (server.url(), server.process().unwrap());
    process.signal(Signal::SIGKILL).unwrap();
    assert!(process.wait_gone(LONG).await);
    assert!(server.revive().await.unwrap());
    assert_eq!(server.url(), url);
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_ends_with_its_killed_owner() {
    let folder = TestFolder::new();
    let mut owner = Owner::start(folder.path(), &[]);
    let pid: i32 = owner.first_line.strip_prefix("pid ").expect("it runs").parse().unwrap();
    owner.kill9();
    // The next owner waits for what is still shutting down.
    let server = start(folder.path()).await;
    assert!(!server.is_attached());
    assert_ne!(server.process().unwrap().pid(), pid);
    server.stop().await.unwrap();

    let mut owner = Owner::start(folder.path(), &[]);
    let file = folder.path().join("data/postmaster.pid");
    assert!(file.exists());
    owner.kill9();
    wait_until("the server ends by itself", LONG, async || !file.exists()).await;
}

#[tokio::test]
async fn a_second_process_attaches_and_leaves_the_server_alone() {
    let folder = TestFolder::new();
    let mut owner = Owner::start(folder.path(), &[]);
    let attached = start(folder.path()).await;
    assert!(attached.is_attached());
    run(&attached, "create table t as select 1 as a").await;
    attached.stop().await.unwrap();
    let attached = start(folder.path()).await;
    assert_eq!(count(&attached).await, 1, "stopping an attached server does nothing");
    owner.kill9();
    let server = start(folder.path()).await;
    assert!(!server.is_attached());
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_orphaned_server_is_ended_before_the_next() {
    let folder = TestFolder::new();
    let mut owner = Owner::start(folder.path(), &[]);
    let pid: i32 = owner.first_line.strip_prefix("pid ").expect("it runs").parse().unwrap();
    // The supervisor dies first, so nobody ends the server.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let supervisor = stat.split_whitespace().nth(3).unwrap().parse().unwrap();
    kill(Pid::from_raw(supervisor), Signal::SIGKILL).unwrap();
    owner.kill9();
    let server = start(folder.path()).await;
    assert_ne!(server.process().unwrap().pid(), pid);
    run(&server, "select 1").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_number_that_is_reused_does_not_keep_the_server_down() {
    let folder = TestFolder::new();
    let server = start(folder.path()).await;
    let port = server.port();
    server.process().unwrap().signal(Signal::SIGKILL).unwrap();
    assert!(server.process().unwrap().wait_gone(LONG).await);
    server.stop().await.unwrap();
    // A living process of the server's user that is no server.
    let mut other = Command::new("sleep");
    if let Some(user) = howdah_pg::server::OsUser::for_servers().unwrap() {
        use std::os::unix::process::CommandExt as _;
        other.uid(user.uid).gid(user.gid);
    }
    let mut other = other.arg("1000").spawn().unwrap();
    let socket_lock = format!("run/.s.PGSQL.{port}.lock");
    for file in ["data/postmaster.pid", socket_lock.as_str()] {
        let file = folder.path().join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        let (_, rest) = text.split_once('\n').unwrap();
        std::fs::write(&file, format!("{}\n{rest}", other.id())).unwrap();
    }
    let server = start(folder.path()).await;
    run(&server, "select 1").await;
    server.stop().await.unwrap();
    assert!(matches!(other.try_wait(), Ok(None)), "the other process lives on");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_creation_that_was_cut_off_is_done_anew() {
    let folder = TestFolder::new();
    let half = folder.path().join("data.new/base");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(folder.path().join("data.new/PG_VERSION"), "15").unwrap();
    let server = start(folder.path()).await;
    run(&server, "select 1").await;
    assert!(!folder.path().join("data.new").exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_replaced_unless_it_was_demanded() {
    let folder = TestFolder::new();
    let server = start(folder.path()).await;
    let port = server.port();
    server.stop().await.unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert!(!is_free(port));
    let error = PrivateServer::start(folder.path(), &ServerOptions { port: Some(port), ..quick() })
        .await
        .unwrap_err();
    assert_eq!(error.get_code(), Some(Code::PrivateServerFailed));
    assert!(error.get_detail().is_some_and(|d| d.contains("could not bind")), "{error:?}");
    let server = start(folder.path()).await;
    assert_ne!(server.port(), port);
    drop(taken);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_setting_shows_the_log() {
    let folder = TestFolder::new();
    let extra_settings = vec![("no_such_setting".to_owned(), "it's a \\".to_owned())];
    let options = ServerOptions { extra_settings, ..ServerOptions::default() };
    let error = PrivateServer::start(folder.path(), &options).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::PrivateServerFailed));
    assert!(error.get_detail().is_some_and(|d| d.contains("no_such_setting")), "{error:?}");
}

#[tokio::test]
async fn long_paths_get_a_short_socket() {
    let folder = TestFolder::new();
    let dir = folder.path().join("x".repeat(100));
    let server = start(&dir).await;
    let socket = server.socket_dir();
    assert!(!socket.starts_with(folder.path()));
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o700);
    let url = format!("{}?host={}", server.url(), socket.display());
    connect(&ConnectOptions::from_url(&url).unwrap()).await.unwrap();
    server.stop().await.unwrap();
    std::fs::remove_dir_all(socket).unwrap();
}

#[tokio::test]
async fn as_root_a_closed_folder_is_left_for_an_open_one() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = TestFolder::new();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    let dir = closed.join("pg");
    let server = start(&dir).await;
    let home = server.home().to_owned();
    assert!(home.starts_with("/var/lib/howdah"), "{}", home.display());
    run(&server, "create table t as select 1 as a").await;
    server.stop().await.unwrap();
    let server = start(&dir).await;
    assert_eq!(server.home(), home);
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn without_an_installation_the_command_is_named() {
    let folder = TestFolder::new();
    let empty = folder.path().to_string_lossy().into_owned();
    let owner = Owner::start(&folder.path().join("pg"), &[("HOWDAH_PG_BIN", &empty)]);
    for part in ["no PostgreSQL server is installed [HD0105]", "HOWDAH_PG_BIN", "Install"] {
        assert!(owner.first_line.contains(part), "{}", owner.first_line);
    }
}
