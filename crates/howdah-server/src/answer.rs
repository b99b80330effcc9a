//! What is answered: counts, or a problem with its status, its word and its rows.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// The most rows that an answer speaks of; it says how many there are.
pub const ROWS_TOLD: usize = 100;

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// A text.
    pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, body: body.into(), headers: Vec::new() }
    }

    /// A JSON document.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Structures of ours have no map keys that JSON cannot write, so this does not fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::text(status, "application/json", body)
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The response; `request` is the id by which the log speaks of it.
    pub fn into_response(self, request: &str) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// Why a request is not done, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// What is wrong, as one word that does not change.
    pub code: &'static str,
    /// What is wrong, as a sentence without values of the request.
    pub detail: String,
    /// The first rows that are to blame.
    pub rows: Vec<RowProblem>,
    /// How many rows are to blame.
    pub bad_rows: u64,
    /// After how many seconds it is worth another attempt.
    pub retry_after: Option<u64>,
    /// Whether something of the request may be stored nevertheless: only its repetition tells.
    pub unknown: bool,
}

/// A row that is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// The line, from 1, of NDJSON and CSV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The element, from 0, of a JSON array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<u64>,
    /// The column of the stream, when one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why, as one word or an SQLSTATE.
    pub code: String,
    /// Why, as a sentence without values.
    pub reason: String,
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    /// Whether the events of the request are stored: `no`, or `unknown`.
    stored: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    bad_rows: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rows: &'a [RowProblem],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Problem {
    /// A problem of the whole request.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (rows, bad_rows) = (Vec::new(), 0);
        Self { status, code, detail, rows, bad_rows, retry_after: None, unknown: false }
    }

    /// The same, worth another attempt after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Something of the request may be stored.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// The answer.
    pub fn answer(&self) -> Answer {
        let body = serde_json::to_vec(&Document {
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            stored: if self.unknown { "unknown" } else { "no" },
            bad_rows: self.bad_rows,
            rows: &self.rows,
        })
        .unwrap_or_default();
        let mut answer = Answer::text(self.status, "application/problem+json", body);
        if let Some(seconds) = self.retry_after {
            answer = answer.with(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                answer.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                let known = HeaderValue::from_static("gzip, zstd");
                answer.with(header::ACCEPT_ENCODING, known)
            }
            // What the client still sends of a body that is not wanted is not read to its end.
            StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE => {
                answer.with(header::CONNECTION, HeaderValue::from_static("close"))
            }
            _ => answer,
        }
    }
}
