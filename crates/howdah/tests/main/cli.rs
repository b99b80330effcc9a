//! What can be typed: help, exit codes, errors of wrong input, JSON, width.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use howdah_testkit::{Cluster, TestDatabase, TestFolder};
use serde_json::Value;

use crate::rig::{Ended, Rig, copy_folder};

/// Every command but those that only hold others.
const COMMANDS: &[&str] = &[
    "",
    "plan",
    "apply",
    "run",
    "migrate",
    "migrate status",
    "migrate up",
    "migrate down",
    "status",
    "dead-letters",
    "dead-letters list",
    "dead-letters show",
    "dead-letters replay",
    "dead-letters drop",
    "doctor",
    "verify",
    "rebuild",
    "feed",
    "demo",
    "config show",
    "explain",
];

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_howdah"));
    // The width of help must not depend on where the test runs.
    command.args(args).env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn howdah(folder: &Path, args: &[&str]) -> Ended {
    let output = command(args).current_dir(folder).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The trading system, on a database of its own.
fn trading(database: &TestDatabase) -> Rig {
    let rig = Rig::new(database);
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/trading");
    copy_folder(&rig, &system, "");
    rig.append("howdah.toml", "\n[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n");
    rig
}

#[test]
fn help_tells_every_command_and_flag() {
    let folder = TestFolder::new();
    let mut all = String::new();
    for name in COMMANDS {
        let mut args: Vec<&str> = name.split_whitespace().collect();
        args.push("-h");
        let ended = howdah(folder.path(), &args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
        let longest = ended.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(100), "help of {name} is {longest:?} wide");
        if !name.is_empty() {
            all.push_str(&format!("\n######## howdah {name}\n{}", ended.stdout));
        }
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn wrong_input_is_told_with_a_hint_and_ends_with_2() {
    let folder = TestFolder::new();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("howdah.toml"), text).unwrap();
    };
    write("broken", "[system]\nname = trading\n");
    write("unset", "[system]\nname = \"x\"\n[database]\nurl = \"env:HOWDAH_NOT_SET\"\n");
    write("secret", "[system]\nname = \"x\"\n[database]\nurl = \"postgres://u:s3cret@h/d\"\n");
    for (args, said) in [
        ("plan", "could not read the system file \"howdah.toml\" [HD0302]"),
        ("-f nowhere plan", "could not read the system file \"nowhere\" [HD0302]"),
        ("-f broken plan", "broken/howdah.toml:2:8: not TOML"),
        ("-f unset plan", "environment variable \"HOWDAH_NOT_SET\" is not set [HD0303]"),
        ("-f secret plan", "a secret stands in the file itself"),
        ("feed", "Name it with --stream"),
        ("feed chess --to x", "there is no feed for system \"chess\""),
        ("feed --stream chess --to x --events 9", "the feed has no event of stream \"chess\""),
        ("feed --to env:HOWDAH_NOT_SET", "\"HOWDAH_NOT_SET\" is not set"),
        ("feed --to redis://127.0.0.1:1/", "Redis could not be reached"),
        ("feed --until yesterday", "a time looks like 2026-11-21T12:00:00Z"),
        ("feed --span ever", "a span looks like 24h"),
        ("feed --rate fast", "a rate looks like 5000/s"),
        ("demo chess", "there is no demo of system \"chess\""),
        ("run --file-source trades", "it looks like trades=day.ndjson"),
        ("explain HD9999", "unknown code \"HD9999\""),
        ("dance", "unrecognized subcommand 'dance'"),
    ] {
        let args: Vec<&str> = args.split_whitespace().collect();
        let ended = howdah(folder.path(), &args);
        assert_eq!(ended.code, Some(2), "{args:?}\n{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{args:?} said\n{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret") && !ended.stderr.contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn a_feed_of_one_seed_is_the_same_every_time_and_a_reader_may_go() {
    let folder = TestFolder::new();
    let args = ["feed", "--events", "3000", "--until", "2026-11-01", "--stream", "trades"];
    let first = howdah(folder.path(), &args);
    assert_eq!((first.code, &first.stdout), (Some(0), &howdah(folder.path(), &args).stdout));
    let to = [&args[..], &["--to", "trades.ndjson", "--format", "json"]].concat();
    let told = howdah(folder.path(), &to);
    assert_eq!(std::fs::read_to_string(folder.path().join("trades.ndjson")).unwrap(), first.stdout);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let counts = ["rows", "duplicates", "broken"].map(|name| &told["expected"]["trades"][name]);
    let events: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(events as usize, first.stdout.lines().count());

    let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "a reader that goes is no failure");
}

#[tokio::test]
async fn every_command_that_reads_gives_json_and_fits_80_columns() {
    let database = Cluster::shared().await.database().await;
    let rig = trading(&database);
    for command in ["status", "verify", "run", "dead-letters list", "rebuild candles"] {
        let args: Vec<&str> = command.split_whitespace().collect();
        let ended = rig.howdah(&args).await;
        assert_eq!(ended.code, Some(2), "{command}: {}", ended.stderr);
        assert!(ended.stderr.contains("HD0402"), "{command} before apply:\n{}", ended.stderr);
    }
    rig.fine(&["apply"]).await;
    rig.fine(&["feed", "--entities", "--load"]).await;
    let day = rig.path("day");
    let to = ["feed", "--events", "20000", "--to", day.to_str().unwrap(), "--format", "json"];
    let fed: Value = serde_json::from_str(&rig.fine(&to).await.stdout).unwrap();
    let files = ["trades", "fills", "portfolio_snapshots"]
        .map(|name| format!("--file-source={name}={}/{name}.ndjson", day.display()));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let run = rig.fine(&[&["run", "--once", "--format", "json"], &files[..]].concat()).await;
    let ran: Value = serde_json::from_str(&run.stdout).unwrap();
    for source in ran["sources"].as_array().unwrap() {
        let want = &fed["expected"][source["source"].as_str().unwrap()];
        assert_eq!(source["rows"], want["rows"], "{source}");
        assert_eq!(source["duplicates"], want["duplicates"], "{source}");
        assert_eq!(source["dead_letters"], want["broken"], "{source}");
    }
    for (command, code) in [
        ("plan", 0),
        ("migrate status", 0),
        ("status", 0),
        ("verify", 0),
        ("config show", 0),
        ("dead-letters list", 0),
        ("dead-letters show 1", 0),
        ("dead-letters replay --code bad_json", 1),
        ("dead-letters drop --code bad_json", 0),
        // Its Redis is not there.
        ("doctor", 1),
    ] {
        let args: Vec<&str> = command.split_whitespace().chain(["--format", "json"]).collect();
        let ended = rig.howdah(&args).await;
        assert_eq!(ended.code, Some(code), "{command}\n{}\n{}", ended.stdout, ended.stderr);
        serde_json::from_str::<Value>(&ended.stdout).unwrap_or_else(|error| {
            panic!("{command} gives no JSON: {error}\n{}", ended.stdout);
        });
    }
    for command in ["status", "dead-letters list", "verify"] {
        let args: Vec<&str> = command.split_whitespace().collect();
        let ended = rig.fine(&args).await;
        let longest = ended.stdout.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(longest.chars().count() <= 80, "{command} is wider than 80 columns:\n{longest}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_unknown_names_are_told() {
    let database = Cluster::shared().await.database().await;
    let options = database.options();
    let url = format!(
        "postgres://{}:s3cret@{}:{}/{}",
        options.get_user(),
        options.get_host(),
        options.get_port(),
        options.get_database()
    );
    let refused = trading(&database).with_database_url(url).howdah(&["plan"]).await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("HD0102") && !refused.stderr.contains("s3cret"));

    let rig = trading(&database);
    rig.fine(&["apply"]).await;
    for (args, said) in [
        ("rebuild chess", "HD0603"),
        ("rebuild candles --from nonsense", "2025-10-17"),
        ("verify --rollup chess", "HD0603"),
        ("run --source chess", "HD0603"),
        ("run --file-source trades=nowhere", "could not read \"nowhere\""),
        ("dead-letters show 9", "there is no dead letter 9"),
        ("dead-letters drop", "which dead letters to drop was not said"),
        ("dead-letters replay --source chess", "HD0603"),
    ] {
        let args: Vec<&str> = args.split_whitespace().collect();
        let ended = rig.howdah(&args).await;
        assert_eq!(ended.code, Some(2), "{args:?}\n{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{args:?} said\n{}", ended.stderr);
    }
}
