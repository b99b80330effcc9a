//! `howdah history drop|export` and `restore --exported`: what is no longer kept.

use howdah_archive::{Place, bring_back as bring_one, export_chunk};
use howdah_error::{Code, Error, Kind, Result};
use howdah_history::keep::{self, Archive, Asked, Due, NoArchive};
use howdah_pg::Connection;
use howdah_plan::chunk::time_text;
use howdah_system::{Stream, System, TimeType};
use serde_json::{Value, json};

use super::find;
use crate::output::{self, Table, bytes, grouped};

/// What `howdah history drop` is asked for.
pub(super) struct Wanted<'a> {
    pub(super) stream: Option<&'a str>,
    pub(super) asked: Asked,
    pub(super) confirm: bool,
    /// Streams whose events may be lost.
    pub(super) lose: &'a [String],
    pub(super) json: bool,
}

/// Where exports go.
pub(super) fn place(system: &System, given: Option<&str>) -> Result<Place> {
    let named = given.or(system.export.as_deref()).ok_or_else(|| {
        Error::input("no place for exports is named")
            .code(Code::ExportFailed)
            .hint("Add `export = \"/srv/exports\"` to [history], or give --to.")
    })?;
    Place::open(named)
}

/// Shows what is due; drops it where that is confirmed.
pub(super) async fn drop_old(
    connection: &Connection,
    system: &System,
    wanted: &Wanted<'_>,
) -> Result<()> {
    let streams: Vec<&Stream> = match wanted.stream {
        Some(name) => vec![find(system, name)?],
        None => system.streams.iter().collect(),
    };
    let archive: Box<dyn Archive> = match &system.export {
        Some(named) => Box::new(Place::open(named)?),
        None => Box::new(NoArchive),
    };
    let mut table = Table::new(&["stream", "chunk", "from", "to", "whose", "bytes", "export"]);
    let (mut told, mut concerned) = (Vec::new(), Vec::new());
    for stream in streams {
        let due = keep::due(connection, system, stream, &wanted.asked).await?;
        if due.is_empty() {
            continue;
        }
        if let Some(error) = keep::cannot_lose(system, stream) {
            return Err(error);
        }
        for it in &due {
            let exported = system.export.as_deref().unwrap_or("none");
            table.row(row(stream, it, exported));
            told.push(json!({
                "stream": stream.name, "chunk": it.chunk.plain(), "bytes": it.bytes,
                "whole": it.tenant.is_none(), "export": system.export,
            }));
        }
        concerned.push(stream);
    }
    if wanted.json {
        output::json(&json!({ "version": 1, "due": told, "dropped": wanted.confirm }))?;
    } else if told.is_empty() {
        output::say("nothing is due");
    } else {
        table.print()?;
    }
    if told.is_empty() {
        return Ok(());
    }
    let lost = |stream: &&&Stream| system.export.is_none() && !wanted.lose.contains(&stream.name);
    if let Some(stream) = concerned.iter().find(lost) {
        return refuse_loss(stream, wanted.confirm);
    }
    if !wanted.confirm {
        output::say("nothing was dropped; --confirm does it");
        return Ok(());
    }
    for stream in concerned {
        drop_of(connection, system, stream, (&wanted.asked, archive.as_ref())).await?;
    }
    Ok(())
}

/// Events that are exported nowhere are lost only where that is allowed by name.
fn refuse_loss(stream: &Stream, confirmed: bool) -> Result<()> {
    let hint = format!(
        "Add `export = \"/srv/exports\"` to [history], or allow the loss: --lose {}.",
        stream.name
    );
    if !confirmed {
        output::say(&format!("nothing was dropped, and nothing would be exported. {hint}"));
        return Ok(());
    }
    let message = format!("events of stream \"{}\" would be lost", stream.name);
    Err(Error::new(Kind::Refused, message)
        .code(Code::WouldLoseEvents)
        .detail("They are exported nowhere.")
        .hint(hint))
}

fn row(stream: &Stream, due: &Due, exported: &str) -> Vec<String> {
    let time = |us: i64| match us {
        i64::MIN => "the beginning".to_owned(),
        us => time_text(us, TimeType::Timestamp),
    };
    vec![
        stream.name.clone(),
        due.chunk.name.as_str().to_owned(),
        time(due.from_us),
        time(due.to_us),
        due.tenant.clone().unwrap_or_else(|| "everybody's".to_owned()),
        bytes(due.bytes),
        exported.to_owned(),
    ]
}

async fn drop_of(
    connection: &Connection,
    system: &System,
    stream: &Stream,
    (asked, archive): (&Asked, &dyn Archive),
) -> Result<()> {
    loop {
        let kept = keep::step_for(connection, system, stream, (asked, archive)).await?;
        if let Some(why) = kept.waits {
            return Err(Error::new(Kind::Unavailable, "not everything was dropped")
                .code(Code::LockTimeout)
                .detail(why)
                .hint("Start it again: what was begun is finished then."));
        }
        match kept.did {
            Some(did) => output::say(&format!("{}: {did}", stream.name)),
            None => return Ok(()),
        }
    }
}

/// Exports chunks as they are.
pub(super) async fn export(
    connection: &Connection,
    place: &Place,
    stream: &Stream,
    chunk: Option<&str>,
) -> Result<Vec<Value>> {
    let all = super::named_or_all(connection, stream, chunk).await?;
    let mut done = Vec::new();
    for it in &all {
        let exported = export_chunk(place, connection, stream, it).await?;
        let rows = exported.manifest.rows;
        let name = it.table.name.as_str();
        output::say(&format!("{name}: {} events to {}", grouped(rows), exported.shown));
        done.push(json!({
            "chunk": it.table.plain(), "events": rows, "manifest": exported.shown,
        }));
    }
    Ok(done)
}

/// Brings back what was dropped and exported.
pub(super) async fn bring_back(
    connection: &Connection,
    system: &System,
    stream: &Stream,
    (chunk, stay): (Option<&str>, &str),
) -> Result<Vec<Value>> {
    let place = place(system, None)?;
    let mut done = Vec::new();
    for part in keep::finished(connection, stream).await? {
        let named = |name: &str| part.chunk.name.as_str() == name || part.chunk.plain() == name;
        // What was dropped without an export is told only to who asks for it.
        if chunk.map_or(part.archive.is_none(), |name| !named(name)) {
            continue;
        }
        let brought = bring_one(&place, connection, stream, &part, stay).await?;
        let name = part.chunk.name.as_str();
        output::say(&format!("{name}: {} events are back for {stay}", grouped(brought.events)));
        done.push(json!({
            "chunk": part.chunk.plain(), "events": brought.events, "from": brought.from,
        }));
    }
    if done.is_empty() {
        output::say("nothing that was dropped is to be brought back");
    }
    Ok(done)
}
