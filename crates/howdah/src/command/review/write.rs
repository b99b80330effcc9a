//! `--fix DIR`: the fixes as files.

use std::fs;
use std::path::Path;

use howdah_error::{Error, Kind, Result};
use howdah_review::fix;
use howdah_review::report::Report;

use crate::output;

/// Writes each file; one that is there already is not written over.
pub fn fixes(report: &Report, folder: &Path) -> Result<()> {
    let files = fix::files(report);
    for file in &files {
        let path = folder.join(&file.path);
        let failed = |error| {
            Error::new(Kind::Io, format!("could not write \"{}\"", path.display())).source(error)
        };
        if path.exists() {
            return Err(Error::input(format!("\"{}\" is there already", path.display()))
                .hint("Give a new folder to --fix, and compare."));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&path, &file.text).map_err(failed)?;
        output::say(&format!("wrote {}", path.display()));
    }
    if files.is_empty() {
        output::say("there is nothing to fix by SQL");
    }
    Ok(())
}
