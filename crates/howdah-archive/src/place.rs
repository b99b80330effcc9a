//! Where exports lie: a folder, or a bucket of an object store that speaks S3.

use std::sync::Arc;

use bytes::Bytes;
use howdah_error::{Code, Error, Kind, Result};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// A store and where in it.
#[derive(Debug, Clone)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    prefix: String,
    shown: String,
}

impl Place {
    /// Opens the place that a system file names: a folder, `file:///folder`, or
    /// `s3://bucket/prefix` with credentials, region and endpoint in the environment (`AWS_…`).
    pub fn open(text: &str) -> Result<Self> {
        let shown = text.trim_end_matches('/').to_owned();
        let failed = |error: object_store::Error| {
            Error::input(format!("exports cannot go to \"{text}\""))
                .code(Code::ExportFailed)
                .hint("Name a folder, or s3://bucket/prefix with AWS_… in the environment.")
                .source(error)
        };
        if let Some(rest) = text.strip_prefix("s3://") {
            // The one provider that is compiled in; whoever came first may stay.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            let store =
                AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(failed)?;
            let prefix = prefix.trim_matches('/').to_owned();
            return Ok(Self { store: Arc::new(store), prefix, shown });
        }
        if text.contains("://") && !text.starts_with("file://") {
            return Err(Error::input(format!("exports cannot go to \"{text}\""))
                .code(Code::ExportFailed)
                .hint("Name a folder, file:///folder or s3://bucket/prefix."));
        }
        let folder = text.strip_prefix("file://").unwrap_or(text);
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::input(format!("could not make the folder \"{folder}\""))
                .code(Code::ExportFailed)
                .source(error)
        })?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(failed)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), prefix: String::new(), shown })
    }

    /// What people call something at this place.
    pub(crate) fn shown(&self, name: &str) -> String {
        format!("{}/{name}", self.shown)
    }

    /// The name of what [`Self::shown`] gave; `None`: it lies elsewhere.
    pub(crate) fn name_of<'a>(&self, shown: &'a str) -> Option<&'a str> {
        shown.strip_prefix(self.shown.as_str())?.strip_prefix('/')
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_empty() {
            Path::from(name)
        } else {
            Path::from(format!("{}/{name}", self.prefix))
        }
    }

    /// Writes a file, whole or not at all.
    pub(crate) async fn put(&self, name: &str, content: Bytes) -> Result<()> {
        self.store.put(&self.path(name), content.into()).await.map(|_| ()).map_err(|error| {
            Error::new(Kind::Unavailable, format!("could not write \"{}\"", self.shown(name)))
                .code(Code::ExportFailed)
                .hint("Nothing was dropped; it is tried again when the place can be written.")
                .source(error)
        })
    }

    /// Reads a file.
    pub(crate) async fn get(&self, name: &str) -> Result<Bytes> {
        let failed = |error: object_store::Error| {
            let missing = matches!(error, object_store::Error::NotFound { .. });
            let message = format!("could not read \"{}\"", self.shown(name));
            let error = Error::new(Kind::Unavailable, message).source(error);
            if missing {
                error
                    .code(Code::ExportDamaged)
                    .detail("The export is not whole: the file is missing.")
            } else {
                error.code(Code::ExportFailed)
            }
        };
        let found = self.store.get(&self.path(name)).await.map_err(failed)?;
        found.bytes().await.map_err(failed)
    }
}
