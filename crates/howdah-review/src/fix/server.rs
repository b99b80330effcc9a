//! Settings of the server: the scratch server is asked to take each, and takes it back before it
//! could be read; the finding must be gone where the setting has the value.

use howdah_catalog::Literal;
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

use super::{Withdrawn, withdraw};
use crate::build::ScratchDatabase;
use crate::facts::Facts;
use crate::finding::{Finding, Fix, Setting};
use crate::review;

/// Tries the settings that findings want.
pub(super) async fn run(
    built: &ScratchDatabase,
    facts: &Facts,
    findings: &mut [Finding],
    withdrawn: &mut Vec<Withdrawn>,
) -> Result<()> {
    let wanted: Vec<(usize, Setting)> = findings
        .iter()
        .enumerate()
        .filter_map(|(at, finding)| match &finding.fix {
            Some(Fix::Server(setting)) => Some((at, setting.clone())),
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let connection = built.admin().await?;
    for (at, setting) in &wanted {
        if let Some(reason) = refused(&connection, setting).await? {
            withdraw(&mut findings[*at], reason, withdrawn);
        }
    }
    connection.close().await;
    let mut after = facts.clone();
    let Some(in_use) = &mut after.in_use else { return Ok(()) };
    for (at, setting) in &wanted {
        if findings[*at].fix.is_some() {
            in_use.settings.insert(setting.name.to_owned(), setting.value.clone());
        }
    }
    let found = review::check(&after);
    for (at, _) in wanted {
        let is_there = found.iter().any(|other| other.fingerprint == findings[at].fingerprint);
        if is_there && findings[at].fix.is_some() {
            withdraw(&mut findings[at], "the finding is still there", withdrawn);
        }
    }
    Ok(())
}

/// Why the server does not take the setting.
async fn refused(connection: &Connection, setting: &Setting) -> Result<Option<String>> {
    for sql in &setting.sql {
        if let Err(error) = connection.batch_execute(sql).await {
            return Ok(Some(from_pg("the fix failed", &error).message().to_owned()));
        }
    }
    let wrong = format!(
        "select f.error from pg_catalog.pg_file_settings f\n  \
         where f.name = {} and f.error is not null\n  \
         and f.error <> 'setting could not be applied'",
        Literal(setting.name)
    );
    let rows = connection.query_typed(&wrong, &[]).await;
    let reset = format!("alter system reset {}", setting.name);
    let done = connection.batch_execute(&reset).await;
    done.map_err(|error| from_pg("could not take a setting back", &error))?;
    let rows = rows.map_err(|error| from_pg("could not read the settings", &error))?;
    Ok(rows.first().map(|row| row.get(0)))
}
