//! What the tests have in common.

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
    let admin = cluster().await.admin_options().clone();
    Scratch::on(admin).await.unwrap()
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
