//! Runs the experiment of a kind. A line `-- session b` lets another session go on from there;
//! `-- session b waits` starts a statement that must come to wait for a lock, and goes on.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use howdah_error::{Error, Kind as ErrorKind, Result};
use howdah_pg::{Connection, from_pg, sqlstate};
use tokio_postgres::SimpleQueryMessage;

use super::kind::{Kind, On, Outcome};
use super::{Ground, Verdict};
use crate::build::{self, ScratchDatabase};
use crate::facts::{Facts, Run};
use crate::rules;

/// No experiment may take longer than this for a statement.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Rows that are shown in a reason.
const SHOWN: usize = 3;

const WAITING: &str = "select from pg_catalog.pg_stat_activity where wait_event_type = 'Lock' \
                       and datname = pg_catalog.current_database()";

/// What a script came to.
enum Came {
    Rows(Vec<String>),
    Failed {
        state: String,
        message: String,
    },
    /// It did not go as it is written: what happened instead.
    Otherwise(&'static str),
}

struct Step {
    session: usize,
    waits: bool,
    sql: String,
}

/// Runs the experiment of `kind`: the verdict and why.
pub(super) async fn judge(ground: &Ground<'_>, kind: &Kind) -> Result<(Verdict, String)> {
    let cannot = |why: String| Ok((Verdict::NotProvable, why));
    if let Some((_, verdict, why)) = kind.outcomes.iter().find(|(o, ..)| *o == Outcome::Always) {
        return Ok((*verdict, (*why).to_owned()));
    }
    if !kind.findings.is_empty() {
        return Ok(by_findings(ground, kind));
    }
    let database = match kind.on {
        On::Empty => ground.scratch.database().await?,
        On::Again if ground.facts.live => {
            return cannot("A database in use has no migrations to be applied again.".to_owned());
        }
        On::Target | On::Again => ground.scratch.copy(ground.built).await?,
    };
    let came = match kind.needs {
        Some(extension) if !available(&database, extension).await? => None,
        _ if kind.on == On::Again => Some(run_again(ground, &database).await),
        _ => Some(run(&database, kind).await),
    };
    ground.scratch.drop(database).await?;
    match came {
        None => cannot(format!(
            "The extension \"{}\" is not installed beside the scratch server.",
            kind.needs.unwrap_or_default()
        )),
        Some(came) => Ok(verdict(kind, came?)),
    }
}

fn verdict(kind: &Kind, came: Came) -> (Verdict, String) {
    let (outcome, shown, otherwise) = match came {
        Came::Rows(rows) if rows.is_empty() => (Outcome::None, String::new(), "no rows".to_owned()),
        Came::Rows(rows) => {
            let first: Vec<&str> = rows.iter().take(SHOWN).map(String::as_str).collect();
            let more = if rows.len() > SHOWN { ", …" } else { "" };
            (Outcome::Rows, format!("{}{more}", first.join(", ")), "rows".to_owned())
        }
        Came::Failed { state, message } => {
            let told = format!("SQLSTATE {state}: {message}");
            (Outcome::Fails(state), message, told)
        }
        Came::Otherwise(what) => {
            return (Verdict::NotProvable, format!("The experiment ended otherwise: {what}."));
        }
    };
    match kind.outcomes.iter().find(|(known, ..)| *known == outcome) {
        Some((_, verdict, reason)) => (*verdict, reason.replace("{}", &shown)),
        None => (Verdict::NotProvable, format!("The experiment ended with {otherwise}.")),
    }
}

fn by_findings(ground: &Ground<'_>, kind: &Kind) -> (Verdict, String) {
    let known: Vec<_> = kind.findings.iter().filter_map(|name| rules::find(name)).collect();
    let checked = known.iter().any(|rule| rule.can_check(ground.facts));
    if !checked {
        let why = "No rule that could be checked decides it.".to_owned();
        return (Verdict::NotProvable, why);
    }
    let found =
        ground.findings.iter().filter(|f| known.iter().any(|rule| rule.code == f.rule.code));
    let rows = found.map(|finding| finding.message.clone()).collect();
    verdict(kind, Came::Rows(rows))
}

/// Runs the files on what they built; gives what failed only now.
async fn run_again(ground: &Ground<'_>, database: &ScratchDatabase) -> Result<Came> {
    let mut again = ground.facts.clone();
    build::build(&mut again, database).await?;
    let failed = |facts: &Facts, id| matches!(facts.statement(id).run, Run::Failed(_));
    let rows = again.statements().filter_map(|(id, statement)| match &statement.run {
        Run::Failed(failure) if !failed(ground.facts, id) => {
            let place = again.place(id);
            Some(format!("{}:{}: {}", place.path, place.position.line, failure.message))
        }
        _ => None,
    });
    Ok(Came::Rows(rows.collect()))
}

async fn available(database: &ScratchDatabase, extension: &str) -> Result<bool> {
    let connection = database.connect().await?;
    let rows = connection
        .query_typed(
            "select from pg_catalog.pg_available_extensions where name = $1",
            &[(&extension, tokio_postgres::types::Type::TEXT)],
        )
        .await
        .map_err(|error| from_pg("could not list the extensions", &error))?;
    connection.close().await;
    Ok(!rows.is_empty())
}

async fn run(database: &ScratchDatabase, kind: &Kind) -> Result<Came> {
    let steps = steps(kind.sql);
    let count = steps.iter().map(|step| step.session + 1).max().unwrap_or(0);
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        let connection =
            if kind.superuser { database.admin().await? } else { database.connect().await? };
        let limit = format!("set statement_timeout to {}", TIMEOUT.as_millis());
        let set = connection.batch_execute(&limit).await;
        set.map_err(|error| from_pg("could not set a limit of time", &error))?;
        sessions.push(connection);
    }
    let watch = database.admin().await?;
    let came = run_steps(&steps, &sessions, &watch).await;
    for connection in sessions {
        connection.close().await;
    }
    watch.close().await;
    came
}

type Answer<'s> =
    BoxFuture<'s, std::result::Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>>;

async fn run_steps(steps: &[Step], sessions: &[Connection], watch: &Connection) -> Result<Came> {
    let mut pending: Vec<Option<Answer<'_>>> = sessions.iter().map(|_| None).collect();
    let mut last = Vec::new();
    for step in steps {
        // What waited must have come through before its session can go on.
        if let Some(answer) = pending[step.session].take() {
            match answer.await {
                Ok(messages) => last = messages,
                Err(error) => return failed(&error),
            }
        }
        let mut answer: Answer<'_> = Box::pin(sessions[step.session].simple_query(&step.sql));
        if step.waits {
            if wait_until_it_waits(&mut answer, watch).await? {
                pending[step.session] = Some(answer);
                continue;
            }
            return Ok(Came::Otherwise("a statement that should wait did not"));
        }
        match answer.await {
            Ok(messages) => last = messages,
            Err(error) => return failed(&error),
        }
    }
    Ok(Came::Rows(rows_of_last_query(&last)))
}

/// Whether the statement came to wait for a lock; false when it ended instead.
async fn wait_until_it_waits(answer: &mut Answer<'_>, watch: &Connection) -> Result<bool> {
    let begin = Instant::now();
    while begin.elapsed() < TIMEOUT {
        tokio::select! {
            biased;
            _ = &mut *answer => return Ok(false),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        let rows = watch.query_typed(WAITING, &[]).await;
        let rows = rows.map_err(|error| from_pg("could not look at the sessions", &error))?;
        if !rows.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(error: &tokio_postgres::Error) -> Result<Came> {
    match (sqlstate(error), error.as_db_error()) {
        (Some(state), Some(db)) => {
            Ok(Came::Failed { state: state.code().to_owned(), message: db.message().to_owned() })
        }
        _ => Err(Error::new(ErrorKind::Unavailable, "the scratch server ended in an experiment")),
    }
}

/// The first columns of the rows of the last query of a script that gave a result.
fn rows_of_last_query(messages: &[SimpleQueryMessage]) -> Vec<String> {
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(_) => rows.clear(),
            SimpleQueryMessage::Row(row) => rows.push(row.get(0).unwrap_or_default().to_owned()),
            _ => {}
        }
    }
    rows
}

/// The statements one by one, as psql runs a file; what must wait is the last of its turn.
fn steps(sql: &str) -> Vec<Step> {
    let mut turns: Vec<(usize, bool, String)> = vec![(0, false, String::new())];
    for line in sql.lines() {
        if let Some(rest) = line.strip_prefix("-- session ") {
            let letter = rest.bytes().next().unwrap_or(b'a').saturating_sub(b'a');
            turns.push((usize::from(letter), rest.trim_end().ends_with("waits"), String::new()));
        } else if let Some((.., text)) = turns.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let mut steps = Vec::new();
    for (session, waits, text) in turns {
        let (statements, _) = howdah_sql::split(&text);
        let last = statements.len().saturating_sub(1);
        steps.extend(statements.iter().enumerate().map(|(at, statement)| Step {
            session,
            waits: waits && at == last,
            sql: statement.text.to_owned(),
        }));
    }
    steps
}
