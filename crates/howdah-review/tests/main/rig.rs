//! What the tests have in common.

use howdah_review::Report;
use howdah_review::build::Scratch;
use howdah_review::migrations::RawFile;
use howdah_testkit::Cluster;

pub const TODAY: &str = "2026-06-01";

/// A scratch server on the cluster that all tests share.
pub async fn scratch() -> Scratch {
    let admin = Cluster::shared().await.admin_options().clone();
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
