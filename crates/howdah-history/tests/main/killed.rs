//! Folds and restores that are killed at each step, and cut at any moment: nothing is lost or
//! doubled, and the next one goes on.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use howdah_history::keep;
use howdah_pg::{ConnectOptions, connect};
use howdah_testkit::{Cuts, wait_until};

use crate::rig::{Rig, fine, model_of};
use crate::worked::{ALL, SYSTEM, TRADES};

const STEPS: [&str; 7] = [
    "history.fence",
    "history.made",
    "history.written",
    "history.locked",
    "history.deleted",
    "history.folded",
    "history.vacuumed",
];

/// What [`one_process`] does, and for which database and system.
const WHAT: &str = "HOWDAH_HISTORY_TEST";
const URL: &str = "HOWDAH_HISTORY_URL";
const FILE: &str = "HOWDAH_HISTORY_FILE";

/// The other side of the tests below: a process of its own, which can be killed. Nothing by itself.
#[tokio::test]
async fn one_process() {
    let Ok(what) = std::env::var(WHAT) else { return };
    let options = fine(ConnectOptions::from_url(&std::env::var(URL).unwrap()));
    let client = fine(connect(&options).await);
    let (catalog, system) = model_of(&client, &std::env::var(FILE).unwrap()).await;
    let stream = &system.streams[0];
    if let Some(folder) = what.strip_prefix("keep ") {
        let place = fine(howdah_archive::Place::open(folder));
        let asked = keep::Asked::default();
        let step = || keep::step_for(&client, &system, stream, (&asked, &place));
        while fine(step().await).did.is_some() {}
        return;
    }
    for chunk in &fine(howdah_history::chunks::read(&client, stream).await) {
        if what == "restore" {
            fine(howdah_history::restore_chunk(&client, stream, chunk).await);
        } else if chunk.filled {
            fine(howdah_history::fold_chunk(&client, &system, &catalog, stream, chunk).await);
        }
    }
}

/// Runs it with a failpoint that kills it.
async fn killed(rig: &Rig, what: &str, failpoint: &str) {
    let status = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::one_process"])
        .env(WHAT, what)
        .env(URL, rig.db.url())
        .env(FILE, &rig.text)
        .env("HOWDAH_FAILPOINTS", format!("{failpoint}=kill@1"))
        .stdout(std::process::Stdio::null())
        .status()
        .await
        .unwrap();
    assert_eq!(status.signal(), Some(9), "{what} went by {failpoint}: {status}");
    // The server has noticed when nobody holds the lock of the history any more.
    wait_until("the server has noticed", Duration::from_secs(300), || async {
        rig.one::<i64>(
            "select count(*) from pg_locks where locktype = 'advisory' and database = \
             (select oid from pg_database where datname = current_database())",
        )
        .await
            == 0
    })
    .await;
}

/// Retention that is killed there; exports go to `folder`.
pub async fn killed_keeping(rig: &Rig, folder: &std::path::Path, failpoint: &str) {
    killed(rig, &format!("keep {}", folder.display()), failpoint).await;
}

#[tokio::test]
async fn a_kill_at_any_step_loses_and_doubles_nothing() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    let (catalog, system) = rig.model().await;
    fine(howdah_history::prepare(&rig.client, &system, &catalog, &system.streams[0]).await);
    let all = rig.texts(&ALL.replace("{}", "trades_history")).await;
    for step in STEPS {
        killed(&rig, "fold", step).await;
        assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all, "{step}");
    }
    rig.fold_all().await;
    assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all);
    killed(&rig, "restore", "history.restored").await;
    assert_eq!(rig.one::<i64>("select count(*) from trades").await, 0);
    assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all);
    rig.restore_all().await;
    assert_eq!(rig.texts(&ALL.replace("{}", "trades")).await, all);
}

#[tokio::test]
async fn a_connection_cut_at_any_moment_loses_and_doubles_nothing() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    rig.fold_all().await;
    let all = rig.texts(&ALL.replace("{}", "trades_history")).await;
    let admin = rig.db.admin().await;
    let mut dice = Cuts::new(7);
    let mut struck = 0;
    for round in 0..16 {
        let worker = rig.db.connect().await;
        let pid: i32 = worker.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
        let wait = dice.after(Duration::ZERO, Duration::from_millis(400));
        let stream = rig.stream().await;
        let chunks = rig.chunks().await;
        let work = async {
            for chunk in &chunks {
                if round % 2 == 0 {
                    howdah_history::restore_chunk(&worker, &stream, chunk).await.map(|_| ())?;
                } else if chunk.filled {
                    rig.try_fold(&worker, chunk).await.map(|_| ())?;
                }
            }
            Ok::<(), howdah_error::Error>(())
        };
        let strike = async {
            tokio::time::sleep(wait).await;
            admin.query("select pg_terminate_backend($1, 60000)", &[&pid]).await.unwrap();
        };
        let (ended, ()) = tokio::join!(work, strike);
        struck += usize::from(ended.is_err());
        assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all, "round {round}");
    }
    assert!(struck > 0, "no round was struck");
}
