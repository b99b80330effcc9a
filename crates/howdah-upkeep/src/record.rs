//! What each job did: rows of `howdah.upkeep_jobs`, written by upkeep and read by everybody.

use std::collections::HashMap;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::from_pg;
use tokio_postgres::Client;

use crate::job::{Job, Step};

/// When jobs look again, by name: what is left of the time, never more than `most`, so that a clock
/// that was set back makes no job wait for it.
pub(crate) async fn left(client: &Client, most: Duration) -> Result<HashMap<String, Duration>> {
    let rows = client
        .query(
            "select job, greatest(least(extract(epoch from next_run - clock_timestamp())::float8, \
             $1::float8), 0) from howdah.upkeep_jobs where next_run is not null",
            &[&most.as_secs_f64()],
        )
        .await
        .map_err(|error| from_pg("could not read the jobs of the upkeep", &error))?;
    Ok(rows.iter().map(|row| (row.get(0), Duration::from_secs_f64(row.get(1)))).collect())
}

/// A job begins.
pub(crate) async fn begin(client: &Client, job: Job) -> Result<()> {
    client
        .execute(
            "insert into howdah.upkeep_jobs (job, running_since) values ($1, clock_timestamp()) \
             on conflict (job) do update set running_since = excluded.running_since",
            &[&job.name()],
        )
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not note a job of the upkeep", &error))
}

/// A job has made a step, or failed to; it looks again after `next`.
pub(crate) async fn end(
    client: &Client,
    job: Job,
    step: &Result<Step>,
    next: Duration,
) -> Result<()> {
    let error = step.as_ref().err().map(|error| {
        let code = error.get_code().map(|code| format!(" ({code})")).unwrap_or_default();
        format!("{}{code}", error.message())
    });
    let step = step.as_ref().ok();
    let did = step.and_then(|step| step.did.as_deref());
    let waits = step.and_then(|step| step.waits.as_deref());
    let backlog = step.map(|step| step.backlog);
    let warnings = step.map(|step| &step.warnings);
    client
        .execute(
            include_str!("record/end.sql"),
            &[&job.name(), &next.as_secs_f64(), &did, &waits, &backlog, &error, &warnings],
        )
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not note a job of the upkeep", &error))
}

/// Where a job that goes round has come to.
pub(crate) async fn place(client: &Client, job: Job) -> Result<Option<String>> {
    client
        .query_opt("select place from howdah.upkeep_jobs where job = $1", &[&job.name()])
        .await
        .map(|row| row.and_then(|row| row.get(0)))
        .map_err(|error| from_pg("could not read the jobs of the upkeep", &error))
}

/// Notes where it has come to.
pub(crate) async fn set_place(client: &Client, job: Job, place: &str) -> Result<()> {
    client
        .execute(
            "insert into howdah.upkeep_jobs (job, place) values ($1, $2) \
             on conflict (job) do update set place = excluded.place",
            &[&job.name(), &place],
        )
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not note a job of the upkeep", &error))
}

/// A job as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its name.
    pub job: String,
    /// For how long it is at work, in seconds; `None`: it is not.
    pub running: Option<f64>,
    /// Seconds since its last run; `None`: it never ran.
    pub last_run: Option<f64>,
    /// Seconds until its next run; negative when it is late.
    pub next_run: Option<f64>,
    /// What is left to do, in the job's own units.
    pub backlog: i64,
    /// How many steps it has made that did something.
    pub steps: i64,
    /// What the last of them did.
    pub did: Option<String>,
    /// Seconds since then.
    pub did_ago: Option<f64>,
    /// Why it waits.
    pub waits: Option<String>,
    /// How often it has failed since it last did not.
    pub failures: i64,
    /// Its last failure.
    pub error: Option<String>,
    /// What somebody should look at.
    pub warnings: Vec<String>,
}

/// Who does the upkeep.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnerRecord {
    /// `host pid nonce`; `None`: nobody.
    pub owner: Option<String>,
    /// How often the upkeep has had a new owner.
    pub epoch: i64,
    /// Seconds until the lease ends; negative when it has.
    pub lease: Option<f64>,
}

/// Reads the jobs, in the order in which upkeep has them.
pub async fn read(client: &Client) -> Result<(OwnerRecord, Vec<JobRecord>)> {
    let failed = |error| from_pg("could not read the upkeep", &error);
    let owner = client
        .query_one(
            "select owner, epoch, extract(epoch from lease_until - clock_timestamp())::float8 \
             from howdah.upkeep_lease",
            &[],
        )
        .await
        .map_err(failed)?;
    let owner = OwnerRecord { owner: owner.get(0), epoch: owner.get(1), lease: owner.get(2) };
    let rows = client.query(include_str!("record/read.sql"), &[]).await.map_err(failed)?;
    let mut jobs: Vec<JobRecord> = rows
        .iter()
        .map(|row| JobRecord {
            job: row.get(0),
            running: row.get(1),
            last_run: row.get(2),
            next_run: row.get(3),
            backlog: row.get(4),
            steps: row.get(5),
            did: row.get(6),
            did_ago: row.get(7),
            waits: row.get(8),
            failures: row.get(9),
            error: row.get(10),
            warnings: row.get(11),
        })
        .collect();
    let place = |name: &str| Job::ALL.iter().position(|job| job.name() == name);
    jobs.sort_by_key(|job| place(&job.job).unwrap_or(usize::MAX));
    Ok((owner, jobs))
}
