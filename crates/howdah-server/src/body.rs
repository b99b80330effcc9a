//! Receiving a body: bounded in time, in size, and in what the process holds.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::answer::Problem;
use crate::budget::Room;
use crate::headers::too_large;
use crate::inflate::{Coding, Fault, Inflate};

/// Bounds of a body.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes, compressed and not.
    pub bytes: usize,
    /// The time from the first piece to the last; half of it between two.
    pub time: Duration,
}

/// Receives and decompresses a body; `room` grows with it.
pub async fn receive(
    mut body: Incoming,
    coding: Coding,
    bounds: Bounds,
    room: &mut Room,
) -> Result<Bytes, Problem> {
    let end = Instant::now() + bounds.time;
    let mut inflate = Inflate::new(coding, bounds.bytes).map_err(|_| {
        let detail = "the decompressor could not be started";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    })?;
    loop {
        let next = end.min(Instant::now() + bounds.time / 2);
        let frame = match tokio::time::timeout_at(next, body.frame()).await {
            Err(_) => return Err(too_slow()),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers say nothing that we ask for.
        let Ok(piece) = frame.into_data() else { continue };
        inflate.push(&piece).map_err(|fault| cannot_inflate(fault, coding, bounds.bytes))?;
        room.grow(inflate.len())?;
    }
    let body = inflate.finish().map_err(|fault| cannot_inflate(fault, coding, bounds.bytes))?;
    Ok(body.freeze())
}

fn too_slow() -> Problem {
    let detail = "the body did not come in time";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
}

/// The framing of the body is broken, or the client is gone (nobody reads the answer then).
fn broken(error: &hyper::Error) -> Problem {
    tracing::debug!(%error, "a body was broken off");
    let detail = "the body is not framed as Content-Length or Transfer-Encoding say";
    Problem::new(StatusCode::BAD_REQUEST, "bad_framing", detail)
}

fn cannot_inflate(fault: Fault, coding: Coding, most: usize) -> Problem {
    match fault {
        Fault::TooLarge => too_large(most),
        Fault::Bomb => {
            let detail = "the body grows more than 200 times when decompressed";
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_is_bomb", detail)
        }
        Fault::Corrupt => {
            let name = if coding == Coding::Zstd { "zstd" } else { "gzip" };
            let detail = format!("the body is not {name}, or is cut off");
            Problem::new(StatusCode::BAD_REQUEST, "bad_compression", detail)
        }
    }
}
