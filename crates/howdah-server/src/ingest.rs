//! `POST /v1/streams/NAME` and `/v1/sources/NAME`: from a request to its answer after the commit.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use howdah_stream::source::body::Notation;
use howdah_stream::{Request as Requested, RequestId, Verdict, failpoint};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, Problem};
use crate::body::{self, receive};
use crate::budget::Budget;
use crate::headers::{bearer, content, idempotency_key};
use crate::keys::{Key, Keyring};
use crate::lane::{Entrance, Told};
use crate::metrics::Metrics;
use crate::source::{BadRows, Decoded, HttpSource};

/// What requests into sources need.
pub struct Ingest {
    /// The sources and the ways into their lanes.
    pub doors: Vec<(HttpSource, Entrance)>,
    /// Who may send.
    pub keyring: Keyring,
    /// What is held at once.
    pub budget: Budget,
    /// Bounds of a body.
    pub bounds: body::Bounds,
    /// How long a request waits for its commit.
    pub wait: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Stored: how many events were new, and how many were there already.
#[derive(Debug, Serialize)]
struct Stored {
    accepted: u64,
    duplicates: u64,
}

impl Ingest {
    /// The answer to a request for `path`; `id` is the name that it has in the log.
    pub async fn answer(
        &self,
        path: &str,
        request: Request<Incoming>,
        id: &str,
    ) -> Result<Answer, Problem> {
        let (parts, body) = request.into_parts();
        let key = self.key(&parts).await?;
        let (source, entrance) = self.door(path)?;
        if parts.method != Method::POST {
            return Ok(not_allowed("POST"));
        }
        source.admit(&key)?;
        let content = content(&parts.headers, self.bounds.bytes)?;
        let name = idempotency_key(&parts.headers)?.map(str::to_owned);
        if entrance.view().away_for().is_some_and(|away| away > self.wait) {
            return Err(away("the database has been away for a while"));
        }
        let mut room = self.budget.enter()?;
        let body = receive(body, content.coding, self.bounds, &mut room).await?;
        // Nobody's connection is at stake here or before the answer, so an error means nothing.
        let _ = failpoint::hit("http.received").await;
        let fingerprint = fingerprint(source.name(), content.notation, &body);
        let decoded = source.decode(content.notation, &body, &key).await;
        let Decoded { rows, events, numbers } = decoded.inspect_err(|problem| {
            for row in &problem.rows {
                self.metrics.refused(source.name(), &row.code);
            }
        })?;
        let id = match name {
            Some(name) => RequestId { api_key: key.id, name },
            None => RequestId { api_key: 0, name: id.to_owned() },
        };
        let request = Requested { id, fingerprint, rows, events };
        let mut pending = entrance.send(request, room);
        let told = tokio::time::timeout(self.wait, pending.told()).await.ok().flatten();
        let _ = failpoint::hit("http.answer").await;
        match told {
            Some(Told::Verdict(verdict)) => answer(verdict, content.notation, &numbers),
            Some(Told::Failed) => Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the request could not be stored; the log says why",
            )),
            // The lane has ended, or the database did not answer in time.
            None if pending.withdraw() => {
                Err(away("the database did not take the request in time"))
            }
            None => Err(away(
                "the database did not answer in time; send the request again with the same \
                 Idempotency-Key to learn whether it is stored",
            )
            .unknown()),
        }
    }

    async fn key(&self, parts: &Parts) -> Result<Arc<Key>, Problem> {
        let secret = bearer(&parts.headers)?;
        match self.keyring.find(secret).await {
            Ok(Some(key)) => Ok(key),
            Ok(None) => {
                let detail = "the key is not known, expired or revoked";
                Err(Problem::new(StatusCode::UNAUTHORIZED, "unknown_key", detail))
            }
            Err(_) => Err(away("the key cannot be checked")),
        }
    }

    /// The source that a path names, itself or by its stream.
    fn door(&self, path: &str) -> Result<&(HttpSource, Entrance), Problem> {
        let found = if let Some(stream) = path.strip_prefix("/v1/streams/") {
            self.doors.iter().find(|(source, _)| source.only_stream() == Some(stream))
        } else {
            let name = path.strip_prefix("/v1/sources/");
            self.doors.iter().find(|(source, _)| Some(source.name()) == name)
        };
        found.ok_or_else(|| {
            let detail = "no HTTP source of the system file has this name or fills this stream";
            Problem::new(StatusCode::NOT_FOUND, "no_such_source", detail)
        })
    }
}

/// Another method than the resource has.
pub fn not_allowed(allow: &'static str) -> Answer {
    let detail = format!("this resource has {allow} alone");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", detail)
        .answer()
        .with(header::ALLOW, HeaderValue::from_static(allow))
}

fn away(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_away", detail).retry_after(5)
}

/// What makes two requests the same, whatever the compression: source, notation and body.
fn fingerprint(source: &str, notation: Notation, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(source.as_bytes());
    hash.update(match notation {
        Notation::Lines => b"\0lines\0".as_slice(),
        Notation::Json => b"\0json\0",
        Notation::Csv => b"\0csv\0",
    });
    hash.update(body);
    hash.finalize().into()
}

fn answer(verdict: Verdict, notation: Notation, numbers: &[u64]) -> Result<Answer, Problem> {
    match verdict {
        Verdict::Stored { accepted, duplicates, repeated } => {
            let answer = Answer::json(StatusCode::OK, &Stored { accepted, duplicates });
            if !repeated {
                return Ok(answer);
            }
            let name = HeaderName::from_static("idempotency-replayed");
            Ok(answer.with(name, HeaderValue::from_static("true")))
        }
        Verdict::OtherRequest => Err(Problem::new(
            StatusCode::CONFLICT,
            "other_request",
            "another request was stored under this Idempotency-Key; nothing of this one is",
        )),
        Verdict::Refused(refused) => {
            let mut bad = BadRows::new(notation);
            for event in refused {
                let number = numbers.get(event.event as usize).copied().unwrap_or_default();
                bad.add(number, None, event.code, event.reason);
            }
            Err(bad.problem())
        }
    }
}
