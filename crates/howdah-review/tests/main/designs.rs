//! Reconstructions of reviewed designs, with the defects that their reviews tell and those that
//! they missed. What must come out is in each design's `expected.txt`, a line each:
//!
//! - `finding RULE`: the review reports it; `absent RULE`: it does not; `empty`: nothing at all
//! - `claim KIND VERDICT`: what becomes of that claim of the design's `review.md`
//!
//! With `HOWDAH_REVIEWS`, a folder of reviews as they were written, in the order of the designs,
//! those are tried too: every claim that is expected to be false must be recognised in them.

use std::fs;
use std::path::{Path, PathBuf};

use howdah_review::claims::{ClaimsReport, Verdict};
use howdah_review::migrations::RawFile;

use crate::rig::{names, options, scratch};

fn folder(design: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/designs").join(design)
}

fn files(design: &str) -> Vec<RawFile> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder(design)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "md" && ending != "txt") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            files.push(RawFile { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
    files
}

fn expected(design: &str) -> Vec<String> {
    let text = fs::read_to_string(folder(design).join("expected.txt")).unwrap();
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

async fn findings_of(design: &str) -> Vec<String> {
    let scratch = scratch().await;
    let report =
        howdah_review::review_folder_on(&scratch, files(design), &options()).await.unwrap();
    let found = names(&report);
    let mut wrong = Vec::new();
    for line in expected(design) {
        match line.split_once(' ') {
            Some(("finding", rule)) if !found.contains(&rule) => {
                wrong.push(format!("{design}: {rule} is not found"));
            }
            Some(("absent", rule)) if found.contains(&rule) => {
                wrong.push(format!("{design}: {rule} is found"));
            }
            None if line == "empty" && !found.is_empty() => {
                let messages: Vec<&str> =
                    report.findings.iter().map(|f| f.message.as_str()).collect();
                wrong.push(format!("{design}: {messages:?}"));
            }
            _ => {}
        }
    }
    wrong
}

async fn claims_of(design: &str, review: &str) -> ClaimsReport {
    let scratch = scratch().await;
    howdah_review::claims_of_folder_on(&scratch, files(design), review).await.unwrap()
}

/// What is not as expected; `only_false` looks at the claims that must be refuted alone.
fn wrong_claims(design: &str, report: &ClaimsReport, only_false: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in expected(design) {
        let Some(claim) = line.strip_prefix("claim ") else { continue };
        let (kind, verdict) = claim.split_once(' ').unwrap();
        if only_false && verdict != Verdict::False.as_str() {
            continue;
        }
        match report.claims.iter().find(|claim| claim.kind == kind) {
            None => wrong.push(format!("{design}: {kind} is not recognised")),
            Some(claim) if claim.verdict.as_str() != verdict => {
                wrong.push(format!("{design}: {kind} is {}: {}", claim.verdict, claim.reason));
            }
            Some(_) => {}
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewed_designs_have_the_findings_that_they_must_have() {
    let mut wrong = Vec::new();
    for design in ["calls", "factory", "chain", "fleet", "trading", "clean"] {
        wrong.extend(findings_of(design).await);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_of_reviews_get_the_verdicts_that_they_must_get() {
    let mut wrong = Vec::new();
    for design in ["calls", "factory", "chain", "fleet", "trading"] {
        let review = fs::read_to_string(folder(design).join("review.md")).unwrap();
        let report = claims_of(design, &review).await;
        wrong.extend(wrong_claims(design, &report, false));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_as_they_were_written_are_refuted_where_they_must_be() {
    let Some(reviews) = std::env::var_os("HOWDAH_REVIEWS") else { return };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(reviews).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for (design, path) in ["calls", "factory", "chain", "fleet", "trading"].into_iter().zip(paths) {
        let review = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let report = claims_of(design, &review).await;
        println!("{}", howdah_review::claims::text(&report));
        wrong.extend(wrong_claims(design, &report, true));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
