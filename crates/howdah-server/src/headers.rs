//! What the head of a request says: who asks, what the body is, under which name.

use howdah_stream::source::body::Notation;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName};

use crate::answer::Problem;
use crate::inflate::Coding;

/// The name by which a client repeats a request (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest name of a request, in bytes.
const NAME_BYTES: usize = 255;
/// What a reverse proxy adds: the peer of the connection is then not the client.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// What the head says of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How events are written.
    pub notation: Notation,
    /// How the body is compressed.
    pub coding: Coding,
    /// Its length as it comes, when the head says.
    pub length: Option<u64>,
}

/// The one value of a header; `None` when it is not there.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(bad_header(format!("header {name} is given more than once")));
    }
    let text = first.to_str().map_err(|_| bad_header(format!("header {name} is not ASCII")))?;
    Ok(Some(text.trim()))
}

fn bad_header(detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_header", detail)
}

/// The secret of `Authorization: Bearer …`.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let unauthorized =
        |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "no_key", detail.to_owned());
    let Some(value) = one(headers, &header::AUTHORIZATION)? else {
        return Err(unauthorized("the request has no header Authorization: Bearer KEY"));
    };
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => Ok(secret.trim()),
        _ => Err(unauthorized("the header Authorization is not of the form Bearer KEY")),
    }
}

/// Whether the request came through a proxy, as far as its head says.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
}

/// The name of the request for its repetition.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = one(headers, &IDEMPOTENCY_KEY)? else { return Ok(None) };
    // The draft has a quoted string; most clients send the bare name. Both mean the same.
    let name = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let fine = !name.is_empty()
        && name.len() <= NAME_BYTES
        && name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if fine {
        return Ok(Some(name));
    }
    Err(bad_header(format!(
        "header {IDEMPOTENCY_KEY} must have 1 to {NAME_BYTES} printable characters"
    )))
}

/// What the body is; the length may be at most `most` bytes.
pub fn content(headers: &HeaderMap, most: usize) -> Result<Content, Problem> {
    let notation = notation(one(headers, &header::CONTENT_TYPE)?)?;
    let coding = coding(one(headers, &header::CONTENT_ENCODING)?)?;
    let length = match one(headers, &header::CONTENT_LENGTH)? {
        None => None,
        Some(text) => {
            let number = text.parse::<u64>();
            Some(number.map_err(|_| bad_header("header content-length is no number".to_owned()))?)
        }
    };
    if length.is_none() && !headers.contains_key(header::TRANSFER_ENCODING) {
        let detail = "the request has neither Content-Length nor Transfer-Encoding: chunked";
        return Err(Problem::new(StatusCode::LENGTH_REQUIRED, "no_length", detail));
    }
    if length.is_some_and(|length| length > most as u64) {
        return Err(too_large(most));
    }
    Ok(Content { notation, coding, length })
}

/// The body is larger than it may be.
pub fn too_large(most: usize) -> Problem {
    let detail = format!("the body has more than {most} bytes; send several requests");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn unsupported(code: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, detail.to_owned())
}

fn notation(value: Option<&str>) -> Result<Notation, Problem> {
    let known = "send application/x-ndjson, application/json or text/csv";
    let Some(value) = value else {
        return Err(unsupported("no_content_type", &format!("no Content-Type: {known}")));
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let notation = match essence.as_str() {
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Notation::Lines,
        "application/json" => Notation::Json,
        "text/csv" => Notation::Csv,
        _ => {
            let detail = format!("this Content-Type is not known: {known}");
            return Err(unsupported("unknown_content_type", &detail));
        }
    };
    for parameter in parts {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if name.eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
            return Err(unsupported("unknown_charset", "bodies are UTF-8"));
        }
        if name.eq_ignore_ascii_case("header") && value.eq_ignore_ascii_case("absent") {
            return Err(unsupported("no_header_line", "CSV needs its header line"));
        }
    }
    Ok(notation)
}

fn coding(value: Option<&str>) -> Result<Coding, Problem> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("identity") => Ok(Coding::Plain),
        Some("gzip" | "x-gzip") => Ok(Coding::Gzip),
        Some("zstd") => Ok(Coding::Zstd),
        Some(_) => Err(unsupported("unknown_coding", "Content-Encoding may be gzip or zstd")),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn status<T: std::fmt::Debug>(result: Result<T, Problem>) -> u16 {
        result.map_err(|problem| problem.status.as_u16()).expect_err("a problem")
    }

    #[test]
    fn types_and_codings_are_known_or_refused() {
        let of = |lines: &[(&'static str, &'static str)]| {
            let mut headers = headers(lines);
            headers.insert("content-length", HeaderValue::from_static("10"));
            content(&headers, 10)
        };
        let csv =
            of(&[("content-type", "Text/CSV; charset=\"UTF-8\""), ("content-encoding", "zstd")]);
        let expected = Content { notation: Notation::Csv, coding: Coding::Zstd, length: Some(10) };
        assert_eq!(csv, Ok(expected));
        for (name, value) in [
            ("content-type", "application/xml"),
            ("content-type", "application/json; charset=latin1"),
            ("content-type", "text/csv; header=absent"),
            ("content-type", ""),
        ] {
            assert_eq!(status(of(&[(name, value)])), 415, "{value}");
        }
        assert_eq!(status(of(&[])), 415);
        let json = ("content-type", "application/json");
        for value in ["br", "gzip, zstd", "gzip gzip"] {
            assert_eq!(status(of(&[json, ("content-encoding", value)])), 415, "{value}");
        }
        assert_eq!(status(of(&[json, json])), 400);
        assert_eq!(status(content(&headers(&[json]), 10)), 411);
        let long = [json, ("content-length", "11")];
        assert_eq!(status(content(&headers(&long), 10)), 413);
        let chunked = [json, ("transfer-encoding", "chunked")];
        assert_eq!(content(&headers(&chunked), 10).map(|content| content.length), Ok(None));
    }

    #[test]
    fn names_of_requests_are_bounded() {
        let of = |value: &'static str| {
            idempotency_key(&headers(&[("idempotency-key", value)]))
                .map(|name| name.map(str::to_owned))
        };
        assert_eq!(of("\"a b-1\""), Ok(Some("a b-1".to_owned())));
        assert_eq!(of("a"), Ok(Some("a".to_owned())));
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
        for bad in ["", "\"\"", "a\tb"] {
            assert_eq!(status(of(bad)), 400, "{bad}");
        }
        let mut long = HeaderMap::new();
        let value = HeaderValue::from_str(&"x".repeat(256)).expect("a value");
        long.insert(IDEMPOTENCY_KEY, value);
        assert_eq!(status(idempotency_key(&long)), 400);
    }

    #[test]
    fn the_secret_is_a_bearer_token() {
        assert_eq!(bearer(&headers(&[("authorization", "bearer  hwd_1")])), Ok("hwd_1"));
        for bad in [&[][..], &[("authorization", "Basic x")], &[("authorization", "hwd_1")]] {
            assert_eq!(status(bearer(&headers(bad))), 401);
        }
    }
}
