//! `howdah explain`: the page of an error code.

use howdah_error::{Code, Result};

use crate::cli::ExplainArgs;
use crate::{Outcome, output};

/// Prints the page of a code, or the titles of all.
pub fn run(args: &ExplainArgs) -> Result<Outcome> {
    match args.code {
        Some(code) => output::line(code.page().trim_end())?,
        None => {
            for code in Code::ALL {
                let title = code.page().lines().next().unwrap_or_default();
                output::line(title.trim_start_matches("# "))?;
            }
        }
    }
    Ok(Outcome::Fine)
}
