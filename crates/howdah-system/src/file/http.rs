//! `[http]`: where howdah listens, and what one client may ask of it.

// The data of an address, without the sockets of `std`: this crate is pure.
use core::net::SocketAddr;
use std::time::Duration;

use super::reader::{At, Section};
use super::size;
use super::source::{OriginSection, SourceSection};
use crate::units::{self, Complaint};

/// `[http]` with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The most connections that are open at once.
    pub connections: usize,
    /// Largest body of a request, decompressed, in bytes.
    pub body_bytes: usize,
    /// The most requests that wait for a commit at once, over all sources.
    pub queue_requests: usize,
    /// The most bytes of bodies that are held at once, over all requests.
    pub queue_bytes: usize,
    /// How long a client may take for the head of a request, and idle between two.
    pub header_timeout: Duration,
    /// How long a client may take for a body; half of it between two pieces.
    pub body_timeout: Duration,
    /// How long a request waits for others to be committed with.
    pub linger: Duration,
    /// How long a request waits for its commit before the answer is 503.
    pub wait: Duration,
    /// How long the answer to a request is kept for its repetition.
    pub keep_requests: Duration,
}

impl Default for HttpConfig {
    /// 2 ms of linger cost a lone client little and let concurrent ones share a commit; the other
    /// bounds keep a process under about 256 MiB whatever clients do.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8321)),
            connections: 1024,
            body_bytes: 16 << 20,
            queue_requests: 1024,
            queue_bytes: 64 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            linger: Duration::from_millis(2),
            wait: Duration::from_secs(10),
            keep_requests: Duration::from_secs(24 * 3600),
        }
    }
}

pub(super) fn read(top: &Section<'_>) -> Option<HttpConfig> {
    let section = top.section("http")?;
    let mut config = HttpConfig::default();
    let listen = section.parsed("listen", |text| {
        text.parse::<SocketAddr>().map_err(|_| {
            Complaint::new(
                format!("\"{text}\" is not an address with a port"),
                "Write it like \"127.0.0.1:8321\" or \"[::1]:8321\".",
            )
        })
    });
    match listen {
        Some(listen) => config.listen = listen.value,
        None if section.has("listen") => {}
        None => section.missing("listen", "listen = \"127.0.0.1:8321\""),
    }
    for (key, most, setting) in [
        ("connections", 100_000, &mut config.connections),
        ("queue_requests", 1_000_000, &mut config.queue_requests),
    ] {
        match section.integer(key, 1, most) {
            Some(number) => *setting = number.value as usize,
            None => section.by_default(key, setting.to_string()),
        }
    }
    for (key, setting) in
        [("body_bytes", &mut config.body_bytes), ("queue_bytes", &mut config.queue_bytes)]
    {
        match size(&section, key) {
            Some(bytes) => *setting = bytes,
            None => section.by_default(key, format!("\"{} MiB\"", *setting >> 20)),
        }
    }
    for (key, shown, setting) in [
        ("header_timeout", "10 s", &mut config.header_timeout),
        ("body_timeout", "30 s", &mut config.body_timeout),
        ("linger", "2 ms", &mut config.linger),
        ("wait", "10 s", &mut config.wait),
        ("keep_requests", "24 hours", &mut config.keep_requests),
    ] {
        match section.parsed(key, units::duration) {
            Some(given) => *setting = given.value,
            None => section.by_default(key, format!("\"{shown}\"")),
        }
    }
    check(&section, &config);
    section.finish();
    Some(config)
}

fn check(section: &Section<'_>, config: &HttpConfig) {
    if config.body_bytes > config.queue_bytes {
        let problem =
            section.place_of("body_bytes").problem("one body may be larger than the whole queue");
        section.report(problem.hint("Make body_bytes smaller or queue_bytes larger."));
    }
    for (key, value) in [
        ("header_timeout", config.header_timeout),
        ("body_timeout", config.body_timeout),
        ("wait", config.wait),
        ("keep_requests", config.keep_requests),
    ] {
        if value.is_zero() {
            let problem = section.place_of(key).problem(format!("\"{key}\" is nothing"));
            section.report(problem.hint("Every wait is bounded; give it a length."));
        }
    }
}

/// A source that is fed by HTTP needs a place to listen.
pub(super) fn check_sources(
    top: &Section<'_>,
    config: Option<&HttpConfig>,
    sources: &[SourceSection],
) {
    if config.is_some() || top.has("http") {
        return;
    }
    let first = sources.iter().find_map(|source| match &source.origin {
        Some(OriginSection::Http(at)) => Some(at),
        _ => None,
    });
    if let Some(at) = first {
        report_missing(top, at);
    }
}

fn report_missing(top: &Section<'_>, at: &At<()>) {
    let problem = at.problem("a source is fed by HTTP, but the file does not say where to listen");
    top.report(problem.hint("Add [http] with listen = \"127.0.0.1:8321\"."));
}
