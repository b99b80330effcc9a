//! The yardstick: one bare binary COPY of the same rows into the same table with the same indexes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::SinkExt as _;
use howdah_catalog::name;
use howdah_error::{Error, Kind, Result};
use howdah_pg::Connection;
use howdah_stream::{Body, Decoded, Position, Raw};
use howdah_system::Source;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::sql_failed;
use crate::command::run::decoder;
use crate::session::Model;

/// Bytes handed to the driver at once.
const CHUNK: usize = 256 << 10;
/// Signature and header of binary COPY (PostgreSQL documentation, COPY, "Binary Format").
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Rows encoded in a file, and the statement that takes them.
pub struct Encoded {
    copy: String,
    path: PathBuf,
}

/// Encodes the NDJSON events at `events` as `source` decodes them.
pub async fn encode(model: &Model, source: &Source, events: &Path) -> Result<Encoded> {
    let failed = |error| Error::new(Kind::Io, "could not encode the events").source(error);
    let mut decoder = decoder(&model.system, source)?;
    let path = events.with_extension("copy");
    let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
    out.write_all(HEADER).map_err(failed)?;
    let events = tokio::fs::File::open(events).await.map_err(failed)?;
    let mut lines = BufReader::with_capacity(CHUNK, events).split(b'\n');
    let mut rows = Decoded::default();
    let mut at = 0;
    while let Some(line) = lines.next_segment().await.map_err(failed)? {
        at += 1;
        let raw = Raw { position: Position(at.to_string()), body: Body::Text(Bytes::from(line)) };
        decoder.decode(raw, &mut rows);
        if let Some(refusal) = rows.refusals.pop() {
            return Err(Error::internal(refusal.reason));
        }
        for row in rows.rows.drain(..) {
            out.write_all(&row.copy).map_err(failed)?;
        }
    }
    out.write_all(&(-1_i16).to_be_bytes()).map_err(failed)?;
    out.flush().map_err(failed)?;
    let stream = &model.system.streams[source.routes[0].stream];
    let columns = name::list(decoder.columns(0));
    let copy = format!("copy {} ({columns}) from stdin (format binary)", stream.table);
    Ok(Encoded { copy, path })
}

/// Copies them, in one transaction.
pub async fn copy(admin: &Connection, rows: &Encoded) -> Result<()> {
    let failed = |error| Error::new(Kind::Io, "could not read the encoded rows").source(error);
    let mut file = tokio::fs::File::open(&rows.path).await.map_err(failed)?;
    let sink = admin.copy_in::<_, Bytes>(&rows.copy).await.map_err(|error| sql_failed(&error))?;
    futures_util::pin_mut!(sink);
    loop {
        let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
        if file.read_buf(&mut chunk).await.map_err(failed)? == 0 {
            break;
        }
        sink.send(chunk.freeze()).await.map_err(|error| sql_failed(&error))?;
    }
    sink.finish().await.map_err(|error| sql_failed(&error))?;
    Ok(())
}
