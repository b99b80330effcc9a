//! `howdah history fold|restore|status`: old chunks as segments; what is dropped and exported is in
//! [`keep`].

mod keep;

use howdah_error::{Code, Error, Result};
use howdah_history::chunks::{self, Chunk};
use howdah_history::keep::Asked;
use howdah_history::{empty_chunk, fold_chunk, restore_chunk, status};
use howdah_pg::Connection;
use howdah_system::{Stream, System};
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::{Global, HistoryAction, HistoryArgs, OutputFormat};
use crate::output::{self, Table, bytes, grouped};
use crate::session::{Model, Session};

/// Runs one of them.
pub async fn run(global: &Global, args: &HistoryArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let json = global.format == OutputFormat::Json;
    let result = Box::pin(act(&session, json, &args.action)).await;
    session.close().await?;
    result.map(|()| Outcome::Fine)
}

async fn act(session: &Session, json: bool, action: &HistoryAction) -> Result<()> {
    let connection = session.connect().await?;
    session.require_current(&connection).await?;
    let model = session.model(&connection).await?;
    match action {
        HistoryAction::Fold { stream, chunk } => {
            let done = fold(&connection, &model, stream.as_deref(), chunk.as_deref()).await?;
            if json { output::json(&json!({ "version": 1, "folded": done })) } else { Ok(()) }
        }
        HistoryAction::Restore { stream, chunk, exported, stay } => {
            let stream = find(&model.system, stream)?;
            let chunk = chunk.as_deref();
            let done = if *exported {
                keep::bring_back(&connection, &model.system, stream, (chunk, stay)).await?
            } else {
                restore(&connection, stream, chunk).await?
            };
            if json { output::json(&json!({ "version": 1, "restored": done })) } else { Ok(()) }
        }
        HistoryAction::Drop { stream, older_than, tenant, confirm, lose } => {
            let asked = Asked { older_than: older_than.clone(), tenant: tenant.clone() };
            let wanted =
                keep::Wanted { stream: stream.as_deref(), asked, confirm: *confirm, lose, json };
            keep::drop_old(&connection, &model.system, &wanted).await
        }
        HistoryAction::Export { stream, chunk, to } => {
            let stream = find(&model.system, stream)?;
            let place = keep::place(&model.system, to.as_deref())?;
            let done = keep::export(&connection, &place, stream, chunk.as_deref()).await?;
            if json { output::json(&json!({ "version": 1, "exported": done })) } else { Ok(()) }
        }
        HistoryAction::Status => print(&connection, &model.system, json).await,
    }
}

fn find<'a>(system: &'a System, name: &str) -> Result<&'a Stream> {
    system.stream(name).ok_or_else(|| {
        let known: Vec<&str> = system.streams.iter().map(|known| known.name.as_str()).collect();
        Error::input(format!("stream \"{name}\" does not exist"))
            .code(Code::UnknownName)
            .hint(format!("The system file has: {}.", known.join(", ")))
    })
}

/// The chunk of that name, or all of the stream.
async fn named_or_all(
    connection: &Connection,
    stream: &Stream,
    chunk: Option<&str>,
) -> Result<Vec<Chunk>> {
    match chunk {
        Some(name) => Ok(vec![chunks::find(connection, stream, name).await?]),
        None => chunks::read(connection, stream).await,
    }
}

/// Folds what is due, oldest first, and empties what older folds left.
async fn fold(
    connection: &Connection,
    model: &Model,
    stream: Option<&str>,
    chunk: Option<&str>,
) -> Result<Vec<Value>> {
    let system = &model.system;
    let streams: Vec<&Stream> = match stream {
        Some(name) => vec![find(system, name)?],
        None => system.streams.iter().filter(|stream| stream.segment.is_some()).collect(),
    };
    let mut done = Vec::new();
    for stream in streams {
        let all = named_or_all(connection, stream, chunk).await?;
        let chosen = |it: &&Chunk| chunk.is_some() || (it.due && it.filled);
        for it in all.iter().filter(chosen) {
            let folded = fold_chunk(connection, system, &model.catalog, stream, it).await?;
            output::say(&format!(
                "{}: {} events in {} segments of {}",
                it.table.name.as_str(),
                grouped(folded.rows),
                grouped(folded.segments),
                folded.table.plain()
            ));
            done.push(json!({
                "stream": stream.name, "chunk": it.table.plain(), "events": folded.rows,
                "segments": folded.segments, "emptied": folded.emptied,
            }));
        }
        for it in all.iter().filter(|it| it.hollow) {
            empty_chunk(connection, it).await?;
        }
    }
    if done.is_empty() {
        output::say("no chunk is due");
    }
    Ok(done)
}

async fn restore(
    connection: &Connection,
    stream: &Stream,
    chunk: Option<&str>,
) -> Result<Vec<Value>> {
    let all = named_or_all(connection, stream, chunk).await?;
    let mut done = Vec::new();
    for it in &all {
        let events = restore_chunk(connection, stream, it).await?;
        if events > 0 {
            let name = it.table.name.as_str();
            output::say(&format!("{name}: {} events are back", grouped(events)));
            done.push(json!({ "chunk": it.table.plain(), "events": events }));
        }
    }
    if done.is_empty() {
        output::say("no segment is there");
    }
    Ok(done)
}

async fn print(connection: &Connection, system: &System, json: bool) -> Result<()> {
    let mut table =
        Table::new(&["stream", "chunks", "folded", "waiting", "events", "before", "now"]);
    let mut streams = Vec::new();
    for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
        let state = status::read(connection, stream).await?;
        let folded = state.chunks.iter().filter(|it| it.segments > 0);
        let (count, events, before) =
            folded.fold((0, 0, 0), |(n, e, b), it| (n + 1, e + it.rows, b + it.bytes_before));
        let waiting = state.chunks.iter().filter(|it| it.waits()).count();
        table.row(vec![
            stream.name.clone(),
            state.chunks.len().to_string(),
            grouped(count),
            waiting.to_string(),
            grouped(events),
            bytes(before),
            bytes(state.segment_bytes),
        ]);
        streams.push(json!({
            "stream": stream.name, "events": events, "bytes_before": before,
            "segment_bytes": state.segment_bytes, "waiting": waiting,
            "chunks": state.chunks.iter().map(|it| json!({
                "chunk": it.chunk.table.plain(), "events": it.rows, "segments": it.segments,
                "waits": it.waits(), "bytes": it.chunk.bytes,
            })).collect::<Vec<_>>(),
        }));
    }
    if json {
        return output::json(&json!({ "version": 1, "streams": streams }));
    }
    table.print()
}
