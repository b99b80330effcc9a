//! Bringing an export back into the database.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt as _;
use howdah_catalog::{Ident, name};
use howdah_error::{Code, Error, Kind, Result};
use howdah_history::keep::{self, Expected, Part, Room};
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use crate::export::sha256;
use crate::manifest::{self, Manifest};
use crate::parquet_read::FileRows;
use crate::place::Place;

/// What was brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// How many events.
    pub events: i64,
    /// From where.
    pub from: String,
}

/// Brings the events of a part that retention took back into its stream, where they stay for
/// `stay` (an interval). No rollup is touched.
///
/// # Errors
/// A file is missing or is not as its manifest says (HD0413), or the stream has changed so that its
/// events cannot be taken (HD0414): nothing is changed then.
pub async fn bring_back(
    place: &Place,
    client: &Client,
    stream: &Stream,
    part: &Part,
    stay: &str,
) -> Result<Brought> {
    let shown = part.archive.as_deref().ok_or_else(|| {
        Error::input(format!("the events of \"{}\" were not exported", part.chunk.plain()))
            .code(Code::CannotBringBack)
            .hint("They were dropped without an export; a backup may have them.")
    })?;
    let name = place.name_of(shown).ok_or_else(|| {
        Error::input(format!("the export lies at \"{shown}\""))
            .code(Code::CannotBringBack)
            .hint("Let `export` of [history] name the place that it lies in.")
    })?;
    let manifest = read_manifest(place, name, stream).await?;
    let columns: Vec<(String, String)> =
        manifest.columns.iter().map(|it| (it.name.clone(), it.type_name.clone())).collect();
    let expected =
        Expected { columns: &columns, rows: manifest.rows, row_hashes: &manifest.row_hashes };
    let room = keep::make_room(client, stream, part, &expected).await?;
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    if let Err(error) = load(place, client, stream, (&room, &manifest, folder)).await {
        keep::give_up(client, stream, &room).await;
        return Err(error);
    }
    keep::settle(client, stream, part, (&room, &expected, stay)).await?;
    Ok(Brought { events: manifest.rows, from: shown.to_owned() })
}

fn damaged(message: String) -> Error {
    Error::new(Kind::Conflict, message)
        .code(Code::ExportDamaged)
        .hint("Nothing was brought back. Look for another copy of the export.")
}

async fn read_manifest(place: &Place, name: &str, stream: &Stream) -> Result<Manifest> {
    let text = place.get(name).await?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("\"{name}\" is no manifest")).source(error))?;
    if manifest.version != manifest::VERSION {
        return Err(damaged(format!("\"{name}\" is of version {}", manifest.version))
            .hint("This howdah knows another one."));
    }
    if manifest.stream != stream.table.plain() {
        return Err(damaged(format!("\"{name}\" is of the stream \"{}\"", manifest.stream)));
    }
    Ok(manifest)
}

/// Loads every file into the room, each checked before.
async fn load(
    place: &Place,
    client: &Client,
    stream: &Stream,
    (room, manifest, folder): (&Room, &Manifest, &str),
) -> Result<()> {
    let taken: Vec<bool> =
        manifest.columns.iter().map(|column| keep::loaded(stream, &column.name)).collect();
    let list = manifest.columns.iter().zip(&taken).filter(|(_, taken)| **taken);
    let list = name::list(list.map(|(column, _)| Ident::new(column.name.as_str())));
    let sql = format!("copy {} ({list}) from stdin", room.table);
    for file in &manifest.files {
        let content = place.get(&format!("{folder}/{}", file.name)).await?;
        if content.len() as u64 != file.bytes || sha256(&content) != file.sha256 {
            return Err(damaged(format!("\"{}\" is not what its manifest says", file.name)));
        }
        let mut rows = FileRows::open(content, &manifest.columns)?.taking(&taken);
        if rows.rows() != file.rows {
            return Err(damaged(format!("\"{}\" has another number of events", file.name)));
        }
        let failed = |error| from_pg("could not load events of an export", &error);
        let sink = client.copy_in::<_, Bytes>(&sql).await.map_err(failed)?;
        let mut sink = pin!(sink);
        while let Some(group) = rows.next_group()? {
            sink.send(group).await.map_err(failed)?;
        }
        sink.finish().await.map_err(failed)?;
    }
    Ok(())
}
