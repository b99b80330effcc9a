//! Figures that are looked up when they are asked for: what the server holds, and how its lanes and
//! its pool are.

use std::fmt;

use howdah_pg::Pool;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::budget::Budget;
use crate::lane::View;

/// What the server holds.
#[derive(Debug)]
pub struct Held {
    /// Requests and their bytes.
    pub budget: Budget,
    /// The lanes by the names of their sources.
    pub lanes: Vec<(String, View)>,
    /// Connections for keys and health.
    pub pool: Pool,
}

/// Writes one gauge.
fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    value: i64,
) -> fmt::Result {
    let metric = ConstGauge::new(value);
    metric.encode(encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?)
}

impl Collector for Held {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (requests, bytes) = self.budget.held();
        let encoder = &mut encoder;
        gauge(encoder, "http_requests_held", "Requests not answered yet", None, requests as i64)?;
        let help = "Bytes of bodies of requests not answered yet";
        gauge(encoder, "http_bodies_held", help, Some(&Unit::Bytes), bytes as i64)?;
        let help = "Requests that wait for their commit";
        let mut family =
            encoder.encode_descriptor("http_queue_depth", help, None, MetricType::Gauge)?;
        for (source, lane) in &self.lanes {
            let labels = [("source", source.as_str())];
            let depth = ConstGauge::new(lane.depth() as i64);
            depth.encode(family.encode_family(&labels)?)?;
        }
        let help = "Whether the last attempt to store requests reached the database";
        let mut family =
            encoder.encode_descriptor("http_database_up", help, None, MetricType::Gauge)?;
        for (source, lane) in &self.lanes {
            let labels = [("source", source.as_str())];
            let up = ConstGauge::new(i64::from(lane.away_for().is_none()));
            up.encode(family.encode_family(&labels)?)?;
        }
        let status = self.pool.status();
        for (name, help, value) in [
            ("pool_connections_max", "The most connections of the pool", status.most),
            ("pool_connections", "Connections of the pool", status.open),
            ("pool_connections_idle", "Connections of the pool that nobody uses", status.idle),
            ("pool_waiting", "Who waits for a connection of the pool", status.waiting),
        ] {
            gauge(encoder, name, help, None, value as i64)?;
        }
        Ok(())
    }
}
