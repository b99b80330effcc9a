//! `howdah doctor`: whatever howdah needs, checked one by one, each with a remedy.

use std::time::Duration;

use howdah_error::{Error, Result};
use howdah_pg::migrate::{self, MigrationState, Migrations};
use howdah_pg::{Connection, check_rights, from_pg};
use howdah_stream::source::{lag, shards_of};
use howdah_system::{Origin, Source};
use serde::Serialize;

use crate::Outcome;
use crate::cli::{Global, OutputFormat};
use crate::output;
use crate::session::{Model, Session};

/// How long a source may take to answer.
const ASK: Duration = Duration::from_secs(3);

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As howdah needs it.
    Ok,
    /// It works, and there is something to know.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was checked.
#[derive(Debug, Serialize)]
struct Check {
    area: &'static str,
    state: State,
    what: String,
    hint: Option<String>,
}

/// The checks so far.
#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, area: &'static str, state: State, what: impl Into<String>, hint: &str) {
        let hint = (state != State::Ok).then(|| hint.to_owned()).filter(|hint| !hint.is_empty());
        self.0.push(Check { area, state, what: what.into(), hint });
    }

    fn ok(&mut self, area: &'static str, what: impl Into<String>) {
        self.add(area, State::Ok, what, "");
    }

    /// `ok` as it should be, else `state`.
    fn expect(
        &mut self,
        area: &'static str,
        ok: bool,
        state: State,
        what: impl Into<String>,
        hint: &str,
    ) {
        self.add(area, if ok { State::Ok } else { state }, what, hint);
    }

    fn failed(&mut self, area: &'static str, error: &Error) {
        let mut what = error.message().to_owned();
        if let Some(detail) = error.get_detail() {
            what.push_str("\n       ");
            what.push_str(&detail.replace('\n', "\n       "));
        }
        self.add(area, State::Fail, what, error.get_hint().unwrap_or_default());
    }
}

/// Checks everything that can be reached; exit 1 when something fails.
pub async fn run(global: &Global) -> Result<Outcome> {
    let mut checks = Checks::default();
    match Session::open(global).await {
        Ok(session) => {
            checks.ok("system file", format!("{} is well-formed", session.path.display()));
            examine(&session, &mut checks).await;
            session.close().await?;
        }
        Err(error) => checks.failed("start", &error),
    }
    if global.format == OutputFormat::Json {
        output::json(&serde_json::json!({ "version": 1, "checks": checks.0 }))?;
    } else {
        print(&checks.0)?;
    }
    let failed = checks.0.iter().any(|check| check.state == State::Fail);
    Ok(if failed { Outcome::Findings } else { Outcome::Fine })
}

fn print(checks: &[Check]) -> Result<()> {
    for check in checks {
        let state = match check.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        output::line(&format!("{state}  {}: {}", check.area, check.what))?;
        if let Some(hint) = &check.hint {
            output::line(&format!("      Hint: {hint}"))?;
        }
    }
    Ok(())
}

async fn examine(session: &Session, checks: &mut Checks) {
    let connection = match session.connect().await {
        Ok(connection) => connection,
        Err(error) => return checks.failed("database", &error),
    };
    checks.ok("database", format!("reached at {}", session.database_name()));
    match check_rights(&connection).await {
        Ok(findings) => {
            for finding in findings {
                let hint = finding.hint.unwrap_or_default();
                let state = if finding.needed { State::Fail } else { State::Warn };
                checks.expect("database", finding.ok, state, finding.what, &hint);
            }
        }
        Err(error) => checks.failed("database", &error),
    }
    if let Err(error) = settings(&connection, checks).await {
        checks.failed("settings", &error);
    }
    match migrations(session, &connection, checks).await {
        Ok(true) => system(session, &connection, checks).await,
        Ok(false) => {}
        Err(error) => checks.failed("migrations", &error),
    }
}

async fn settings(connection: &Connection, checks: &mut Checks) -> Result<()> {
    let row = connection
        .query_one(include_str!("doctor.sql"), &[])
        .await
        .map_err(|error| from_pg("could not read the settings", &error))?;
    let (fsync, commit, pages): (String, String, String) = (row.get(1), row.get(2), row.get(3));
    let (free, in_recovery): (i32, bool) = (row.get(5), row.get(4));
    checks.expect(
        "database",
        row.get(0),
        State::Fail,
        "temporary tables, into which batches are copied",
        "Let the owner of the database grant it: grant temporary on database … to ….",
    );
    checks.expect(
        "database",
        !in_recovery,
        State::Fail,
        if in_recovery { "this server is a read-only standby" } else { "the server takes writes" },
        "Connect to the primary.",
    );
    checks.expect(
        "settings",
        fsync == "on" && pages == "on",
        State::Warn,
        format!("fsync is {fsync}, full_page_writes is {pages}"),
        "A crash of the machine can lose or tear what was committed; switch both on.",
    );
    checks.expect(
        "settings",
        commit != "off",
        State::Warn,
        format!("synchronous_commit is {commit}"),
        "A crash can lose the last commits; sources are read again from the position that is left.",
    );
    checks.expect(
        "settings",
        free >= 10,
        State::Warn,
        format!("{free} connections are free"),
        "Each source takes one, upkeep another; raise max_connections or end idle sessions.",
    );
    Ok(())
}

/// The state of the migrations; `true` when the tables that the system file speaks of are there.
async fn migrations(
    session: &Session,
    connection: &Connection,
    checks: &mut Checks,
) -> Result<bool> {
    let folder = session.migrations();
    if !folder.is_dir() {
        checks.ok("migrations", "no folder of them; tables are made elsewhere");
        return Ok(true);
    }
    let files = Migrations::load(&folder)?;
    let (mut applied, mut pending, mut wrong) = (0, 0, 0);
    for status in migrate::status(connection, &files).await? {
        match status.state {
            MigrationState::Applied { .. } => applied += 1,
            MigrationState::Pending => pending += 1,
            _ => wrong += 1,
        }
    }
    if wrong > 0 {
        let hint = "`howdah migrate status` names them, `howdah migrate up` explains.";
        let what = format!("{wrong} edited, missing or half done");
        checks.add("migrations", State::Fail, what, hint);
    }
    let what = format!("{applied} applied, {pending} pending");
    let hint = "`howdah apply` applies them; `howdah plan` shows what else it would do.";
    checks.expect("migrations", pending == 0, State::Warn, what, hint);
    Ok(pending == 0 && wrong == 0)
}

/// The system file against the database, the plan, and the sources.
async fn system(session: &Session, connection: &Connection, checks: &mut Checks) {
    let model = match session.model(connection).await {
        Ok(model) => model,
        Err(error) => return checks.failed("system file", &error),
    };
    checks.ok("system file", "fits the database");
    match session.plan(connection, &model).await {
        Ok((plan, _)) => checks.expect(
            "plan",
            plan.steps.is_empty(),
            State::Warn,
            match plan.steps.len() {
                0 => "the database is as the system file says".to_owned(),
                due => format!("{due} steps are due"),
            },
            "`howdah plan` shows them, `howdah apply` does them.",
        ),
        Err(error) => checks.failed("plan", &error),
    }
    for source in &model.system.sources {
        reach(session, &model, source, checks).await;
    }
}

async fn reach(session: &Session, model: &Model, source: &Source, checks: &mut Checks) {
    let stream = &model.system.streams[source.routes[0].stream];
    let result = async {
        howdah_stream::source::check(source, stream)?;
        let access = session.access(source)?;
        if let Origin::File { path } = &source.origin {
            let path = access.folder.join(path);
            return tokio::fs::metadata(&path).await.map(|_| ()).map_err(|error| {
                Error::input(format!("file \"{}\" cannot be read", path.display())).source(error)
            });
        }
        howdah_stream::source::reach(source, &access).await?;
        for shard in shards_of(source) {
            let asked = lag(source, &access, &shard, None, 0);
            match tokio::time::timeout(ASK, asked).await {
                Ok(answer) => answer.map(|_| ())?,
                Err(_) => {
                    return Err(Error::input("it does not answer").hint("Check host and port."));
                }
            }
        }
        Ok(())
    };
    match result.await {
        Ok(()) => checks.ok("source", format!("{} can be reached", source.name)),
        Err(error) => {
            let what = format!("{}: {}", source.name, error.message());
            checks.add("source", State::Fail, what, error.get_hint().unwrap_or_default());
        }
    }
}
