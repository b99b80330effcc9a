//! What the tests have in common.

use std::time::Duration;

use howdah_pg::{ConnectOptions, Limits};
use howdah_review::Report;
use howdah_review::build::Scratch;
use howdah_review::migrations::RawFile;
use howdah_testkit::{Cluster, ClusterOptions};
use tokio::sync::OnceCell;

pub const TODAY: &str = "2026-06-01";

/// The cluster that all tests share; it ends with the process.
pub async fn cluster() -> &'static Cluster {
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    let start =
        || Cluster::start(ClusterOptions { extra_settings: settings(), ..Default::default() });
    SHARED.get_or_init(start).await
}

/// What the server needs for databases in use; a statement is counted only where an example sets
/// `pg_stat_statements.track`.
pub fn settings() -> Vec<(String, String)> {
    let settings = [
        ("shared_preload_libraries", "pg_stat_statements"),
        ("pg_stat_statements.track", "none"),
        ("pg_stat_statements.max", "20000"),
        ("max_prepared_transactions", "20"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// A scratch server on the cluster that all tests share.
pub async fn scratch() -> Scratch {
    Scratch::on(patient(cluster().await.admin_options())).await.unwrap()
}

/// The same with limits that a machine with other work to do does not reach.
pub fn patient(options: &ConnectOptions) -> ConnectOptions {
    let long = Duration::from_secs(600);
    options.clone().limits(Limits {
        connect_timeout: long,
        statement_timeout: long,
        lock_timeout: long,
        idle_in_transaction_timeout: long,
        ..*options.get_limits()
    })
}

/// Reviews files that are given by name and text.
pub async fn review(scratch: &Scratch, files: &[(&str, &str)]) -> Report {
    let files = files
        .iter()
        .map(|(path, text)| RawFile { path: (*path).to_owned(), text: (*text).to_owned() });
    howdah_review::review_folder_on(scratch, files.collect(), &options()).await.unwrap()
}

pub fn options() -> howdah_review::Options {
    howdah_review::Options { today: TODAY.to_owned(), ..Default::default() }
}

/// The names of what was found.
pub fn names(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.rule.name).collect()
}
