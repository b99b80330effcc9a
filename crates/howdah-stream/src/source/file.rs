//! Files: opened at a committed position, if they still are the files that were read.
//!
//! A position is `offset:line:fingerprint`. The fingerprint is of the file's first 64 KiB, or of
//! what had been read then. A file is read to the end that it has; lines that are appended later
//! are read by the next run, if the last line read had a line end.

use std::io::SeekFrom;
use std::path::Path;

use howdah_error::{Code, Error, Kind, Result};
use howdah_system::Format;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::Lag;
use super::text::{FINGERPRINT_BYTES, Progress, TextReader};
use crate::batch::Position;

/// Opens a file behind `from`.
pub(super) async fn open(
    path: &Path,
    format: Format,
    from: Option<&Position>,
) -> Result<TextReader> {
    let mut reader = TextReader::new(Box::pin(open_plain(path).await?), format);
    reader.read_header().await?;
    let Some(from) = from else { return Ok(reader) };
    let header = reader.header().cloned();
    let mut file = open_plain(path).await?;
    let progress = check(&mut file, path, from).await?;
    let at = file.seek(SeekFrom::Start(progress.offset)).await;
    at.map_err(|error| could_not_read(path, error))?;
    Ok(TextReader::resume(Box::pin(file), format, header, progress))
}

/// How much of a file stands behind a position.
pub(super) async fn lag(path: &Path, position: Option<&Position>) -> Result<Lag> {
    let size = tokio::fs::metadata(path).await.map_err(|error| could_not_read(path, error))?.len();
    let read = position.and_then(parse).map_or(0, |(offset, _, _)| offset);
    Ok(Lag::Bytes(size.saturating_sub(read)))
}

/// Compares the file with the position, and makes the progress to go on from.
async fn check(file: &mut File, path: &Path, from: &Position) -> Result<Progress> {
    let (offset, line, fingerprint) = parse(from)
        .ok_or_else(|| changed(path, "The committed position is not one of a file.".to_owned()))?;
    let size = file.metadata().await.map_err(|error| could_not_read(path, error))?.len();
    if size < offset {
        return Err(changed(path, format!("It has {size} bytes; {offset} were committed.")));
    }
    let mut beginning = vec![0; offset.min(FINGERPRINT_BYTES) as usize];
    let read = file.read_exact(&mut beginning).await;
    read.map_err(|error| could_not_read(path, error))?;
    let mut progress = Progress::default();
    progress.advance(&beginning);
    if progress.fingerprint() != fingerprint {
        let detail = "Its beginning is not the one that was committed.".to_owned();
        return Err(changed(path, detail));
    }
    if size > offset && !ends_a_line(file, offset).await.map_err(|e| could_not_read(path, e))? {
        let detail = format!("Line {line}, which was the last one, has been continued.");
        return Err(changed(path, detail));
    }
    progress.offset = offset;
    progress.line = line;
    Ok(progress)
}

/// Whether a line ends at `offset`: behind a newline, or in front of one.
async fn ends_a_line(file: &mut File, offset: u64) -> std::io::Result<bool> {
    file.seek(SeekFrom::Start(offset.saturating_sub(1))).await?;
    let around = [file.read_u8().await?, file.read_u8().await?];
    Ok(offset == 0 || around[0] == b'\n' || matches!(around[1], b'\n' | b'\r'))
}

fn parse(position: &Position) -> Option<(u64, u64, &str)> {
    let mut parts = position.0.splitn(3, ':');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?))
}

async fn open_plain(path: &Path) -> Result<File> {
    let is_folder = tokio::fs::metadata(path).await.is_ok_and(|found| found.is_dir());
    if is_folder {
        return Err(Error::input(format!("\"{}\" is a folder", path.display()))
            .code(Code::SourceFailed)
            .hint("Name one file; several files are several sources."));
    }
    File::open(path).await.map_err(|error| could_not_read(path, error))
}

fn could_not_read(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not read file \"{}\"", path.display()))
        .code(Code::SourceFailed)
        .hint("Check the path in the system file and the right to read the file.")
        .source(error)
}

fn changed(path: &Path, detail: String) -> Error {
    let message = format!("file \"{}\" changed behind its committed position", path.display());
    Error::new(Kind::Conflict, message).code(Code::FileChanged).detail(detail).hint(
        "Put the file back as it was, or give the new file a new name and source. To read it from \
         its beginning, delete the shard's row of howdah.positions: with a key, events that are \
         there already count as duplicates.",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed read fails the test")]

    use super::*;
    use crate::raw::Body;

    async fn read(path: &Path, from: Option<&Position>) -> Result<Vec<(String, Position)>> {
        let mut reader = open(path, Format::Csv, from).await?;
        let mut events = vec![];
        while let Some(chunk) = reader.next_chunk().await? {
            events.extend(chunk.into_iter().map(|raw| match raw.body {
                Body::Text(text) => (String::from_utf8(text.to_vec()).unwrap(), raw.position),
                _ => panic!("not a text"),
            }));
        }
        Ok(events)
    }

    #[tokio::test]
    async fn reading_on_gives_exactly_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let records: Vec<String> = (0..20_000).map(|i| format!("{i},\"line\n{i}\"")).collect();
        std::fs::write(&path, format!("n,text\n{}\n", records.join("\n"))).unwrap();
        let all = read(&path, None).await.unwrap();
        assert_eq!(all.len(), records.len());
        for at in [0, 1, 100, 4_000, 19_998, 19_999] {
            let rest = read(&path, Some(&all[at].1)).await.unwrap();
            assert_eq!(rest, all[at + 1..], "from {at}");
        }
        let lag = lag(&path, Some(&all[19_999].1)).await.unwrap();
        assert_eq!(lag, Lag::Bytes(0));
    }

    #[tokio::test]
    async fn a_changed_file_is_an_error_and_an_appended_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "n\n1\n2").unwrap();
        let at = read(&path, None).await.unwrap().pop().unwrap().1;
        std::fs::write(&path, "n\n1\n2\n3\n").unwrap();
        assert_eq!(read(&path, Some(&at)).await.unwrap()[0].0, "3");
        for changed in ["n\n1\n", "n\n1\n3\n3\n", "n\n1\n22\n", ""] {
            std::fs::write(&path, changed).unwrap();
            let error = read(&path, Some(&at)).await.unwrap_err();
            assert_eq!(error.get_code(), Some(Code::FileChanged), "{changed:?}");
        }
        std::fs::remove_file(&path).unwrap();
        let error = read(&path, Some(&at)).await.unwrap_err();
        assert_eq!(error.get_code(), Some(Code::SourceFailed));
    }
}
