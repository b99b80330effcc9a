//! `howdah bench hostile`: what hot keys and poison cost, as ratios to the same load without them.
//!
//! Payments of 10,000 accounts, each judged so that no account is overdrawn, through a file source.
//! The cases are read in turns in one run, on one server, so that their ratios are fair. A case
//! that does not end with the rows, repeats and dead letters that were fed is an error.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use howdah_error::{Error, Result};
use howdah_pg::{Connection, connect};
use serde::Serialize;

use super::{FOLDER, Sample, empty, in_folder, lay, load, median, sql_failed, tell, unwritable};
use crate::Outcome;
use crate::cli::{BenchArgs, Global};
use crate::command::apply::apply_told;
use crate::output::{self, Table, grouped};
use crate::session::Session;

const SOURCE: &str = "payments";
const EVENTS: &str = "events.ndjson";
const ACCOUNTS: u64 = 10_000;
/// One event in so many is poison, where a case has any.
const POISON: u64 = 1_000;
/// Repeats are of one of so many events before.
const RECENT: u64 = 2_000;
/// 2025-10-16 00:00 UTC in milliseconds, and what lies between two events: 10 million a day.
const FROM_MS: u64 = 1_760_572_800_000;
const STEP_US: u64 = 8_640;

/// What is wrong with the events of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    HotKey,
    Undecodable,
    BreaksConstraint,
    BreaksCheck,
    Repeated,
    /// One in a thousand is one of the four, in turns.
    All,
}

/// The cases with their names and, where there is one, the goal of the ratio.
const CASES: [(Trouble, &str, Option<f64>); 7] = [
    (Trouble::None, "uniform and clean", None),
    (Trouble::HotKey, "one account gets half", Some(0.5)),
    (Trouble::Undecodable, "1 in 1,000 is no JSON", Some(0.9)),
    (Trouble::BreaksConstraint, "1 in 1,000 breaks a constraint", Some(0.9)),
    (Trouble::BreaksCheck, "1 in 1,000 breaks a check", Some(0.9)),
    (Trouble::Repeated, "1 in 1,000 is a repeat", Some(0.9)),
    (Trouble::All, "1 in 1,000 is one of these", Some(0.9)),
];

#[derive(Debug, Serialize)]
struct Case {
    name: &'static str,
    events: u64,
    dead_letters: u64,
    repeats: u64,
    events_per_second: f64,
    /// Of the speed of the first case.
    ratio: f64,
    goal: Option<f64>,
    /// Processor seconds of howdah and of the server per million events.
    cpu_seconds_per_million: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: String,
    runs: u64,
    cases: Vec<Case>,
}

/// Runs the cases and prints them.
pub async fn run(global: &Global, args: &BenchArgs) -> Result<Outcome> {
    let folder = PathBuf::from(FOLDER).join("hostile");
    lay(
        &folder,
        [
            ("howdah.toml", include_str!("hostile/howdah.toml")),
            ("migrations/0001_payments.sql", include_str!("hostile/0001_payments.sql")),
        ],
    )?;
    std::fs::write(folder.join(EVENTS), "").map_err(unwritable)?;
    let work = async |session: &Session| Box::pin(measure(session, args)).await;
    tell(global, &in_folder(global, folder, work).await?, print)
}

async fn measure(session: &Session, args: &BenchArgs) -> Result<Report> {
    Box::pin(apply_told(session, &[], &|_| {})).await?;
    let admin = connect(&session.admin_options()?).await?;
    let connection = session.connect().await?;
    let model = session.model(&connection).await?;
    let mut samples: Vec<Vec<Sample>> = CASES.iter().map(|_| Vec::new()).collect();
    let mut fed = vec![[0; 3]; CASES.len()];
    for run in 0..args.runs {
        for (at, (trouble, name, _)) in CASES.iter().enumerate() {
            output::say(&format!("{name}, run {} of {}", run + 1, args.runs));
            fed[at] = write_events(&session.folder.join(EVENTS), args.events, *trouble)?;
            empty(&admin, &model, SOURCE).await?;
            let letters = "delete from howdah.dead_letters";
            admin.execute(letters, &[]).await.map_err(|error| sql_failed(&error))?;
            let (sample, _) = load(session, &admin, vec![SOURCE.to_owned()]).await?;
            require(&admin, fed[at]).await?;
            samples[at].push(sample);
        }
    }
    let count = args.events as f64;
    let seconds = |at: usize| median(&samples[at], |sample| sample.seconds);
    let cases = CASES.iter().enumerate().map(|(at, (_, name, goal))| Case {
        name,
        events: args.events,
        dead_letters: fed[at][2],
        repeats: fed[at][1],
        events_per_second: count / seconds(at),
        ratio: seconds(0) / seconds(at),
        goal: *goal,
        cpu_seconds_per_million: 1e6 / count
            * median(&samples[at], |sample| sample.cost.own_seconds + sample.cost.server_seconds),
    });
    Ok(Report {
        version: 1,
        command: format!("howdah bench hostile --events {} --runs {}", args.events, args.runs),
        runs: args.runs,
        cases: cases.collect(),
    })
}

/// What was fed must be there: rows, repeats, dead letters.
async fn require(admin: &Connection, fed: [u64; 3]) -> Result<()> {
    let row = admin
        .query_one("select rows, duplicates, dead_letters from howdah.positions", &[])
        .await
        .map_err(|error| sql_failed(&error))?;
    let found = [0, 1, 2].map(|at| row.get::<_, i64>(at) as u64);
    if found == fed {
        return Ok(());
    }
    Err(Error::internal(format!("{found:?} rows, repeats and dead letters are there, not {fed:?}")))
}

/// `SplitMix64` (Steele, Lea, Flood 2014): the same events everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Writes the events of a case; gives how many rows, repeats and dead letters they make.
fn write_events(path: &Path, events: u64, trouble: Trouble) -> Result<[u64; 3]> {
    let mut out = BufWriter::new(File::create(path).map_err(unwritable)?);
    let mut dice = Dice(1);
    let mut balances: HashMap<u64, u64> = HashMap::new();
    let mut recent: Vec<String> = Vec::new();
    let mut fed = [0; 3];
    for id in 0..events {
        let hot = trouble == Trouble::HotKey && dice.below(2) == 0;
        let account = if hot { 0 } else { dice.below(ACCOUNTS) };
        let (paid_out, cents) = (dice.below(10) < 4, 1 + dice.below(100_000));
        let balance = balances.entry(account).or_default();
        let is_poison = id % POISON == POISON - 1;
        let poison = if is_poison { of_turn(trouble, id / POISON) } else { Trouble::None };
        let amount = match poison {
            Trouble::BreaksConstraint => "0".to_owned(),
            Trouble::BreaksCheck => "-99999999".to_owned(),
            _ if paid_out && *balance >= cents => format!("-{}.{:02}", cents / 100, cents % 100),
            _ => format!("{}.{:02}", cents / 100, cents % 100),
        };
        let at = FROM_MS * 1_000 + id * STEP_US;
        let line = format!(
            "{{\"id\":{id},\"at\":\"{}\",\"account\":\"account-{account:05}\",\
             \"amount\":{amount}}}",
            time(at)?
        );
        let (line, kind) = match poison {
            Trouble::Undecodable => (line[..line.len() / 2].to_owned(), 2),
            Trouble::BreaksConstraint | Trouble::BreaksCheck => (line, 2),
            Trouble::Repeated => {
                let back = dice.below(RECENT.min(recent.len() as u64));
                (recent[recent.len() - 1 - back as usize].clone(), 1)
            }
            _ => {
                let out = amount.starts_with('-');
                *balance = if out { *balance - cents } else { *balance + cents };
                recent.push(line.clone());
                (line, 0)
            }
        };
        fed[kind] += 1;
        writeln!(out, "{line}").map_err(unwritable)?;
    }
    out.flush().map_err(unwritable)?;
    Ok(fed)
}

/// What the poison of a case is this time.
fn of_turn(trouble: Trouble, turn: u64) -> Trouble {
    let kinds =
        [Trouble::Undecodable, Trouble::BreaksConstraint, Trouble::BreaksCheck, Trouble::Repeated];
    if trouble == Trouble::All { kinds[(turn % 4) as usize] } else { trouble }
}

fn time(us: u64) -> Result<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(us as i64)
        .map_err(|error| Error::internal("the benchmark's times are out of range").source(error))
}

fn print(report: &Report) -> Result<()> {
    let mut table = Table::new(&["case", "events/s", "ratio", "goal", "CPU s/M", "dead letters"]);
    for case in &report.cases {
        table.row(vec![
            case.name.to_owned(),
            grouped(case.events_per_second as i64),
            format!("{:.2}", case.ratio),
            case.goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.1}")),
            format!("{:.1}", case.cpu_seconds_per_million),
            grouped(case.dead_letters as i64),
        ]);
    }
    table.print()?;
    output::line(&format!("\nmedians of: {}", report.command))
}
