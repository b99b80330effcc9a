//! Free loopback ports for servers.

use std::net::{Ipv4Addr, TcpListener};

use howdah_error::{Error, Kind, Result};

/// Below the ranges from which systems take the ports of outgoing connections (Linux: from 32768,
/// macOS: from 49152), so that a server that is away for a moment does not lose its port, and a
/// client that calls a port nobody listens at cannot connect to itself.
const RANGE: std::ops::Range<u16> = 10_240..32_000;

/// Whether nobody listens at `port` of 127.0.0.1 now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port of 127.0.0.1 at which nobody listens now; somebody else may still take it first.
pub fn free_loopback_port() -> Result<u16> {
    (0..1000)
        .map(|_| rand::random_range(RANGE))
        .find(|port| is_free(*port))
        .ok_or_else(|| Error::new(Kind::Io, "there is no free loopback port"))
}
