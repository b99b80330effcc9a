//! The project's own tasks: `cargo xtask check`, `cargo xtask tidy` and `cargo xtask rules`.

mod check;
mod rules;
mod tidy;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask check   format, clippy, tidy, tests: the one command before a commit
cargo xtask tidy    the rules of this repository that no compiler holds
cargo xtask rules   writes the lists of the review's rules from their folders
";

/// Exit codes: 0 fine, 1 (or what the failed tool returned) something is wrong, 2 could not run.
fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let task = match words[..] {
        ["check"] => check::run,
        ["tidy"] => tidy::run,
        ["rules"] => rules::run,
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("error: unknown task \"{}\"\n{HELP}", words.join(" "));
            return ExitCode::from(2);
        }
    };
    match root() {
        Ok(root) => task(&root),
        Err(reason) => could_not(&reason),
    }
}

/// The repository, which is the folder above this crate. Cargo tells it at run time, so a binary
/// that was built in one clone and cached never looks at another.
fn root() -> Result<PathBuf, String> {
    let here = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or("CARGO_MANIFEST_DIR is not set: start it as `cargo xtask`")?;
    let mut root = PathBuf::from(here);
    root.pop();
    Ok(root)
}

/// Says why a task could not run and gives the exit code for that.
fn could_not(reason: &str) -> ExitCode {
    eprintln!("error: {reason}");
    ExitCode::from(2)
}
