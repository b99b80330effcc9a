//! Events as lines of files or of standard output.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use howdah_error::{Error, Kind, Result};
use howdah_feed::Event;

/// One writer for all events, or one a stream.
pub(super) struct FileSink {
    one: Option<Box<dyn Write + Send>>,
    folder: PathBuf,
    streams: BTreeMap<&'static str, BufWriter<File>>,
}

impl FileSink {
    pub(super) fn stdout() -> Self {
        Self::one(Box::new(BufWriter::new(std::io::stdout())))
    }

    pub(super) fn file(path: &Path) -> Result<Self> {
        Ok(Self::one(Box::new(create(path)?)))
    }

    pub(super) fn folder(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| failed(path, error))?;
        Ok(Self { one: None, folder: path.to_owned(), streams: BTreeMap::new() })
    }

    fn one(writer: Box<dyn Write + Send>) -> Self {
        Self { one: Some(writer), folder: PathBuf::new(), streams: BTreeMap::new() }
    }

    /// Writes events; `false` when the reader of a pipe has gone.
    pub(super) fn send(&mut self, events: &[Event]) -> Result<bool> {
        for event in events {
            if let Some(writer) = &mut self.one {
                match writeln!(writer, "{}", event.json) {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                        self.one = Some(Box::new(std::io::sink()));
                        return Ok(false);
                    }
                    other => other.map_err(|error| failed(Path::new("-"), error))?,
                }
                continue;
            }
            let path = self.folder.join(format!("{}.ndjson", event.stream));
            let writer = match self.streams.entry(event.stream) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => entry.insert(create(&path)?),
            };
            writeln!(writer, "{}", event.json).map_err(|error| failed(&path, error))?;
        }
        Ok(true)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if let Some(writer) = &mut self.one {
            match writer.flush() {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    return Err(failed(Path::new("-"), error));
                }
                _ => {}
            }
        }
        for (stream, writer) in &mut self.streams {
            let path = self.folder.join(format!("{stream}.ndjson"));
            writer.flush().map_err(|error| failed(&path, error))?;
        }
        Ok(())
    }
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).map_err(|error| failed(path, error))?))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("could not write \"{}\"", path.display())).source(error)
}
