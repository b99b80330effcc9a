//! Writing an export.

use std::future::Future;
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use howdah_error::{Code, Error, Kind, Result};
use howdah_history::keep::{Archive, Part};
use howdah_history::{Column, keep};
use howdah_pg::{failpoint, from_pg};
use howdah_system::Stream;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Client;

use crate::column::Stored;
use crate::manifest::{self, FileEntry, Manifest, StoredColumn};
use crate::parquet_read::FileRows;
use crate::parquet_write::FileWriter;
use crate::place::Place;

/// An export that is whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// Where its manifest is.
    pub shown: String,
    /// What it says.
    pub manifest: Manifest,
}

impl Archive for Place {
    fn store<'a>(
        &'a self,
        client: &'a Client,
        stream: &'a Stream,
        part: &'a Part,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + 'a>> {
        Box::pin(async move {
            let exported = write(self, client, stream, part).await?;
            if part.events.is_some_and(|events| events != exported.manifest.rows) {
                return Err(Error::internal(
                    "an export has another number of events than the chunk; nothing was dropped",
                ));
            }
            Ok(Some(exported.shown))
        })
    }
}

/// Exports the events that a chunk has now, and leaves them there.
pub async fn export_chunk(
    place: &Place,
    client: &Client,
    stream: &Stream,
    chunk: &howdah_history::chunks::Chunk,
) -> Result<Exported> {
    let part = Part {
        id: 0,
        chunk: chunk.table.clone(),
        from_us: chunk.from_us,
        to_us: chunk.to_us,
        tenant: None,
        events: None,
        archive: None,
    };
    write(place, client, stream, &part).await
}

/// Writes the events of a part; all of one moment.
async fn write(place: &Place, client: &Client, stream: &Stream, part: &Part) -> Result<Exported> {
    keep::begin_reading(client).await?;
    let result = write_in_txn(place, client, stream, part).await;
    // It only read.
    let _ = client.batch_execute("rollback").await;
    result
}

async fn write_in_txn(
    place: &Place,
    client: &Client,
    stream: &Stream,
    part: &Part,
) -> Result<Exported> {
    let source = keep::Source::of(client, stream, part).await?;
    let columns = choose(client, stream, &source).await?;
    let folder = folder(client, stream, part).await?;
    let row_hashes = source.row_hashes(client).await?;
    let mut files: Vec<FileEntry> = Vec::new();
    let sent = source.columns.iter().zip(&columns);
    let sent: Vec<String> =
        sent.map(|(column, kept)| kept.stored.sent(&format!("r.{}", column.ident()))).collect();
    let failed = |error| from_pg("could not read the events of a chunk", &error);
    let none: [&str; 0] = [];
    let rows = client.query_raw(&source.sql(&sent), none).await.map_err(failed)?;
    let mut rows = pin!(rows);
    let mut file = FileWriter::new(&columns)?;
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        file.push(&row)?;
        if file.is_full() {
            files.push(put(place, &folder, files.len(), file, &columns).await?);
            file = FileWriter::new(&columns)?;
        }
    }
    if file.rows > 0 || files.is_empty() {
        files.push(put(place, &folder, files.len(), file, &columns).await?);
    }
    failpoint::hit("keep.written").await?;
    let manifest = Manifest {
        version: manifest::VERSION,
        stream: stream.table.plain(),
        chunk: part.chunk.plain(),
        from_us: part.from_us,
        to_us: part.to_us,
        tenant: part.tenant.clone(),
        columns,
        rows: files.iter().map(|file| file.rows).sum(),
        row_hashes,
        files,
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| Error::internal("a manifest cannot be written").source(error))?;
    let name = format!("{folder}/{}", manifest::NAME);
    put_checked(place, &name, Bytes::from(text)).await?;
    Ok(Exported { shown: place.shown(&name), manifest })
}

/// The folder of an export: a part that was begun has one of its own, whatever becomes of it.
async fn folder(client: &Client, stream: &Stream, part: &Part) -> Result<String> {
    let row = client
        .query_one("select to_char(now() at time zone 'UTC', 'YYYYMMDD\"T\"HH24MISSUS')", &[])
        .await
        .map_err(|error| from_pg("could not read the clock", &error))?;
    let id = if part.id > 0 { part.id.to_string() } else { row.get(0) };
    Ok(format!("{}/{}-{id}", stream.table.plain(), part.chunk.name.as_str()))
}

/// How each column is kept: the best way that every value fits.
async fn choose(
    client: &Client,
    stream: &Stream,
    source: &keep::Source,
) -> Result<Vec<StoredColumn>> {
    let best = |column: &Column| {
        let known = stream.columns.iter().find(|known| known.name.as_str() == column.name);
        Stored::best(column, known.map_or("", |known| known.type_name.as_str()))
    };
    let chosen: Vec<Stored> = source.columns.iter().map(best).collect();
    let conditions: Vec<String> = source
        .columns
        .iter()
        .zip(&chosen)
        .map(|(column, stored)| {
            let fits = stored.fits(&format!("r.{}", column.ident()));
            fits.map_or_else(
                || "true".to_owned(),
                |fits| format!("coalesce(bool_and({fits}), true)"),
            )
        })
        .collect();
    let row = client
        .query_one(&source.sql(&conditions), &[])
        .await
        .map_err(|error| from_pg("could not look at the values of a chunk", &error))?;
    let kept = source.columns.iter().zip(chosen).enumerate();
    Ok(kept
        .map(|(at, (column, stored))| StoredColumn {
            name: column.name.clone(),
            type_name: column.type_name.clone(),
            stored: if row.get(at) { stored } else { Stored::Text },
        })
        .collect())
}

async fn put(
    place: &Place,
    folder: &str,
    number: usize,
    file: FileWriter,
    columns: &[StoredColumn],
) -> Result<FileEntry> {
    let rows = file.rows;
    let content = file.finish()?;
    let name = format!("events-{number:05}.parquet");
    let entry = FileEntry { rows, bytes: content.len() as u64, sha256: sha256(&content), name };
    let there = put_checked(place, &format!("{folder}/{}", entry.name), content).await?;
    if FileRows::open(there, columns)?.rows() != rows {
        return Err(differs(&entry.name));
    }
    Ok(entry)
}

/// Writes a file and reads it back: what lies there is what was written.
async fn put_checked(place: &Place, name: &str, content: Bytes) -> Result<Bytes> {
    place.put(name, content.clone()).await?;
    let there = place.get(name).await?;
    if there == content { Ok(there) } else { Err(differs(name)) }
}

fn differs(name: &str) -> Error {
    Error::new(Kind::Unavailable, format!("\"{name}\" is not as it was written"))
        .code(Code::ExportFailed)
        .detail("The place of exports gave other bytes back.")
        .hint("Nothing was dropped. Look at the disk or the store.")
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
