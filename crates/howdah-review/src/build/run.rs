//! The statements one by one, as their tool would run them.

use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_sql::command::{Command, Escape, Transaction, escapes_within};

use super::cascade;
use super::ours;
use super::session::Session;
use super::trace::{Tracer, is_traced};
use super::{ScratchDatabase, scratch};
use crate::facts::{Facts, Failure, Run, StatementId, Trace, Unseen};
use crate::migrations::Convention;
use crate::orm;

/// Runs all statements of `facts` on the empty `database`, writes into `facts` what each did, and
/// reads the catalog that came of it.
pub async fn build(facts: &mut Facts, database: &ScratchDatabase) -> Result<()> {
    let runs = run_all(facts, facts.statements.len(), database).await?;
    for (statement, run) in facts.statements.iter_mut().zip(runs) {
        statement.run = run;
    }
    cascade::find_causes(facts);
    let connection = database.connect().await?;
    let catalog = howdah_pg::introspect(&connection).await?;
    let foreign = orm::take_foreign(&mut facts.models, &catalog);
    facts.unseen.extend(foreign.into_iter().map(|((folder, orm), count)| {
        Unseen {
            what: format!("{count} models of {} in \"{folder}\"", orm.as_str()),
            why: "Most of their tables are not there, so they are taken for another database's."
                .to_owned(),
        }
    }));
    facts.catalog = Some(catalog);
    let published = connection.query_typed(super::PUBLISHED, &[]).await;
    let published =
        published.map_err(|error| from_pg("could not read what is published", &error))?;
    facts.published = published
        .iter()
        .map(|row| RelName::new(row.get::<_, String>(0), row.get::<_, String>(1)))
        .collect();
    connection.close().await;
    facts.built = true;
    Ok(())
}

/// Brings the empty `database` to what it is just before the statement `before`.
pub async fn build_before(
    facts: &Facts,
    before: StatementId,
    database: &ScratchDatabase,
) -> Result<()> {
    run_all(facts, before.0, database).await.map(|_| ())
}

async fn run_all(facts: &Facts, until: usize, database: &ScratchDatabase) -> Result<Vec<Run>> {
    let mut session = Session::open(database).await?;
    let mut runs = Vec::with_capacity(until);
    while runs.len() < until {
        let file = facts.statements[runs.len()].file;
        run_file(facts, file, until, &mut session, &mut runs).await?;
    }
    session.close().await;
    Ok(runs)
}

async fn run_file(
    facts: &Facts,
    file: usize,
    until: usize,
    session: &mut Session<'_>,
    runs: &mut Vec<Run>,
) -> Result<()> {
    let transactional = facts.files[file].transactional;
    if matches!(facts.convention, Some(Convention::Plain | Convention::Flyway)) {
        // Each file has a session of its own, or is left as it was found.
        session.set_back().await?;
    }
    if transactional {
        session.begin().await?;
    }
    let mut tracer = Tracer::begin(session.connection()).await?;
    // A file may end the transaction of its tool, and begin another for it.
    let mut within = transactional;
    while runs.len() < until && facts.statements[runs.len()].file == file {
        let id = StatementId(runs.len());
        let run = match facts.statement(id).command {
            Command::Transaction(Transaction::Commit) if within => {
                within = false;
                tracer.end_transaction();
                session.commit().await?.map(Run::Failed)
            }
            Command::Transaction(Transaction::Begin) if transactional && !within => {
                within = true;
                session.begin().await?;
                None
            }
            Command::Transaction(_) => None,
            _ => Some(run_one(facts, id, within, session, &mut tracer).await?),
        };
        runs.push(run.unwrap_or(Run::LeftOut("each file has a transaction already")));
    }
    // A deferred constraint fails here, and is the last statement's.
    if let Some(failure) = session.commit().await?
        && let Some(last) = runs.last_mut()
    {
        *last = Run::Failed(failure);
    }
    Ok(())
}

async fn run_one(
    facts: &Facts,
    id: StatementId,
    transactional: bool,
    session: &mut Session<'_>,
    tracer: &mut Tracer,
) -> Result<Run> {
    let statement = facts.statement(id);
    if let Some(why) = left_out(facts, id, session).await? {
        return Ok(Run::LeftOut(why));
    }
    if !transactional && !statement.needs_no_transaction {
        // Alone in a transaction, so that its locks can be seen.
        session.begin().await?;
    }
    let (failure, missing_role) = run_with_help(facts, id, session).await?;
    if let Some(found) = failure {
        return after_failure(facts, id, transactional, session, found).await;
    }
    let mut trace = Trace::default();
    if !statement.needs_no_transaction && is_traced(facts, id) {
        trace = tracer.look(session.connection()).await?;
    }
    trace.missing_role = missing_role;
    if !transactional {
        tracer.end_transaction();
        if let Some(failure) = session.commit().await? {
            return Ok(Run::Failed(failure));
        }
    }
    Ok(Run::Done(trace))
}

/// Why a statement is not run; the roles that it would make are made all the same.
async fn left_out(
    facts: &Facts,
    id: StatementId,
    session: &mut Session<'_>,
) -> Result<Option<&'static str>> {
    let sql = facts.text(id);
    match &facts.statement(id).command {
        Command::Escape(escape) => {
            if let Escape::CreateRole(role) = escape {
                session.make_role(role).await?;
            }
            return Ok(Some("its effect would leave the database"));
        }
        Command::Do { body, .. } => {
            for escape in escapes_within(&body.text) {
                if let Escape::CreateRole(role) = escape {
                    session.make_role(&role).await?;
                }
            }
        }
        Command::Copy(copy) if copy.from => return Ok(Some("its data are for psql alone")),
        _ => {}
    }
    let begun = ours::sets_transaction(sql) && is_first(facts, id);
    let begun = begun.then_some("its transaction has begun already");
    Ok(ours::becomes_another(sql).or(begun))
}

/// Runs a statement, again where what it misses is not for the files to make: a role, or a schema
/// whose name we have guessed. Gives its failure, and the role.
async fn run_with_help(
    facts: &Facts,
    id: StatementId,
    session: &mut Session<'_>,
) -> Result<(Option<Failure>, Option<String>)> {
    let sql = facts.text(id);
    let mut missing_role = None;
    let mut failure = session.run(sql).await?;
    if let Some(role) = failure.as_ref().and_then(missing) {
        session.make_role(&role).await?;
        missing_role = Some(role);
        failure = session.run(sql).await?;
    }
    if let Some(schema) = failure.as_ref().and_then(|failure| guessed_schema(facts, failure)) {
        session.make_schema(&schema).await?;
        failure = session.run(sql).await?;
    }
    if failure.as_ref().is_some_and(|found| found.message == NO_SCHEMA) {
        // The statement stays what it is, and those behind it find the schema.
        session.make_search_path().await?;
        if !facts.guesses.is_empty() {
            failure = session.run(sql).await?;
        }
    }
    Ok((failure, missing_role))
}

/// Whether nothing but settings comes before the statement in its transaction.
fn is_first(facts: &Facts, id: StatementId) -> bool {
    facts
        .before_in_file(id)
        .take_while(|(_, before)| !matches!(before.command, Command::Transaction(_)))
        .all(|(id, _)| {
            facts.text(id).get(..4).is_some_and(|word| word.eq_ignore_ascii_case("set "))
        })
}

/// Second tries that are ours, not the tool's: they keep one failure from hiding all others.
async fn after_failure(
    facts: &Facts,
    id: StatementId,
    transactional: bool,
    session: &mut Session<'_>,
    mut failure: Failure,
) -> Result<Run> {
    let statement = facts.statement(id);
    let sql = facts.text(id);
    if let Command::CreateExtension { name } = &statement.command
        && failure.sqlstate == scratch::INSUFFICIENT_PRIVILEGE
        && session.make_extension(name, sql).await?
    {
        return Ok(Run::Done(Trace::default()));
    }
    if let Some(why) = ours::left_out(&statement.command, &failure) {
        // Its schema is needed, whoever owns it.
        if let Command::CreateSchema { name: Some(name) } = &statement.command {
            session.make_schema(name.last()).await?;
            return Ok(Run::Done(Trace::default()));
        }
        return Ok(Run::LeftOut(why));
    }
    // What such a block lacks are rights that no migration should need; it is told as what it is.
    if let Command::Do { body, .. } = &statement.command
        && failure.sqlstate == scratch::INSUFFICIENT_PRIVILEGE
        && !escapes_within(&body.text).is_empty()
    {
        return Ok(Run::LeftOut("its effect would leave the database"));
    }
    if statement.needs_no_transaction && failure.sqlstate == scratch::ACTIVE_TRANSACTION {
        failure.ran_outside = session.run_outside(sql).await?.is_none();
    }
    if !transactional {
        session.commit().await?;
    }
    Ok(Run::Failed(failure))
}

/// What the server says when the search path names no schema that is there.
const NO_SCHEMA: &str = "no schema has been selected to create in";

/// The role that a statement names and nobody made.
fn missing(failure: &Failure) -> Option<String> {
    let name = failure.message.strip_prefix("role \"")?.strip_suffix("\" does not exist")?;
    (failure.sqlstate == scratch::UNDEFINED_OBJECT).then(|| name.to_owned())
}

/// The schema that is missing, when its name is a guess of ours: then somebody else makes it.
fn guessed_schema(facts: &Facts, failure: &Failure) -> Option<String> {
    let name = failure.message.strip_prefix("schema \"")?.strip_suffix("\" does not exist")?;
    facts.guesses.iter().any(|guess| guess.value == name).then(|| name.to_owned())
}
