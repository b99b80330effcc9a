//! `howdah dead-letters list|show|replay|drop`: the refused events.

use howdah_error::{Code, Error, Result};
use howdah_pg::{Connection, from_pg};
use howdah_stream::dead_letters::{self, Filter, Letter, next_replay};
use howdah_stream::{Outcome as Committed, Writer};
use howdah_system::Source;
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::{DeadLettersAction, DeadLettersArgs, Global, LetterFilter, OutputFormat};
use crate::command::run::{decoder, generation, source_sql};
use crate::output::{self, Table, grouped};
use crate::session::{Model, Session};

/// How many letters are replayed in one transaction.
const PAGE: i64 = 1_000;

/// What a replay did.
#[derive(Default)]
struct Tally {
    committed: Committed,
    still_bad: u64,
}

/// Runs one of the four.
pub async fn run(global: &Global, args: &DeadLettersArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = act(&session, global.format == OutputFormat::Json, &args.action).await;
    session.close().await?;
    result
}

async fn act(session: &Session, json: bool, action: &DeadLettersAction) -> Result<Outcome> {
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    match action {
        DeadLettersAction::List { which, limit } => {
            list(&connection, json, &filter(which), i64::from(*limit)).await?;
        }
        DeadLettersAction::Show { id } => show(&connection, json, *id).await?,
        DeadLettersAction::Replay(which) => {
            return replay(session, &connection, json, &filter(which)).await;
        }
        DeadLettersAction::Drop(which) => {
            let dropped = dead_letters::drop(&connection, &filter(which)).await?;
            if json {
                output::json(&json!({ "version": 1, "dropped": dropped }))?;
            } else {
                output::say(&format!("{} dead letters dropped", grouped(dropped as i64)));
            }
        }
    }
    Ok(Outcome::Fine)
}

fn filter(which: &LetterFilter) -> Filter {
    Filter {
        source: which.source.clone(),
        stream: which.stream.clone(),
        code: which.code.clone(),
        ids: (!which.ids.is_empty()).then(|| which.ids.clone()),
    }
}

async fn list(connection: &Connection, json: bool, filter: &Filter, limit: i64) -> Result<()> {
    let letters = dead_letters::list(connection, filter, limit).await?;
    let counts = dead_letters::count(connection, filter).await?;
    let total: i64 = counts.iter().map(|count| count.letters).sum();
    if json {
        let letters: Vec<Value> = letters.iter().map(as_json).collect();
        return output::json(&json!({ "version": 1, "total": total, "dead_letters": letters }));
    }
    if letters.is_empty() {
        return output::line("no dead letters");
    }
    let mut table = Table::new(&["id", "source", "code", "bytes", "refused at"]);
    for letter in &letters {
        let mut at = letter.refused_at.clone();
        at.truncate("2026-11-21T12:00:00".len());
        table.row(vec![
            letter.id.to_string(),
            letter.source.clone(),
            letter.code.clone(),
            grouped(letter.payload_bytes),
            at,
        ]);
    }
    table.print()?;
    output::line("")?;
    let mut table = Table::new(&["source", "stream", "code", "letters"]);
    for count in counts {
        table.row(vec![count.source, count.stream, count.code, grouped(count.letters)]);
    }
    table.print()?;
    if total > letters.len() as i64 {
        output::say(&format!("{} of {}; --limit shows more", letters.len(), grouped(total)));
    }
    Ok(())
}

async fn show(connection: &Connection, json: bool, id: i64) -> Result<()> {
    let (letter, payload) = dead_letters::show(connection, id).await?;
    if json {
        let mut value = as_json(&letter);
        // What is no text is given as hexadecimal digits.
        if let Ok(text) = std::str::from_utf8(&payload) {
            value["payload"] = json!(text);
        } else {
            let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
            value["payload_hex"] = json!(hex);
        }
        return output::json(&value);
    }
    for (name, value) in [
        ("id", letter.id.to_string()),
        ("source", format!("{} / {}", letter.source, letter.shard)),
        ("position", letter.position),
        ("stream", letter.stream),
        ("code", letter.code),
        ("reason", letter.reason),
        ("refused at", letter.refused_at),
        ("bytes", grouped(letter.payload_bytes)),
    ] {
        output::line(&format!("{name:<11} {value}"))?;
    }
    output::line("")?;
    output::line(&String::from_utf8_lossy(&payload))
}

fn as_json(letter: &Letter) -> Value {
    json!({
        "id": letter.id, "source": letter.source, "shard": letter.shard,
        "position": letter.position, "stream": letter.stream, "code": letter.code,
        "reason": letter.reason, "payload_bytes": letter.payload_bytes,
        "refused_at": letter.refused_at,
    })
}

/// Replays every letter that matches, source by source; exit 1 when some are still refused.
async fn replay(
    session: &Session,
    connection: &Connection,
    json: bool,
    filter: &Filter,
) -> Result<Outcome> {
    let model = session.model(connection).await?;
    let sources: Vec<&Source> = model
        .system
        .sources
        .iter()
        .filter(|source| filter.source.as_ref().is_none_or(|name| source.name == *name))
        .filter(|source| {
            let mut streams = source.streams().map(|index| &model.system.streams[index].name);
            filter.stream.as_ref().is_none_or(|name| streams.any(|stream| stream == name))
        })
        .collect();
    if sources.is_empty() {
        return Err(Error::input("no source of the system file matches")
            .code(Code::UnknownName)
            .hint("Letters are replayed by the source that they came from."));
    }
    let mut tally = Tally::default();
    for source in sources {
        replay_source(session, connection, &model, source, filter, &mut tally).await?;
    }
    let Tally { committed, still_bad } = tally;
    let refused = committed.dead_letters + still_bad;
    if json {
        output::json(&json!({
            "version": 1, "rows": committed.rows, "duplicates": committed.duplicates,
            "still_refused": refused,
        }))?;
    } else {
        output::say(&format!(
            "{} replayed: {} new rows, {} were there already; {} still refused",
            grouped((committed.rows + committed.duplicates) as i64),
            grouped(committed.rows as i64),
            grouped(committed.duplicates as i64),
            grouped(refused as i64),
        ));
    }
    Ok(if refused == 0 { Outcome::Fine } else { Outcome::Findings })
}

async fn replay_source(
    session: &Session,
    connection: &Connection,
    model: &Model,
    source: &Source,
    filter: &Filter,
    tally: &mut Tally,
) -> Result<()> {
    let filter = Filter { source: Some(source.name.clone()), ..filter.clone() };
    let until = connection
        .query_one("select coalesce(max(id), 0) from howdah.dead_letters", &[])
        .await
        .map_err(|error| from_pg("could not read dead letters", &error))?
        .get::<_, i64>(0);
    let sql = source_sql(model, source, generation(connection).await?)?;
    let mut writer = Writer::open(&session.options, sql).await?;
    let mut decoder = decoder(&model.system, source)?;
    let mut after = 0;
    while let Some(page) =
        next_replay(connection, source, &mut decoder, &filter, (after, until), PAGE).await?
    {
        page.explain(connection).await?;
        tally.still_bad += page.still_bad.len() as u64;
        if let Some(replay) = &page.replay {
            let outcome = writer.commit_replay(replay).await?;
            tally.committed.rows += outcome.rows;
            tally.committed.duplicates += outcome.duplicates;
            tally.committed.dead_letters += outcome.dead_letters;
        }
        after = page.last;
    }
    Ok(())
}
