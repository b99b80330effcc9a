//! The upkeep in a status: who does it, and what each job did, does next and waits for.

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_system::System;
use howdah_upkeep::{Forecast, forecast, record};
use serde::Serialize;

use super::age;
use crate::output::{Table, bytes, cut, grouped};

/// The upkeep of a system.
#[derive(Debug, Serialize)]
pub struct UpkeepStatus {
    /// The process that does it: host, process id and a nonce.
    owner: Option<String>,
    /// How often it has had a new owner.
    epoch: i64,
    /// How long the lease lasts unless it is renewed; negative when it has run out.
    lease_seconds: Option<f64>,
    jobs: Vec<JobStatus>,
    sizes: Vec<SizeStatus>,
}

/// A job.
#[derive(Debug, Serialize)]
struct JobStatus {
    job: String,
    /// For how long it is at work; null when it is not.
    running_seconds: Option<f64>,
    seconds_since_run: Option<f64>,
    /// Negative when it is late.
    seconds_until_run: Option<f64>,
    backlog: i64,
    /// Steps in which something was done.
    steps: i64,
    last_result: Option<String>,
    seconds_since_result: Option<f64>,
    waits_for: Option<String>,
    failures: i64,
    error: Option<String>,
    warnings: Vec<String>,
}

/// The size of a stream and its growth.
#[derive(Debug, Serialize)]
struct SizeStatus {
    stream: String,
    bytes: i64,
    segment_bytes: i64,
    /// Over up to 28 days; null after the first day.
    bytes_a_day: Option<f64>,
}

/// Reads it; `None` in a database of an older howdah.
pub async fn collect(connection: &Connection, system: &System) -> Result<Option<UpkeepStatus>> {
    let there = "select to_regclass('howdah.upkeep_jobs') is not null";
    let row = connection
        .query_one(there, &[])
        .await
        .map_err(|error| from_pg("could not look for the upkeep", &error))?;
    if !row.get::<_, bool>(0) {
        return Ok(None);
    }
    let (owner, jobs) = record::read(connection).await?;
    let jobs = jobs.into_iter().map(|job| JobStatus {
        job: job.job,
        running_seconds: job.running,
        seconds_since_run: job.last_run,
        seconds_until_run: job.next_run,
        backlog: job.backlog,
        steps: job.steps,
        last_result: job.did,
        seconds_since_result: job.did_ago,
        waits_for: job.waits,
        failures: job.failures,
        error: job.error,
        warnings: job.warnings,
    });
    let name = |forecast: &Forecast| {
        let known = |table: &str| table == forecast.stream;
        let stream = system.streams.iter().find(|it| known(&it.table.to_string()));
        stream.map(|stream| stream.name.clone())
    };
    let sizes = forecast(connection).await?.into_iter().filter_map(|it| {
        Some(SizeStatus {
            stream: name(&it)?,
            bytes: it.bytes,
            segment_bytes: it.segment_bytes,
            bytes_a_day: it.grows,
        })
    });
    Ok(Some(UpkeepStatus {
        owner: owner.owner,
        epoch: owner.epoch,
        lease_seconds: owner.lease,
        jobs: jobs.collect(),
        sizes: sizes.collect(),
    }))
}

impl UpkeepStatus {
    /// Whether somebody does it.
    fn is_owned(&self) -> bool {
        self.owner.is_some() && self.lease_seconds.is_some_and(|left| left > 0.0)
    }

    /// Who does it, for people.
    fn owner(&self) -> String {
        let mut parts = self.owner.as_deref().unwrap_or_default().split(' ');
        match (self.is_owned(), parts.next(), parts.next()) {
            (true, Some(host), Some(pid)) => {
                format!("upkeep is done by {}, process {pid}", cut(host))
            }
            _ => "upkeep is done by nobody".to_owned(),
        }
    }

    /// One line.
    pub fn brief(&self) -> String {
        let waits = self.jobs.iter().filter(|job| job.waits_for.is_some()).count();
        let failed = self.jobs.iter().filter(|job| job.error.is_some()).count();
        let warnings: usize = self.jobs.iter().map(|job| job.warnings.len()).sum();
        let backlog: i64 = self.jobs.iter().map(|job| job.backlog).sum();
        format!(
            "{}: {} left, {waits} wait, {failed} failed, {warnings} warnings",
            self.owner(),
            grouped(backlog)
        )
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let mut out = vec![self.owner()];
        let mut table = Table::new(&["job", "last run", "next run", "left", "last result"]);
        for job in &self.jobs {
            table.row(vec![
                job.job.clone(),
                job.seconds_since_run.map_or_else(|| "never".to_owned(), |s| age(s as i64)),
                self.next(job),
                grouped(job.backlog),
                job.last_result.as_deref().map_or_else(|| "-".to_owned(), cut_long),
            ]);
        }
        out.extend(table.lines());
        for job in &self.jobs {
            let name = &job.job;
            out.extend(job.waits_for.iter().map(|why| format!("  {name} waits: {why}")));
            let failures = job.failures;
            out.extend(
                job.error.iter().map(|why| format!("  {name} FAILED {failures} times: {why}")),
            );
            out.extend(job.warnings.iter().map(|what| format!("  {name} warns: {what}")));
        }
        for size in &self.sizes {
            let Some(grows) = size.bytes_a_day else { continue };
            let (all, more) = (bytes(size.bytes + size.segment_bytes), bytes(grows as i64));
            out.push(format!("  {} has {all}, {more} more a day", cut(&size.stream)));
        }
        out
    }

    fn next(&self, job: &JobStatus) -> String {
        match job.seconds_until_run {
            _ if !self.is_owned() => "-".to_owned(),
            _ if job.running_seconds.is_some() => "at work".to_owned(),
            Some(left) if left > 0.0 => format!("in {left:.0} s"),
            _ => "now".to_owned(),
        }
    }
}

/// At most 60 characters.
fn cut_long(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let kept: String = text.chars().take(59).collect();
    format!("{kept}…")
}
