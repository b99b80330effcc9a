//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A system of record for events on a stock PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "howdah", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// Say more on standard error.
    #[arg(short, long, global = true)]
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
    pub file: PathBuf,
    /// How to print
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what apply would do: each step with its lock, its undo and its check
    Plan(PlanArgs),
    /// Bring the database to what the system file says: migrations, then policies; online, resumable
    Apply(ApplyArgs),
    /// Ingest from the sources and keep chunks ahead; SIGTERM drains, a second one stops at once
    Run(RunArgs),
    /// Migrations alone: status, up, down
    Migrate(MigrateArgs),
    /// Prove that rollups equal their streams, or that positions fit; exit 1 if not
    Verify(VerifyArgs),
    /// Recompute a rollup from its stream, online
    Rebuild(RebuildArgs),
    /// The configuration in force
    Config(ConfigArgs),
    /// The page of an error code
    Explain(ExplainArgs),
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
pub struct RunArgs {
    /// End when every source is read to what it has now
    #[arg(long)]
    pub once: bool,
    /// Only these sources; may be given several times
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
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
    },
    /// Take migrations back
    Down {
        /// Down to this version, which stays
        #[arg(long, value_name = "VERSION")]
        to: i64,
    },
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
