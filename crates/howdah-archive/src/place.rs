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
            refuse_plain_http(text, |name| std::env::var(name).ok())?;
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

/// Events do not leave in the clear because of a URL alone; without this, it would be told only by
/// the first write, and by "builder error".
fn refuse_plain_http(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    let endpoint = ["AWS_ENDPOINT", "AWS_ENDPOINT_URL"].into_iter().find_map(&variable);
    let plain = endpoint.is_some_and(|url| url.to_ascii_lowercase().starts_with("http://"));
    if !plain || variable("AWS_ALLOW_HTTP").is_some_and(|value| value == "true") {
        return Ok(());
    }
    Err(Error::input(format!("exports do not go to \"{text}\" without TLS"))
        .code(Code::ExportFailed)
        .detail("The endpoint of the store in the environment begins with http://.")
        .hint("Name an https:// endpoint, or set AWS_ALLOW_HTTP=true for a store within reach."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_without_tls_is_refused_unless_that_is_allowed() {
        let judged = |variables: &[(&str, &str)]| {
            refuse_plain_http("s3://b/p", |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(judged(&[]).is_ok());
        assert!(judged(&[("AWS_ENDPOINT", "https://store:9000")]).is_ok());
        for name in ["AWS_ENDPOINT", "AWS_ENDPOINT_URL"] {
            let refused = judged(&[(name, "HTTP://store:9000")]).unwrap_err();
            assert!(refused.report().contains("AWS_ALLOW_HTTP=true"));
            assert!(judged(&[(name, "http://store:9000"), ("AWS_ALLOW_HTTP", "true")]).is_ok());
        }
    }
}
