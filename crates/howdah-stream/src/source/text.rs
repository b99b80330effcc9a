//! NDJSON lines and CSV records out of any stream of bytes, in bounded memory.

use std::fmt;
use std::pin::Pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use howdah_error::{Code, Error, Kind, Result};
use howdah_system::Format;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::batch::Position;
use crate::csv::Framing;
use crate::raw::{Body, HARD_CAP_BYTES, Raw};

/// How much is read at once; also about the size of a chunk.
const READ_BYTES: usize = 512 << 10;
/// A file is known by a fingerprint of this much of its beginning, or less when less was read.
pub(crate) const FINGERPRINT_BYTES: u64 = 64 << 10;
/// The mark that some programs put in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What events are read from.
pub(crate) type Input = Pin<Box<dyn AsyncRead + Send>>;

/// How far a text is read, and what it began with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Bytes read, from the beginning of the text.
    pub(crate) offset: u64,
    /// Lines (or records) read, the header and blank ones included.
    pub(crate) line: u64,
    hasher: Sha256,
    /// The fingerprint once it no longer changes.
    settled: Option<String>,
}

impl Progress {
    /// Takes what was read next.
    pub(crate) fn advance(&mut self, bytes: &[u8]) {
        let left = FINGERPRINT_BYTES.saturating_sub(self.offset) as usize;
        self.hasher.update(&bytes[..bytes.len().min(left)]);
        self.offset += bytes.len() as u64;
    }

    /// The first 64 bits of SHA-256 over the first `min(offset, 64 KiB)` bytes, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        let hash = self.hasher.clone().finalize();
        hash.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn position(&mut self) -> Position {
        if let Some(settled) = &self.settled {
            return Position(format!("{}:{}:{settled}", self.offset, self.line));
        }
        let fingerprint = self.fingerprint();
        if self.offset >= FINGERPRINT_BYTES {
            self.settled = Some(fingerprint.clone());
        }
        Position(format!("{}:{}:{fingerprint}", self.offset, self.line))
    }
}

/// Cuts a stream of bytes into events.
pub(crate) struct TextReader {
    input: Input,
    csv: bool,
    header: Option<Bytes>,
    progress: Progress,
    buffer: BytesMut,
    /// How much of `buffer` was searched for a line end in vain.
    searched: usize,
    framing: Framing,
    /// The beginning of an event beyond the hard cap, whose rest is being skipped.
    oversized: Option<(Bytes, u64)>,
    ended: bool,
}

impl fmt::Debug for TextReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextReader").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl TextReader {
    /// A reader at the beginning of a text.
    pub(crate) fn new(input: Input, format: Format) -> Self {
        Self {
            input,
            csv: format == Format::Csv,
            header: None,
            progress: Progress::default(),
            buffer: BytesMut::new(),
            searched: 0,
            framing: Framing::default(),
            oversized: None,
            ended: false,
        }
    }

    /// A reader further on: `input` stands at `progress.offset`.
    pub(crate) fn resume(
        input: Input,
        format: Format,
        header: Option<Bytes>,
        progress: Progress,
    ) -> Self {
        Self { header, progress, ..Self::new(input, format) }
    }

    /// The header line, once read.
    pub(crate) fn header(&self) -> Option<&Bytes> {
        self.header.as_ref()
    }

    /// Reads the byte order mark and, of CSV, the header line. Called once, at the beginning.
    pub(crate) async fn read_header(&mut self) -> Result<()> {
        while self.buffer.len() < BYTE_ORDER_MARK.len() && self.fill().await? {}
        if self.buffer.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        while self.csv && self.header.is_none() {
            match self.next_event().await? {
                None => return Ok(()),
                Some(Raw { body: Body::Text(line), .. }) => self.header = Some(line),
                Some(_) => {
                    return Err(Error::input("the first line is too long for a CSV header")
                        .code(Code::SourceFailed));
                }
            }
        }
        Ok(())
    }

    /// The next events; `None` at the end.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Vec<Raw>>> {
        let Some(first) = self.next_event().await? else { return Ok(None) };
        let mut chunk = vec![first];
        while let Some(event) = self.buffered_event() {
            chunk.push(event);
        }
        Ok(Some(chunk))
    }

    async fn next_event(&mut self) -> Result<Option<Raw>> {
        loop {
            if let Some(event) = self.buffered_event() {
                return Ok(Some(event));
            }
            if !self.fill().await? {
                return Ok(self.last_event());
            }
        }
    }

    /// The next event whose end is in the buffer.
    fn buffered_event(&mut self) -> Option<Raw> {
        loop {
            let unseen = &self.buffer[self.searched..];
            let end = if self.csv {
                self.framing.record_end(unseen)
            } else {
                memchr::memchr(b'\n', unseen)
            };
            let Some(end) = end else {
                self.searched = self.buffer.len();
                self.skip_oversized();
                return None;
            };
            let line = self.consume(self.searched + end + 1);
            self.progress.line += 1;
            if let Some(event) = self.event(line.slice(..line.len() - 1)) {
                return Some(event);
            }
        }
    }

    /// What stands behind the last line end is an event too.
    fn last_event(&mut self) -> Option<Raw> {
        if self.buffer.is_empty() && self.oversized.is_none() {
            return None;
        }
        let line = self.consume(self.buffer.len());
        self.progress.line += 1;
        self.event(line)
    }

    /// The event of a line; `None` when it is blank.
    fn event(&mut self, line: Bytes) -> Option<Raw> {
        if let Some((head, skipped)) = self.oversized.take() {
            let body = Body::Cut(head, skipped + line.len() as u64);
            return Some(Raw { position: self.progress.position(), body });
        }
        let line = match line.strip_suffix(b"\r") {
            Some(text) => line.slice(..text.len()),
            None => line,
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        Some(Raw { position: self.progress.position(), body: Body::Text(line) })
    }

    /// Drops what cannot end within the cap, but for its beginning.
    fn skip_oversized(&mut self) {
        let len = self.buffer.len();
        if let Some((_, skipped)) = &mut self.oversized {
            *skipped += len as u64;
        } else if len > HARD_CAP_BYTES {
            let head = Bytes::copy_from_slice(&self.buffer[..HARD_CAP_BYTES]);
            self.oversized = Some((head, len as u64));
        } else {
            return;
        }
        self.consume(len);
    }

    fn consume(&mut self, len: usize) -> Bytes {
        let bytes = self.buffer.split_to(len).freeze();
        self.progress.advance(&bytes);
        self.searched = 0;
        bytes
    }

    /// Reads more; `false` at the end.
    async fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.reserve(READ_BYTES);
        let mut room = (&mut self.buffer).limit(READ_BYTES);
        let count = self.input.read_buf(&mut room).await.map_err(|error| {
            Error::new(Kind::Io, "could not read the source").code(Code::SourceFailed).source(error)
        })?;
        self.ended = count == 0;
        Ok(!self.ended)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed read fails the test")]

    use super::*;

    async fn read(text: &[u8], format: Format) -> (Option<Bytes>, Vec<Raw>) {
        let mut reader = TextReader::new(Box::pin(std::io::Cursor::new(text.to_vec())), format);
        reader.read_header().await.unwrap();
        let mut events = vec![];
        while let Some(chunk) = reader.next_chunk().await.unwrap() {
            events.extend(chunk);
        }
        (reader.header().cloned(), events)
    }

    fn texts(events: &[Raw]) -> Vec<&str> {
        events
            .iter()
            .map(|event| match &event.body {
                Body::Text(text) => std::str::from_utf8(text).unwrap(),
                _ => "",
            })
            .collect()
    }

    #[tokio::test]
    async fn lines_are_events_whatever_ends_them() {
        let text = b"\xEF\xBB\xBF{\"a\":1}\r\n\n  \n{\"a\":2}\n{\"a\":3}";
        let (_, events) = read(text, Format::Json).await;
        assert_eq!(texts(&events), ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]);
        assert!(events[0].position.0.starts_with("12:1:"), "{:?}", events[0].position);
        assert!(events[2].position.0.starts_with("31:5:"), "{:?}", events[2].position);
        assert!(read(b"", Format::Json).await.1.is_empty());
        assert!(read(b"\n\n", Format::Json).await.1.is_empty());
    }

    #[tokio::test]
    async fn csv_has_a_header_and_records_of_several_lines() {
        let (header, events) = read(b"a,b\r\n1,\"x\ny\"\r\n\r\n2,z\r\n", Format::Csv).await;
        assert_eq!(header.unwrap(), "a,b");
        assert_eq!(texts(&events), ["1,\"x\ny\"", "2,z"]);
        assert_eq!(read(b"", Format::Csv).await.0, None);
        assert_eq!(read(b"a,b", Format::Csv).await.0.unwrap(), "a,b");
    }

    #[tokio::test]
    async fn a_line_beyond_the_cap_is_cut_and_the_next_one_read() {
        let mut text = vec![b'x'; HARD_CAP_BYTES + 3 * READ_BYTES];
        let size = text.len() as u64;
        text.extend_from_slice(b"\n{}\n");
        let (_, events) = read(&text, Format::Json).await;
        assert_eq!(events.len(), 2);
        let Body::Cut(head, found) = &events[0].body else { panic!("not cut") };
        assert_eq!((head.len(), *found), (HARD_CAP_BYTES, size));
        assert_eq!(texts(&events[1..]), ["{}"]);
    }
}
