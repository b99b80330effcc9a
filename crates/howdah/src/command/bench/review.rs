//! `howdah bench review`: how fast a review is, and how it stands against three peers.
//!
//! Speed is measured on inputs that are made here: 288 files of migrations, a live database of 291
//! tables, a folder of 300 tables. With `--designs` the same files and the databases that they make
//! are read by howdah and by its peers, in one run: splinter and pg-index-health by queries of our
//! own for the checks that they document, for their text may not be copied; squawk as it is, when
//! `--squawk` says where it is. What a peer reports is reported by howdah, or disputed by an
//! experiment that is run, or named as missed.

mod peers;
mod speed;
mod squawk;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use howdah_error::{Error, Kind, Result};
use howdah_pg::Connection;
use howdah_review::build::{Scratch, build};
use howdah_review::migrations::RawFile;
use howdah_review::target::Target;
use howdah_review::{Finding, Group, Level, Options, Report as Review};
use serde::Serialize;

use super::tell;
use crate::Outcome;
use crate::cli::{BenchArgs, Global};
use crate::output::{self, Table};
use peers::{Check, Verdict};
use speed::Speed;

/// The whole result.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    speed: Vec<Speed>,
    designs: Vec<Design>,
    checks: Vec<Tally>,
}

/// Findings above info of a design, of each. Of howdah what is told, and in how many places.
#[derive(Debug, Default, Serialize)]
struct Design {
    name: String,
    /// Of the files.
    howdah: usize,
    howdah_places: usize,
    squawk: usize,
    /// Of the database that they make, as it is reviewed alone.
    howdah_live: usize,
    howdah_live_places: usize,
    /// Likewise, with the review of the files as its baseline.
    howdah_live_more: usize,
    splinter: usize,
    pg_index_health: usize,
}

/// What became of the instances of a check.
#[derive(Debug, Default, Serialize)]
struct Tally {
    peer: &'static str,
    check: String,
    instances: usize,
    reported: usize,
    disputed: usize,
    style: usize,
    missed: usize,
    /// Rules, reasons, and what was missed.
    by: Vec<String>,
}

/// Measures, compares and prints.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let scratch = Scratch::start().await?;
    let result = Box::pin(measure(&scratch, args)).await;
    scratch.stop().await?;
    let report = result?;
    tell(global, &report, print)?;
    let missed = report.checks.iter().any(|tally| tally.missed > 0);
    Ok(if missed { Outcome::Findings } else { Outcome::Fine })
}

async fn measure(scratch: &Scratch, args: &BenchArgs) -> Result<Report> {
    let mut command = format!("howdah bench review --runs {}", args.runs);
    let speed = Box::pin(speed::measure(scratch, args.runs)).await?;
    let (mut designs, mut tallies) = (Vec::new(), BTreeMap::new());
    if let Some(folder) = &args.designs {
        command.push_str(&format!(" --designs {}", folder.display()));
        if let Some(program) = &args.squawk {
            command.push_str(&format!(" --squawk {}", program.display()));
        }
        for folder in folders(folder)? {
            let program = args.squawk.as_deref();
            designs.push(Box::pin(compare(scratch, &folder, program, &mut tallies)).await?);
        }
    }
    let checks = tallies.into_values().collect();
    Ok(Report { version: 1, command, speed, designs, checks })
}

type Tallies = BTreeMap<(&'static str, String), Tally>;

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
    }
}

/// The folders of a folder, by name.
fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path).map_err(unreadable(path))?;
    let mut folders: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// The folder of the migrations of a design: its own, or one below it.
fn migrations_of(folder: &Path) -> PathBuf {
    let below = folder.join("migrations");
    if below.is_dir() { below } else { folder.to_owned() }
}

/// The SQL files of a folder, by name.
fn sql_files(folder: &Path) -> Result<Vec<RawFile>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push(RawFile { path: entry.file_name().to_string_lossy().into_owned(), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Settings are those of the scratch server and no part of a design.
fn above_info(review: &Review) -> Vec<&Finding> {
    let counted =
        |finding: &&Finding| finding.level > Level::Info && finding.rule.group != Group::Settings;
    review.findings.iter().filter(counted).collect()
}

/// How many they are as they are told.
fn told<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> usize {
    howdah_review::report::told(findings).len()
}

async fn compare(
    scratch: &Scratch,
    folder: &Path,
    program: Option<&Path>,
    tallies: &mut Tallies,
) -> Result<Design> {
    let home = migrations_of(folder);
    let files = sql_files(&home)?;
    let names: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let review = howdah_review::review_folder_on(scratch, files, &Options::default()).await?;
    let database = scratch.database().await?;
    build(&mut review.facts.clone(), &database).await?;
    let target = Target::Live(database.admin_options().clone());
    let live = howdah_review::review_live_on(scratch, &target, &Options::default()).await?;
    let findings: Vec<&Finding> = live.findings.iter().chain(&review.findings).collect();

    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let (of_files, of_live) = (above_info(&review), above_info(&live));
    let known: HashSet<&str> = review.findings.iter().map(|f| f.fingerprint.as_str()).collect();
    let more = of_live.iter().copied().filter(|f| !known.contains(f.fingerprint.as_str()));
    let mut design = Design {
        name: name.unwrap_or_default(),
        howdah: told(of_files.iter().copied()),
        howdah_places: of_files.len(),
        howdah_live: told(of_live.iter().copied()),
        howdah_live_places: of_live.len(),
        howdah_live_more: told(more),
        ..Design::default()
    };
    let connection = database.admin().await?;
    hold_against(&connection, &findings, &mut design, tallies).await?;
    if let Some(program) = program {
        let checks = peers::checks(include_str!("review/squawk.sql"));
        let again = BTreeMap::new();
        let mut court = squawk::Court {
            scratch,
            report: &review,
            findings: &findings,
            connection: &connection,
            again,
        };
        let all = squawk::run(program, &home, &names)?;
        design.squawk = all.len();
        for reported in &all {
            let verdict = court.judge(&checks, reported).await?;
            let key = ("squawk", reported.rule_name.clone());
            let check = Check { name: reported.rule_name.clone(), ..Check::default() };
            let tally = tallies.entry(key).or_insert_with(|| Tally::of("squawk", &check));
            tally.add(&design.name, verdict);
        }
    }
    connection.close().await;
    scratch.drop(database).await?;
    Ok(design)
}

/// What splinter and pg-index-health report on the database, and what becomes of it.
async fn hold_against(
    connection: &Connection,
    findings: &[&Finding],
    design: &mut Design,
    tallies: &mut Tallies,
) -> Result<()> {
    peers::prepare(connection).await?;
    let splinter = peers::checks(include_str!("review/splinter.sql"));
    let health = peers::checks(include_str!("review/pg_index_health.sql"));
    for (peer, checks) in [("splinter", splinter), ("pg-index-health", health)] {
        let mut reported = 0;
        for check in &checks {
            let key = (peer, check.name.clone());
            let tally = tallies.entry(key).or_insert_with(|| Tally::of(peer, check));
            for instance in peers::instances(connection, check).await? {
                reported += 1;
                let verdict = match peers::covered(check, &instance, findings) {
                    Some(verdict) => verdict,
                    None => peers::answered(connection, check, &instance).await?,
                };
                tally.add(&design.name, verdict);
            }
        }
        match peer {
            "splinter" => design.splinter = reported,
            _ => design.pg_index_health = reported,
        }
    }
    Ok(())
}

impl Tally {
    fn of(peer: &'static str, check: &Check) -> Self {
        Self { peer, check: check.name.clone(), ..Self::default() }
    }

    fn add(&mut self, design: &str, verdict: Verdict) {
        self.instances += 1;
        let (count, by) = match verdict {
            Verdict::Reported(rule) => (&mut self.reported, rule),
            Verdict::Disputed(reason) => (&mut self.disputed, reason),
            Verdict::Style(reason) => (&mut self.style, reason),
            Verdict::Missed(what) => (&mut self.missed, format!("{design}: {what}")),
        };
        *count += 1;
        if !self.by.contains(&by) {
            self.by.push(by);
        }
    }
}

fn print(report: &Report) -> Result<()> {
    speed::print(&report.speed)?;
    if report.designs.is_empty() {
        return Ok(());
    }
    output::line("")?;
    let mut table = Table::new(&[
        "findings above info",
        "howdah, files",
        "places",
        "squawk",
        "howdah, live",
        "places",
        "not in files",
        "splinter",
        "pg-index-health",
    ]);
    let row = |name: &str, of: &dyn Fn(&Design) -> usize| -> usize {
        report.designs.iter().filter(|d| name.is_empty() || d.name == name).map(of).sum()
    };
    let names = report.designs.iter().map(|design| design.name.as_str());
    for name in names.chain([""]) {
        table.row(vec![
            if name.is_empty() { "all" } else { name }.to_owned(),
            row(name, &|d| d.howdah).to_string(),
            row(name, &|d| d.howdah_places).to_string(),
            row(name, &|d| d.squawk).to_string(),
            row(name, &|d| d.howdah_live).to_string(),
            row(name, &|d| d.howdah_live_places).to_string(),
            row(name, &|d| d.howdah_live_more).to_string(),
            row(name, &|d| d.splinter).to_string(),
            row(name, &|d| d.pg_index_health).to_string(),
        ]);
    }
    table.print()?;
    output::line("")?;
    let mut table = Table::new(&[
        "peer",
        "check",
        "instances",
        "reported",
        "disputed",
        "style",
        "missed",
        "by",
    ]);
    for tally in report.checks.iter().filter(|tally| tally.instances > 0) {
        table.row(vec![
            tally.peer.to_owned(),
            tally.check.clone(),
            tally.instances.to_string(),
            tally.reported.to_string(),
            tally.disputed.to_string(),
            tally.style.to_string(),
            tally.missed.to_string(),
            tally.by.join("; "),
        ]);
    }
    table.print()
}
