//! The paths: what answers a request, and what is counted and logged of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use tokio::time::Instant;

use crate::answer::{Answer, Problem};
use crate::headers::{bearer, is_forwarded};
use crate::health::Health;
use crate::ingest::{Ingest, not_allowed};
use crate::keys::Scope;
use crate::keys::hex;
use crate::metrics::{self, Endpoint, Metrics};

/// What all connections share.
pub struct Service {
    /// Requests into sources.
    pub ingest: Ingest,
    /// Readiness.
    pub health: Health,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Set when no more requests are wanted.
    pub draining: AtomicBool,
}

impl Service {
    /// Answers one request.
    pub async fn call(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let started = Instant::now();
        let id = request_id();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let endpoint = endpoint(&path);
        let answered = match endpoint {
            Endpoint::Ingest => Box::pin(self.ingest.answer(&path, request, &id)).await,
            _ if method != Method::GET && method != Method::HEAD && endpoint != Endpoint::Other => {
                Ok(not_allowed("GET"))
            }
            Endpoint::Health if path == "/livez" => {
                Ok(Answer::text(StatusCode::OK, "text/plain; charset=utf-8", "alive\n"))
            }
            Endpoint::Health => Ok(self.ready().await),
            Endpoint::Metrics => self.metrics_text(peer, &request).await,
            Endpoint::Other => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "no_such_path",
                "paths are /v1/streams/NAME, /v1/sources/NAME, /livez, /readyz and /metrics",
            )),
        };
        let took = started.elapsed();
        let answer = match answered {
            Ok(answer) => {
                tracing::debug!(request = id, status = answer.status().as_u16(), ?took, "answered");
                answer
            }
            Err(problem) => {
                tell(&problem, &id, peer);
                problem.answer()
            }
        };
        self.metrics.answered(endpoint, answer.status().as_u16(), took);
        Ok(answer.into_response(&id))
    }

    async fn ready(&self) -> Answer {
        let sources: Vec<&str> =
            self.ingest.doors.iter().map(|(source, _)| source.name()).collect();
        self.health.ready(self.draining.load(Ordering::Relaxed), &sources).await
    }

    /// The metrics, for the machine itself and for keys with the scope.
    async fn metrics_text(
        &self,
        peer: SocketAddr,
        request: &Request<Incoming>,
    ) -> Result<Answer, Problem> {
        let local = peer.ip().to_canonical().is_loopback() && !is_forwarded(request.headers());
        if !local {
            let secret = bearer(request.headers())?;
            let key = self.ingest.keyring.find(secret).await.ok().flatten();
            let Some(key) = key else {
                let detail = "the key is not known, expired or revoked";
                return Err(Problem::new(StatusCode::UNAUTHORIZED, "unknown_key", detail));
            };
            if !key.may(&Scope::Metrics) {
                let detail = "the key has no scope metrics";
                return Err(Problem::new(StatusCode::FORBIDDEN, "no_scope", detail));
            }
        }
        let text = self.metrics.text().map_err(|error| {
            tracing::error!(%error, "could not write the metrics");
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Problem::new(status, "internal", "the metrics could not be written")
        })?;
        Ok(Answer::text(StatusCode::OK, metrics::CONTENT_TYPE, text))
    }
}

fn endpoint(path: &str) -> Endpoint {
    match path {
        "/livez" | "/readyz" => Endpoint::Health,
        "/metrics" => Endpoint::Metrics,
        _ if path.starts_with("/v1/streams/") || path.starts_with("/v1/sources/") => {
            Endpoint::Ingest
        }
        _ => Endpoint::Other,
    }
}

/// What the log keeps of a problem: never a header, a body or a path, which may hold anything.
fn tell(problem: &Problem, id: &str, peer: SocketAddr) {
    let Problem { status, code, bad_rows, .. } = problem;
    let status = status.as_u16();
    if status >= 500 {
        tracing::warn!(request = id, status, code, %peer, "a request was not done");
    } else {
        tracing::debug!(request = id, status, code, bad_rows, %peer, "a request was refused");
    }
}

/// 128 random bits by which the log, the answer and, without a name by the client, the database
/// know a request.
fn request_id() -> String {
    hex(&rand::random::<[u8; 16]>())
}
