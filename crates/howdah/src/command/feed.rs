//! `howdah feed`: the generated events of a system, to files, standard output or Redis.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use howdah_error::{Code, Error, Result};
use howdah_feed::{Broken, Expected, Options};
use howdah_pg::from_pg;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::cli::{FeedArgs, Global, OutputFormat};
use crate::command::run::stop_on_signals;
use crate::feeder::{Sending, Target, send};
use crate::output::{self, Table, grouped};
use crate::session::Session;

/// Sends the feed, and says what a store must hold after it.
pub async fn run(global: &Global, args: &FeedArgs) -> Result<Outcome> {
    let options = Options {
        span_ms: args.span,
        profile: args.profile.clone().unwrap_or_default(),
        ..Options::new(args.events, args.seed, until(args))
    };
    if args.entities {
        return Box::pin(entities(global, args, &options)).await;
    }
    let mut feed = howdah_feed::events(&args.system, &options)?;
    let target = target(args)?;
    let shutdown = CancellationToken::new();
    stop_on_signals(shutdown.clone())?;
    let sending = Sending { rate: args.rate, only: args.stream.clone(), ..Sending::default() };
    let bar = bar(args, &target);
    let sent = send(&mut feed, &target, &sending, &shutdown, |sent| bar.set_position(sent)).await?;
    bar.finish_and_clear();
    if shutdown.is_cancelled() {
        output::say(&format!("ended after {} events", grouped(sent as i64)));
        return Ok(Outcome::Interrupted);
    }
    let only = args.stream.as_deref();
    known_stream(feed.expected(), only)?;
    match (global.format, &target) {
        (_, Target::Stdout) => say_summary(feed.expected(), only),
        (OutputFormat::Json, _) => output::json(&summary(feed.expected(), only))?,
        _ => say_summary(feed.expected(), only),
    }
    Ok(Outcome::Fine)
}

/// A stream that had no event is a mistake, unless no stream had one.
fn known_stream(expected: &Expected, only: Option<&str>) -> Result<()> {
    let names: Vec<&str> = expected.streams().map(|(name, _)| name).collect();
    match only {
        Some(only) if !names.is_empty() && !names.contains(&only) => {
            Err(Error::input(format!("the feed has no event of stream \"{only}\""))
                .code(Code::UnknownName)
                .hint(format!("Its streams: {}.", names.join(", "))))
        }
        _ => Ok(()),
    }
}

fn until(args: &FeedArgs) -> i64 {
    args.until.unwrap_or_else(now_ms)
}

/// The present, in milliseconds since 1970.
pub fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

async fn entities(global: &Global, args: &FeedArgs, options: &Options) -> Result<Outcome> {
    let sql = howdah_feed::entities_sql(&args.system, options)?;
    if args.load {
        let session = Session::open(global).await?;
        let result = load(&session, &sql).await;
        session.close().await?;
        result?;
        output::say("the entities are in the database");
    } else {
        output::line(&format!("begin;\n{}\ncommit;", sql.trim_end()))?;
    }
    Ok(Outcome::Fine)
}

/// Writes entities into the database; those that are there already stay as they are.
pub async fn load(session: &Session, sql: &str) -> Result<()> {
    let connection = session.connect().await?;
    // One simple query is one transaction.
    connection
        .batch_execute(sql)
        .await
        .map_err(|error| from_pg("could not load the entities", &error))
}

fn target(args: &FeedArgs) -> Result<Target> {
    let to = args.to.as_str();
    let field = howdah_feed::redis_field(&args.system);
    if to == "-" {
        if args.stream.is_none() {
            return Err(Error::input("standard output takes the events of one stream")
                .hint("Name it with --stream, or give a folder with --to for all streams."));
        }
        return Ok(Target::Stdout);
    }
    if to.starts_with("redis://") || to.starts_with("rediss://") {
        return Ok(Target::Redis { url: to.to_owned(), field });
    }
    if let Some(name) = to.strip_prefix("env:") {
        let url = std::env::var(name).map_err(|_| {
            Error::input(format!("environment variable \"{name}\" is not set"))
                .hint(format!("Set it: export {name}=redis://127.0.0.1:6379/"))
        })?;
        return Ok(Target::Redis { url, field });
    }
    let path = PathBuf::from(to.strip_prefix("file:").unwrap_or(to));
    Ok(if args.stream.is_some() { Target::File(path) } else { Target::Folder(path) })
}

/// A bar on a terminal that does not show the events themselves.
fn bar(args: &FeedArgs, target: &Target) -> ProgressBar {
    let busy = matches!(target, Target::Stdout) && std::io::stdout().is_terminal();
    if busy || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(args.events);
    let template = "{wide_bar} {human_pos}/{human_len} events, {per_sec}, {eta} left";
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// What a store must hold, as JSON.
fn summary(expected: &Expected, only: Option<&str>) -> Value {
    let streams: serde_json::Map<String, Value> = expected
        .streams()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .map(|(name, counts)| {
            let counts = json!({
                "rows": counts.rows, "duplicates": counts.duplicates, "broken": counts.broken,
            });
            (name.to_owned(), counts)
        })
        .collect();
    json!({ "version": 1, "expected": streams })
}

fn say_summary(expected: &Expected, only: Option<&str>) {
    let mut table = Table::new(&["stream", "rows", "duplicates", "broken"]);
    for (name, counts) in expected.streams().filter(|(name, _)| only.is_none_or(|o| o == *name)) {
        table.row(vec![
            name.to_owned(),
            grouped(counts.rows as i64),
            grouped(counts.duplicates as i64),
            grouped(counts.broken as i64),
        ]);
    }
    output::say("what a store must hold after this feed:");
    for line in table.lines() {
        output::say(&format!("  {line}"));
    }
    if only.is_none() {
        let kinds: Vec<String> = Broken::ALL
            .iter()
            .filter(|kind| expected.broken(**kind) > 0)
            .map(|kind| format!("{kind:?} {}", expected.broken(*kind)))
            .collect();
        output::say(&format!("  broken: {}", kinds.join(", ")));
    }
}
