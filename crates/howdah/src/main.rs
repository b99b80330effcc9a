//! The command line of howdah, and the wiring of its crates.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 fine, 1 findings or a failed
//! proof, 2 could not do it, 130 ended by the user before it was done.

mod canvas;
mod cli;
mod command;
mod feeder;
mod meter;
mod output;
mod private_redis;
mod session;
mod values;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use howdah_error::{Error, Kind, Result};
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};

/// How a command ended, when it could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Fine.
    Fine,
    /// It has findings, or a proof failed.
    Findings,
    /// The user ended it before it was done.
    Interrupted,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: could not start: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(Box::pin(run(cli)));
    // A blocking read of standard input must not hold the end up.
    runtime.shutdown_background();
    match result {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "{}", error.report());
            ExitCode::from(if error.kind() == Kind::Proof { 1 } else { 2 })
        }
    }
}

/// Logs go to standard error; `HOWDAH_LOG` chooses more (`debug`, `howdah_stream=debug`).
fn start_log(cli: &Cli) {
    let default = if cli.verbose { "howdah=debug,info" } else { "info" };
    let filter = EnvFilter::try_from_env("HOWDAH_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let layer = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(
            std::io::IsTerminal::is_terminal(&std::io::stderr())
                && std::env::var_os("NO_COLOR").is_none(),
        );
    layer.init();
}

async fn run(cli: Cli) -> Result<Outcome> {
    let Cli { global, command, .. } = cli;
    if global.format.is_for_review() && !matches!(command, Command::Review(_)) {
        return Err(Error::input("only review can print in this format").hint("Use text or json."));
    }
    match command {
        Command::Review(args) => Box::pin(command::review::run(&global, &args)).await,
        Command::Plan(args) => Box::pin(command::plan::run(&global, &args)).await,
        Command::Apply(args) => Box::pin(command::apply::run(&global, &args)).await,
        Command::Run(args) => Box::pin(command::run::run(&global, &args)).await,
        Command::Upkeep(args) => Box::pin(command::upkeep::run(&global, &args)).await,
        Command::Migrate(args) => Box::pin(command::migrate::run(&global, &args)).await,
        Command::Status(args) => Box::pin(command::status::run(&global, &args)).await,
        Command::DeadLetters(args) => Box::pin(command::dead_letters::run(&global, &args)).await,
        Command::Keys(args) => Box::pin(command::keys::run(&global, &args)).await,
        Command::Doctor => Box::pin(command::doctor::run(&global)).await,
        Command::Verify(args) => Box::pin(command::verify::run(&global, &args)).await,
        Command::Rebuild(args) => Box::pin(command::rebuild::run(&global, &args)).await,
        Command::Feed(args) => Box::pin(command::feed::run(&global, &args)).await,
        Command::Demo(args) => Box::pin(command::demo::run(&global, &args)).await,
        Command::Config(args) => command::config::run(&global, &args),
        Command::Explain(args) => command::explain::run(&args),
        Command::History(args) => Box::pin(command::history::run(&global, &args)).await,
        Command::Bench(args) => Box::pin(command::bench::run(&global, &args)).await,
    }
}
