//! COPY of a batch's rows, and what the server has against one of them.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::SinkExt as _;
use howdah_pg::{Fault, classify};
use tokio_postgres::ToStatement;
use tokio_postgres::error::SqlState;

use super::Writer;
use super::failed::{Tried, chunk_gone, failed};
use super::tuple::{HEADER, TRAILER};

/// Bytes handed to the driver at once.
const CHUNK: usize = 256 << 10;

/// What COPY did.
#[derive(Debug)]
pub(super) enum Copied {
    All,
    /// The row at this place is to blame.
    Bad(usize, tokio_postgres::Error),
    /// Some row is to blame.
    SomeBad(tokio_postgres::Error),
}

impl Copied {
    /// Whether a key was there already.
    pub(super) fn is_repeat(&self) -> bool {
        let (Self::Bad(_, error) | Self::SomeBad(error)) = self else { return false };
        error.code() == Some(&SqlState::UNIQUE_VIOLATION)
    }
}

impl Writer {
    /// Copies `count` tuples; `put` appends the tuple of a place.
    pub(super) async fn copy<S: ?Sized + ToStatement>(
        &self,
        statement: &S,
        count: usize,
        mut put: impl FnMut(usize, &mut BytesMut),
    ) -> Tried<Copied> {
        let failed = |error: tokio_postgres::Error| {
            if error.code() == Some(&SqlState::UNDEFINED_TABLE) {
                return chunk_gone(&error);
            }
            failed("could not copy a batch")(error)
        };
        let sink = self.connection.copy_in::<_, Bytes>(statement).await.map_err(failed)?;
        futures_util::pin_mut!(sink);
        let mut buffer = BytesMut::with_capacity(CHUNK + (CHUNK >> 2));
        buffer.put_slice(HEADER);
        for place in 0..count {
            put(place, &mut buffer);
            if buffer.len() >= CHUNK && sink.send(buffer.split().freeze()).await.is_err() {
                // The server has stopped reading; `finish` says why.
                break;
            }
        }
        buffer.put_i16(TRAILER);
        let _ = sink.send(buffer.freeze()).await;
        match sink.finish().await {
            Ok(_) => Ok(Copied::All),
            Err(error) if classify(&error) == Fault::Data => Ok(match bad_place(&error) {
                Some(place) if place < count => Copied::Bad(place, error),
                _ => Copied::SomeBad(error),
            }),
            Err(error) => Err(failed(error)),
        }
    }
}

/// The place of the row that COPY speaks of: its context says `line 7` (the first is 1).
fn bad_place(error: &tokio_postgres::Error) -> Option<usize> {
    let context = error.as_db_error()?.where_()?;
    let line = context.split(", line ").nth(1)?;
    let digits: String = line.chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<usize>().ok()?.checked_sub(1)
}
