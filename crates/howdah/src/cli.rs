//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use howdah_server::keys::Scope;

use crate::values;

/// The heading of what every command takes.
const EVERYWHERE: &str = "With every command";

/// A system of record for events on a stock PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "howdah", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Say more on standard error.
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The system file, or the folder that holds howdah.toml
    #[arg(short, long, global = true, default_value = ".", value_name = "PATH")]
    #[arg(help_heading = EVERYWHERE)]
    pub file: PathBuf,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    #[arg(help_heading = EVERYWHERE)]
    pub format: OutputFormat,
}

impl OutputFormat {
    /// Whether only `review` prints so.
    pub fn is_for_review(self) -> bool {
        !matches!(self, Self::Text | Self::Json)
    }
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning, SARIF 2.1; only review.
    Sarif,
    /// For GitHub Actions, which shows it beside the lines; only review.
    #[value(hide = true)]
    Github,
    /// For GitLab's Code Quality; only review.
    #[value(hide = true)]
    Gitlab,
    /// For test reports; only review.
    #[value(hide = true)]
    Junit,
    /// For a comment on a change; only review.
    #[value(hide = true)]
    Markdown,
    /// One page with figures; only review.
    #[value(hide = true)]
    Html,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Review a database, migrations or a repository: findings that are proved, fixes that were run
    Review(ReviewArgs),
    /// Print what apply would do: each step with its lock, its undo and its check
    Plan(PlanArgs),
    /// Bring the database to what the system file says: migrations, then policies; resumable
    Apply(ApplyArgs),
    /// Ingest from the sources and do the upkeep; SIGTERM drains, a second one stops at once
    Run(RunCommand),
    /// Do the upkeep alone: chunks ahead, folding, retention, proofs; until SIGTERM
    Upkeep(UpkeepArgs),
    /// Migrations alone: status, up, down
    Migrate(MigrateArgs),
    /// Streams, sources, rollups and dead letters at a glance
    Status(StatusArgs),
    /// Refused events: list, show, replay, drop
    DeadLetters(DeadLettersArgs),
    /// API keys for HTTP: create, list, revoke
    Keys(KeysArgs),
    /// Check whatever howdah needs: system file, database, rights, sources; exit 1 when it lacks
    Doctor,
    /// Prove that rollups equal their streams, or that positions fit; exit 1 if not
    Verify(VerifyArgs),
    /// Recompute a rollup from its stream, online
    Rebuild(RebuildArgs),
    /// Old chunks as segments: fold, restore, status
    History(HistoryArgs),
    /// Generate the events of a system, the same for the same seed, to files or into Redis
    Feed(FeedArgs),
    /// Private servers, a generated feed and a live look at a whole system; needs nothing set up
    Demo(DemoArgs),
    /// The configuration in force
    Config(ConfigArgs),
    /// The page of an error code
    Explain(ExplainArgs),
    /// Measure howdah on this machine, as ratios in one run
    Bench(BenchArgs),
}

/// `howdah review`
#[derive(Debug, Args)]
#[command(
    after_help = "Formats besides text, json and sarif: github, gitlab, junit, markdown, html."
)]
pub struct ReviewArgs {
    /// A postgres:// URL, a SQL file, a folder of migrations, or a repository
    #[arg(default_value = ".", value_name = "TARGET")]
    pub target: String,
    /// Read only: start no server and run nothing; most rules then cannot be checked
    #[arg(long = "static")]
    pub static_only: bool,
    /// Print the page of a rule, by its code or name, and review nothing
    #[arg(long, value_name = "RULE")]
    pub explain: Option<String>,
    /// Exit with 1 when there is a finding of this level or above: error, warning, notice, info
    #[arg(long, value_name = "LEVEL", default_value = "warning")]
    pub fail_on: howdah_review::Level,
    /// Show findings of this level and above; the others are counted
    #[arg(long, value_name = "LEVEL", default_value = "notice")]
    pub show: howdah_review::Level,
    /// A report in JSON of before, of which the findings are not told again
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Only findings in files that changed since this revision of git
    #[arg(long, value_name = "REV", conflicts_with = "claims")]
    pub since: Option<String>,
    /// Write the fixes, each of which was run, into this folder as migrations of the same kind
    #[arg(long, value_name = "DIR", conflicts_with = "claims")]
    pub fix: Option<PathBuf>,
    /// Try somebody else's review of the target: its SQL, its claims and its sums
    #[arg(long, value_name = "FILE", conflicts_with_all = ["static_only", "baseline"])]
    pub claims: Option<PathBuf>,
}

/// `howdah plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Print the SQL of each step as well
    #[arg(long)]
    pub sql: bool,
}

/// `howdah apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Allow a step that loses data, by its name in the plan; may be given several times
    #[arg(long, value_name = "STEP")]
    pub allow: Vec<String>,
}

/// `howdah run`
#[derive(Debug, Args)]
pub struct RunCommand {
    /// What to read.
    #[command(flatten)]
    pub args: RunArgs,
    /// Read this source from a file instead, without editing the system file; may be given several
    /// times
    #[arg(long, value_name = "NAME=PATH", value_parser = values::name_and_path)]
    pub file_source: Vec<(String, PathBuf)>,
}

/// What `howdah run` reads, and until when.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// End when every source is read to what it has now
    #[arg(long)]
    pub once: bool,
    /// Only these sources; may be given several times
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
}

/// `howdah upkeep`
#[derive(Debug, Args)]
pub struct UpkeepArgs {
    /// Do what there is to do now, tell it, and end
    #[arg(long)]
    pub once: bool,
}

/// `howdah migrate`
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// What to do
    #[command(subcommand)]
    pub action: MigrateAction,
}

/// What `howdah migrate` does.
#[derive(Debug, Subcommand)]
pub enum MigrateAction {
    /// Which migrations are applied, pending, edited or half done
    Status,
    /// Apply what is pending
    Up {
        /// Up to this version, itself included
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
        /// What became of the statement of which nobody knows (HD0204)
        #[arg(long, value_enum)]
        in_flight: Option<InFlightArg>,
    },
    /// Take migrations back
    Down {
        /// Down to this version, which stays; left out: the last one alone
        #[arg(long, value_name = "VERSION")]
        to: Option<i64>,
        /// What became of the statement of which nobody knows (HD0204)
        #[arg(long, value_enum)]
        in_flight: Option<InFlightArg>,
    },
}

/// What became of a statement that was under way when a migration was broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InFlightArg {
    /// It was done: go on behind it.
    Done,
    /// It was not: run it again.
    Again,
}

/// `howdah verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What to prove
    #[arg(value_enum, default_value_t = VerifyWhat::All)]
    pub what: VerifyWhat,
    /// Only these rollups; may be given several times
    #[arg(long, value_name = "NAME")]
    pub rollup: Vec<String>,
}

/// What `howdah verify` proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerifyWhat {
    /// Everything.
    All,
    /// That each rollup equals its stream.
    Rollups,
    /// That positions and counts fit.
    Positions,
}

/// `howdah rebuild`
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// The rollup or state, by its name in the system file
    pub rollup: String,
    /// From the bucket that holds this time
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}

/// `howdah status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print it again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2")]
    pub watch: Option<u64>,
}

/// `howdah dead-letters`
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// What to do
    #[command(subcommand)]
    pub action: DeadLettersAction,
}

/// What `howdah dead-letters` does.
#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// The oldest letters, without the events
    List {
        /// Which
        #[command(flatten)]
        which: LetterFilter,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
    },
    /// One letter with its event
    Show {
        /// Its number
        id: i64,
    },
    /// Decode them with the system file of today, store what is good, keep what is not
    Replay(LetterFilter),
    /// Remove them for good; their events are nowhere else
    Drop(LetterFilter),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct LetterFilter {
    /// Only these
    #[arg(value_name = "ID")]
    pub ids: Vec<i64>,
    /// Only of this source
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Only for this stream
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// Only with this code
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
}

/// `howdah keys`
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// What to do
    #[command(subcommand)]
    pub action: KeysAction,
}

/// What `howdah keys` does.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Make a key and print its secret, this once
    Create {
        /// What it is for
        #[arg(long, value_name = "NAME", default_value = "")]
        name: String,
        /// What it may do: write:STREAM, any-tenant, metrics; separated by commas
        #[arg(long, value_name = "SCOPE", required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
        /// Whose events it sends; without it the scope any-tenant is needed where rows belong to
        /// tenants
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// After which time it expires, such as "90 days"; left out: never
        #[arg(long, value_name = "SPAN", value_parser = values::span_ms)]
        expires: Option<i64>,
    },
    /// All keys, without their secrets
    List,
    /// Revoke a key; servers refuse it within seconds
    Revoke {
        /// Its number, or the beginning of its secret as list shows it
        #[arg(value_name = "KEY")]
        key: String,
    },
}

/// `howdah history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// What to do
    #[command(subcommand)]
    pub action: HistoryAction,
}

/// What `howdah history` does.
#[derive(Debug, Subcommand)]
pub enum HistoryAction {
    /// Fold the chunks that are older than their stream's policy; readers and writers go on
    Fold {
        /// Only this stream
        #[arg(value_name = "STREAM")]
        stream: Option<String>,
        /// Only this chunk, whatever its age
        #[arg(long, value_name = "NAME", requires = "stream")]
        chunk: Option<String>,
    },
    /// Put the events of segments back into their chunks, or those of exports into the database
    Restore {
        /// The stream
        #[arg(value_name = "STREAM")]
        stream: String,
        /// Only this chunk
        #[arg(long, value_name = "NAME")]
        chunk: Option<String>,
        /// Bring back what was dropped and exported, after checking all of it
        #[arg(long)]
        exported: bool,
        /// How long that stays
        #[arg(long, value_name = "AGE", default_value = "30 days", requires = "exported")]
        stay: String,
    },
    /// Show what is no longer kept, and drop it with --confirm; exported first where [history] says
    Drop {
        /// Only this stream
        #[arg(value_name = "STREAM")]
        stream: Option<String>,
        /// Events older than this, such as "90 days", instead of what `keep` says
        #[arg(long, value_name = "AGE", requires = "stream")]
        older_than: Option<String>,
        /// Only the events of this tenant
        #[arg(long, value_name = "TENANT", requires = "stream")]
        tenant: Option<String>,
        /// Do it
        #[arg(long)]
        confirm: bool,
        /// Allow the events of this stream to be lost without an export; may be given several times
        #[arg(long, value_name = "STREAM")]
        lose: Vec<String>,
    },
    /// Write the events of chunks as Parquet, with a manifest; nothing is dropped
    Export {
        /// The stream
        #[arg(value_name = "STREAM")]
        stream: String,
        /// Only this chunk
        #[arg(long, value_name = "NAME")]
        chunk: Option<String>,
        /// A folder or s3://bucket/prefix, instead of the `export` of [history]
        #[arg(long, value_name = "PLACE")]
        to: Option<String>,
    },
    /// The chunks of each stream with segments: folded, waiting, and how small they became
    Status,
}

/// `howdah feed`
#[derive(Debug, Args)]
pub struct FeedArgs {
    /// The system whose events to generate
    #[arg(default_value = "trading")]
    pub system: String,
    /// How many events, repeats and broken ones included
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub events: u64,
    /// Another seed, another course of events
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// The time of the last event, RFC 3339; now when left out. Give it to get the same bytes again
    #[arg(long, value_name = "TIME", value_parser = values::time_ms)]
    pub until: Option<i64>,
    /// The time from the first event to the last, such as "90 min" or "7 days"
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = values::span_ms)]
    pub span: i64,
    /// Where to: a folder (one file a stream), redis://…, env:NAME that holds such a URL, or - for
    /// standard output; with --stream a path is a file
    #[arg(long, value_name = "TARGET", default_value = "-")]
    pub to: String,
    /// Only the events of this stream
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// At most so many events a second, such as 5000/s
    #[arg(long, value_name = "N/s", value_parser = values::rate)]
    pub rate: Option<u64>,
    /// One of the loads that the system's README describes, such as L6 of chain
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print the SQL of the entities that the events speak of, and no events
    #[arg(long, conflicts_with_all = ["to", "stream", "rate"])]
    pub entities: bool,
    /// With --entities: write them into the database of the system file instead
    #[arg(long, requires = "entities")]
    pub load: bool,
}

/// `howdah demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The system to show
    #[arg(default_value = "trading")]
    pub system: String,
    /// How many events to feed, repeats and broken ones included
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    pub events: u64,
    /// Spread the feed over so many seconds; left out: 20 on a terminal, else as fast as it goes
    #[arg(long, value_name = "S")]
    pub seconds: Option<u64>,
    /// Another seed, another course of events
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// Where the demo keeps its servers and its system file
    #[arg(long, default_value = ".howdah/demo", value_name = "DIR")]
    pub dir: PathBuf,
    /// Go on with the data of the last demo instead of starting empty
    #[arg(long)]
    pub keep: bool,
    /// Leave the servers running after the summary, until Ctrl-C
    #[arg(long)]
    pub stay: bool,
}

/// `howdah config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What to do
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What `howdah config` does.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Every setting, its value and where it comes from; secrets only as references
    Show,
}

/// `howdah explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code such as HD0101; none lists them all
    pub code: Option<howdah_error::Code>,
}

/// `howdah bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure
    #[arg(value_enum, default_value_t = BenchWhat::Ingest)]
    pub what: BenchWhat,
    /// How many events to generate
    #[arg(long, default_value_t = 300_000)]
    pub events: u64,
    /// How often each case is measured; medians are printed
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=99))]
    pub runs: u64,
    /// Which cases, by their number of rollup tables
    #[arg(long, value_delimiter = ',', default_values_t = [1, 3, 6])]
    pub rollups: Vec<usize>,
    /// Over how many shards the events come, by symbol; each has a writer of its own
    #[arg(long, default_value_t = 1)]
    pub shards: usize,
    /// The largest batch, in events; the default of `[ingest]` when left out
    #[arg(long, value_name = "EVENTS")]
    pub batch: Option<usize>,
    /// For how many seconds the time from XADD to the visible rollup is measured; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub freshness: u64,
    /// How many chunks
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub chunks: u64,
    /// For how long writers and readers are watched beside upkeep
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub seconds: u64,
    /// How many events a second flow meanwhile; half of what was measured when left out
    #[arg(long, value_name = "EVENTS")]
    pub rate: Option<u32>,
    /// How many events the reviewed design of calls gets; 0: it is not measured
    #[arg(long, value_name = "EVENTS", default_value_t = 5_000)]
    pub reviewed: u64,
    /// Which loads of chain, by the names of its README
    #[arg(long, value_delimiter = ',', value_name = "LOADS")]
    #[arg(default_values_t = ["L1-75", "L3", "L5", "L6"].map(String::from))]
    pub loads: Vec<String>,
    /// How many clients ask the chain's questions after a load, each for --freshness seconds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub clients: usize,
    /// Measures history in TimescaleDB too, whose extension must be installed
    #[arg(long)]
    pub timescaledb: bool,
    /// A folder of folders of SQL that howdah and its peers review; left out: speed alone
    #[arg(long, value_name = "DIR")]
    pub designs: Option<PathBuf>,
    /// Where squawk is, to compare with it too
    #[arg(long, value_name = "PROGRAM")]
    pub squawk: Option<PathBuf>,
}

/// What `howdah bench` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchWhat {
    /// The whole path of ingestion against a bare COPY.
    Ingest,
    /// The system chain with everything on, under the loads of its README.
    Chain,
    /// Hot keys and poison, beside the same load without them.
    Hostile,
    /// Segments against the rows that they were folded from.
    History,
    /// What thousands of chunks cost those who look at them.
    Chunks,
    /// What writers and readers notice of folding, proofs and rebuilds.
    Upkeep,
    /// A review: how fast it is, and how it stands against its peers.
    Review,
}
