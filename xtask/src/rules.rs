//! `cargo xtask rules`: the lists of the review's rules, written from their folders.
//!
//! The files of `crates/howdah-review/src/rules/GROUP/` are the truth; `rules/GROUP.rs` names each
//! of them twice, as a module and in the list. Tidy compares what is there with what this writes.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::could_not;

/// Where the groups are.
pub const FOLDER: &str = "crates/howdah-review/src/rules";

/// Writes the list of every group.
pub fn run(root: &Path) -> ExitCode {
    match write_all(&root.join(FOLDER)) {
        Ok(written) => {
            eprintln!("rules: {written} groups");
            ExitCode::SUCCESS
        }
        Err(error) => could_not(&format!("could not write the lists of rules: {error}")),
    }
}

fn write_all(folder: &Path) -> io::Result<usize> {
    let mut written = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(group) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !path.is_dir() {
            continue;
        }
        let mut modules = Vec::new();
        for file in fs::read_dir(&path)? {
            let file = file?.path();
            if file.extension().is_some_and(|ending| ending == "rs") {
                modules.extend(file.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            }
        }
        modules.sort();
        fs::write(folder.join(format!("{group}.rs")), list(group, &modules))?;
        written += 1;
    }
    Ok(written)
}

/// The text of a group's list; `modules` are sorted.
pub fn list(group: &str, modules: &[String]) -> String {
    let mut text = format!(
        "//! The rules of the group \"{group}\". This list is written by `cargo xtask rules`.\n\n"
    );
    for module in modules {
        text.push_str(&format!("mod {module};\n"));
    }
    if !modules.is_empty() {
        text.push('\n');
    }
    text.push_str("use crate::rule::Rule;\n\n");
    text.push_str(
        "#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.\n",
    );
    text.push_str("pub(super) const RULES: &[Rule] = &[\n");
    for module in modules {
        text.push_str(&format!("    {module}::RULE,\n"));
    }
    text.push_str("];\n");
    text
}
