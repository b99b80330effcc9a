//! `howdah config show`: every setting, its value and where it comes from.

use howdah_error::Result;
use serde::Serialize;

use crate::Outcome;
use crate::cli::{ConfigAction, ConfigArgs, Global, OutputFormat};
use crate::output::{self, Table};
use crate::session::{read_system_file, system_path};

/// One setting, as JSON.
#[derive(Serialize)]
struct Setting {
    path: String,
    value: String,
    origin: String,
}

/// Prints the effective configuration. Needs no database.
pub fn run(global: &Global, args: &ConfigArgs) -> Result<Outcome> {
    let ConfigAction::Show = args.action;
    let path = system_path(&global.file);
    let file = read_system_file(&path)?;
    let settings: Vec<Setting> = file
        .effective()
        .into_iter()
        .map(|setting| Setting {
            path: setting.path,
            value: setting.value,
            origin: setting.origin.to_string(),
        })
        .collect();
    if global.format == OutputFormat::Json {
        output::json(&settings)?;
        return Ok(Outcome::Fine);
    }
    let mut table = Table::new(&["setting", "value", "from"]);
    for setting in settings {
        table.row(vec![setting.path, setting.value, setting.origin]);
    }
    table.print()?;
    Ok(Outcome::Fine)
}
