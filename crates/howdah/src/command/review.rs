//! `howdah review`: findings about a database, a folder of migrations or a repository.

mod since;
mod write;

use std::io::IsTerminal as _;
use std::path::Path;

use howdah_error::{Error, Kind, Result};
use howdah_review::report::Report;
use howdah_review::suppress::{self, Allowed};
use howdah_review::target::Target;
use howdah_review::{Options, baseline, claims, report, rules};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::{Global, OutputFormat, ReviewArgs};
use crate::{Outcome, output};

/// Reviews and prints; the exit code tells whether a finding reached `--fail-on`.
pub async fn run(global: &Global, args: &ReviewArgs) -> Result<Outcome> {
    if let Some(name) = &args.explain {
        return explain(name);
    }
    let target = Target::parse(&args.target)?;
    if let Some(path) = &args.claims {
        return try_claims(global, &target, path).await;
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date().to_string();
    let allow = allowed(&target)?;
    let options = Options { static_only: args.static_only, today, allow };
    let mut report = Box::pin(howdah_review::review(&target, &options)).await?;
    if let Some(path) = &args.baseline {
        let known = baseline::apply(&mut report, &read(path)?)?;
        output::say(&format!("{known} findings are in the baseline"));
    }
    if let Some(revision) = &args.since {
        let elsewhere = since::apply(&mut report, &target, revision)?;
        output::say(&format!("{elsewhere} findings are in files that did not change"));
    }
    if let Some(folder) = &args.fix {
        write::fixes(&report, folder)?;
    }
    output::line(print(&report, global.format, args)?.trim_end())?;
    Ok(if report.fails(args.fail_on) { Outcome::Findings } else { Outcome::Fine })
}

fn print(report: &Report, format: OutputFormat, args: &ReviewArgs) -> Result<String> {
    Ok(match format {
        OutputFormat::Text => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            report::terminal(report, args.show, colour)
        }
        OutputFormat::Json => report::json(report)?,
        OutputFormat::Sarif => report::sarif(report)?,
        OutputFormat::Github => report::github(report),
        OutputFormat::Gitlab => report::gitlab(report)?,
        OutputFormat::Junit => report::junit(report),
        OutputFormat::Markdown => report::markdown(report, args.show),
        OutputFormat::Html => report::html(report),
    })
}

async fn try_claims(global: &Global, target: &Target, path: &Path) -> Result<Outcome> {
    if global.format.is_for_review() {
        return Err(Error::input("claims are printed as text or as JSON alone")
            .hint("Leave --format out, or give --format json."));
    }
    let report = Box::pin(claims(target, &read(path)?)).await?;
    match global.format {
        OutputFormat::Json => output::line(&claims::json(&report)?)?,
        _ => output::line(claims::text(&report).trim_end())?,
    }
    Ok(if report.refutes() { Outcome::Findings } else { Outcome::Fine })
}

/// What the `howdah.toml` of the target, or of the folder above it, allows.
fn allowed(target: &Target) -> Result<Vec<Allowed>> {
    let Target::Path(path) = target else { return Ok(Vec::new()) };
    let folder = if path.is_dir() { path.clone() } else { path.join("..") };
    let found = [folder.join("howdah.toml"), folder.join("../howdah.toml")];
    match found.iter().find(|file| file.is_file()) {
        Some(file) => suppress::allowed(&read(file)?),
        None => Ok(Vec::new()),
    }
}

fn explain(name: &str) -> Result<Outcome> {
    let Some(rule) = rules::find(name) else {
        let names: Vec<&str> = rules::all().map(|rule| rule.name).collect();
        return Err(Error::input(format!("there is no rule \"{name}\""))
            .hint(format!("Rules are {}.", names.join(", "))));
    };
    let needs: Vec<String> = rule.needs.iter().map(|need| format!("{need:?}")).collect();
    output::line(&format!(
        "# {} {}: {}, group {}, needs {}\n\n{}",
        rule.code,
        rule.name,
        rule.level,
        rule.group.as_str(),
        needs.join(", ").to_lowercase(),
        rule.documentation().trim_end()
    ))?;
    Ok(Outcome::Fine)
}

fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
