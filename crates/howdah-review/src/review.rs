//! The stages of a review, in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use howdah_error::{Kind, Result};

use crate::build::{self, Scratch, ScratchDatabase};
use crate::claims::{self, ClaimsReport, Ground};
use crate::experiment::{Lab, Verdict};
use crate::facts::{Facts, Unseen};
use crate::finding::{Finding, Findings, Proof, Reproducer};
use crate::migrations::RawFile;
use crate::report::{Report, Unchecked};
use crate::rule::Rule;
use crate::target::{Target, facts_of};
use crate::{copy, fix, rules, secret, suppress};

/// More threads than this beside the first do not make the rules faster.
const MOST_THREADS: usize = 7;

/// How to review.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Read only; no server is started, and nothing is run.
    pub static_only: bool,
    /// The day of the review, `YYYY-MM-DD`: suppressions expire by it.
    pub today: String,
    /// What `howdah.toml` allows.
    pub allow: Vec<suppress::Allowed>,
}

/// Reviews `target`.
pub async fn review(target: &Target, options: &Options) -> Result<Report> {
    let mut facts = target.read().await?;
    facts.today.clone_from(&options.today);
    let nothing_to_build = facts.files.is_empty() && !facts.live;
    if options.static_only || nothing_to_build {
        let mut findings = check(&facts);
        if facts.live {
            not_tried(&mut findings);
        }
        return Ok(finish(facts, findings, options));
    }
    if facts.live {
        return review_live(facts, options).await;
    }
    let scratch = Scratch::start().await?;
    let report = Box::pin(review_on(&scratch, facts, options)).await;
    scratch.stop().await?;
    report
}

/// Reviews a live database; what is to be tried is tried on a copy of its schema, when there is
/// anything to try.
async fn review_live(mut facts: Facts, options: &Options) -> Result<Report> {
    let mut findings = check(&facts);
    if !findings.iter().any(|finding| finding.experiment.is_some() || finding.fix.is_some()) {
        return Ok(finish(facts, findings, options));
    }
    let scratch = match Scratch::start().await {
        Ok(scratch) => scratch,
        Err(error) => {
            facts.unseen.push(Unseen {
                what: "experiments and fixes".to_owned(),
                why: format!("No scratch server could be started here: {}.", error.message()),
            });
            not_tried(&mut findings);
            return Ok(finish(facts, findings, options));
        }
    };
    let report = Box::pin(try_on_copy(&scratch, facts, findings, options)).await;
    scratch.stop().await?;
    report
}

/// Takes out what has to be tried and was not: suppositions and fixes.
fn not_tried(findings: &mut Vec<Finding>) {
    findings.retain(|finding| finding.experiment.is_none());
    for finding in findings {
        finding.fix = None;
    }
}

/// Reviews a live database with a scratch server that runs already.
pub async fn review_live_on(
    scratch: &Scratch,
    target: &Target,
    options: &Options,
) -> Result<Report> {
    let mut facts = target.read().await?;
    facts.today.clone_from(&options.today);
    let findings = check(&facts);
    Box::pin(try_on_copy(scratch, facts, findings, options)).await
}

async fn try_on_copy(
    scratch: &Scratch,
    mut facts: Facts,
    mut findings: Vec<Finding>,
    options: &Options,
) -> Result<Report> {
    let database = scratch.database().await?;
    copy::copy(&mut facts, &database).await?;
    experiment(scratch, &database, &facts, &mut findings).await?;
    let withdrawn = fix::run_all(scratch, &database, &facts, &mut findings).await?;
    scratch.drop(database).await?;
    let mut report = finish(facts, findings, options);
    report.withdrawn = withdrawn;
    Ok(report)
}

/// Reviews files that are at hand, on a scratch server that runs already.
pub async fn review_folder_on(
    scratch: &Scratch,
    files: Vec<RawFile>,
    options: &Options,
) -> Result<Report> {
    Box::pin(review_on(scratch, facts_of(files), options)).await
}

async fn review_on(scratch: &Scratch, mut facts: Facts, options: &Options) -> Result<Report> {
    let database = scratch.database().await?;
    build::build(&mut facts, &database).await?;
    build::repeat(&mut facts, scratch, &database).await?;
    facts.today.clone_from(&options.today);
    let mut findings = check(&facts);
    experiment(scratch, &database, &facts, &mut findings).await?;
    let withdrawn = fix::run_all(scratch, &database, &facts, &mut findings).await?;
    scratch.drop(database).await?;
    let mut report = finish(facts, findings, options);
    report.withdrawn = withdrawn;
    Ok(report)
}

/// Tries what somebody else's review of `target` says; `markdown` is its text.
pub async fn claims(target: &Target, markdown: &str) -> Result<ClaimsReport> {
    let facts = target.read().await?;
    let scratch = Scratch::start().await?;
    let report = Box::pin(claims_on(&scratch, facts, markdown)).await;
    scratch.stop().await?;
    report
}

/// Likewise with files that are at hand, on a scratch server that runs already.
pub async fn claims_of_folder_on(
    scratch: &Scratch,
    files: Vec<RawFile>,
    markdown: &str,
) -> Result<ClaimsReport> {
    Box::pin(claims_on(scratch, facts_of(files), markdown)).await
}

/// Likewise with a live database; what is tried is tried on a copy of its schema.
pub async fn claims_live_on(
    scratch: &Scratch,
    target: &Target,
    markdown: &str,
) -> Result<ClaimsReport> {
    Box::pin(claims_on(scratch, target.read().await?, markdown)).await
}

async fn claims_on(scratch: &Scratch, mut facts: Facts, markdown: &str) -> Result<ClaimsReport> {
    let database = scratch.database().await?;
    let mut findings;
    if facts.live {
        findings = check(&facts);
        copy::copy(&mut facts, &database).await?;
    } else {
        build::build(&mut facts, &database).await?;
        findings = check(&facts);
    }
    experiment(scratch, &database, &facts, &mut findings).await?;
    if facts.live {
        // What a statement of the review changes is seen against the copy as it was before.
        let connection = database.connect().await?;
        let mut catalog = howdah_pg::introspect(&connection).await?;
        connection.close().await;
        if let Some(target) = &facts.catalog {
            copy::overlay(&mut catalog, target);
        }
        facts.catalog = Some(catalog);
    }
    let ground = Ground { scratch, built: &database, facts: &facts, findings: &findings };
    let report = claims::examine(&ground, markdown).await?;
    scratch.drop(database).await?;
    Ok(report)
}

/// Whether a reproducer shows what it promises, on files that were built before.
pub async fn reproduce_on(
    scratch: &Scratch,
    facts: &Facts,
    reproducer: &Reproducer,
) -> Result<bool> {
    let database = scratch.database().await?;
    if facts.live {
        copy::copy(&mut facts.clone(), &database).await?;
    } else {
        build::build(&mut facts.clone(), &database).await?;
    }
    let lab = Lab::new(scratch, &database, facts);
    let shown = lab.reproduce(reproducer).await;
    lab.close().await?;
    scratch.drop(database).await?;
    shown
}

/// What every rule finds that has the facts it needs, worst first. Rules know nothing of each
/// other, so each processor takes the next one.
#[must_use]
pub fn check(facts: &Facts) -> Vec<Finding> {
    let rules: Vec<&'static Rule> = rules::all().filter(|rule| rule.can_check(facts)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut all = Vec::new();
        while let Some(rule) = rules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut findings = Findings::new(facts, rule);
            (rule.check)(facts, &mut findings);
            all.extend(findings.finish());
        }
        all
    };
    let others = thread::available_parallelism().map_or(0, |processors| processors.get() - 1);
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (0..others.min(MOST_THREADS)).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    sort(&mut all);
    all
}

/// Worst first, then by rule, then in the order of the files.
fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(|finding| {
        let place = finding.place.as_ref().map(|place| (place.path.clone(), place.span.start));
        (std::cmp::Reverse(finding.level), finding.rule.code, place, finding.fingerprint.clone())
    });
}

/// Tries what is only supposed; what is not so is dropped.
async fn experiment(
    scratch: &Scratch,
    database: &ScratchDatabase,
    facts: &Facts,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let lab = Lab::new(scratch, database, facts);
    let mut kept = Vec::with_capacity(findings.len());
    for mut finding in findings.drain(..) {
        if let Some(experiment) = finding.experiment.take() {
            let verdict = match experiment.run(&lab).await {
                Ok(verdict) => verdict,
                Err(error) if error.kind() == Kind::Unavailable => return Err(error),
                // What could not be tried is not decided; the finding stays, unproved.
                Err(_) => Verdict::Undecided,
            };
            let (reproducer, measured) = match verdict {
                Verdict::Proved(reproducer, measured) => (Some(reproducer), measured),
                Verdict::Worse(level, reproducer, measured) => {
                    finding.level = finding.level.max(level);
                    (Some(reproducer), Some(measured))
                }
                Verdict::Undecided => (None, None),
                Verdict::Disputed => continue,
            };
            if let Some(reproducer) = reproducer {
                finding.proof = Proof::Proved(reproducer);
            }
            if let Some(measured) = measured {
                let before = finding.detail.take().map(|text| format!("{text} "));
                finding.detail = Some(before.unwrap_or_default() + &measured);
            }
        }
        kept.push(finding);
    }
    *findings = kept;
    // A verdict may have raised a level.
    sort(findings);
    lab.close().await
}

fn finish(mut facts: Facts, mut findings: Vec<Finding>, options: &Options) -> Report {
    secret::conceal(&mut facts, &mut findings);
    let unchecked = rules::all()
        .filter(|rule| !rule.can_check(&facts))
        .map(|rule| Unchecked {
            rule,
            missing: rule.needs.iter().copied().filter(|need| !need.is_met(&facts)).collect(),
        })
        .collect();
    let suppressed = suppress::apply(&facts, findings, &options.allow, &options.today);
    Report {
        facts,
        findings: suppressed.kept,
        suppressed: suppressed.taken,
        notes: suppressed.notes,
        unchecked,
        withdrawn: Vec::new(),
    }
}
