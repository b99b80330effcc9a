//! `cargo xtask check`: every phase in order, with its seconds; the first failure ends it.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::{could_not, tidy};

/// A phase that cargo runs: its name and cargo's arguments.
type Phase = (&'static str, &'static [&'static str]);

/// Quick phases come first, so that a small mistake is told in seconds.
const BEFORE_TIDY: &[Phase] = &[("format", &["fmt", "--all", "--check"])];

/// The tests come last, so that the closing lines of cargo are the closing lines of the check.
///
/// Plain `cargo test` and not nextest, although nextest is faster on pure tests: it needs no
/// installation, it runs the documentation tests too, and the tests of one binary share the
/// private PostgreSQL of their process, which nextest would start once for every test.
const AFTER_TIDY: &[Phase] = &[
    ("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    ("test", &["test", "--workspace", "--no-fail-fast"]),
];

/// Runs all phases and returns the exit code of the first that failed.
pub fn run(root: &Path) -> ExitCode {
    let begin = Instant::now();
    for phase in BEFORE_TIDY {
        if let Err(code) = timed(phase.0, || cargo(root, phase.1)) {
            return code;
        }
    }
    if let Err(code) = timed("tidy", || tidy_phase(root)) {
        return code;
    }
    for phase in AFTER_TIDY {
        if let Err(code) = timed(phase.0, || cargo(root, phase.1)) {
            return code;
        }
    }
    eprintln!("check: all phases passed in {:.1} s", begin.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Runs one phase between two lines that name it and give its seconds.
fn timed(name: &str, phase: impl FnOnce() -> Result<(), ExitCode>) -> Result<(), ExitCode> {
    eprintln!("== {name}");
    let begin = Instant::now();
    let outcome = phase();
    let seconds = begin.elapsed().as_secs_f64();
    let verdict = if outcome.is_ok() { "passed" } else { "failed" };
    eprintln!("== {name} {verdict} in {seconds:.1} s");
    outcome
}

fn tidy_phase(root: &Path) -> Result<(), ExitCode> {
    let code = tidy::run(root);
    if code == ExitCode::SUCCESS { Ok(()) } else { Err(code) }
}

/// Runs cargo with our own standard streams and passes its exit code on.
fn cargo(root: &Path, arguments: &[&str]) -> Result<(), ExitCode> {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|source| could_not(&format!("could not start cargo: {source}")))?;
    if status.success() {
        return Ok(());
    }
    // A process that a signal ended has no code; 1 stands for it.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(ExitCode::from(code))
}
