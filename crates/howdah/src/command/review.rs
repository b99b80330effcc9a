//! `howdah review`: findings about a database, a folder of migrations or a repository.

use std::io::IsTerminal as _;
use std::path::Path;

use howdah_error::{Error, Kind, Result};
use howdah_review::target::Target;
use howdah_review::{Options, baseline, report, rules};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli::{Global, OutputFormat, ReviewArgs};
use crate::{Outcome, output};

/// Reviews and prints; the exit code tells whether a finding reached `--fail-on`.
pub async fn run(global: &Global, args: &ReviewArgs) -> Result<Outcome> {
    if let Some(name) = &args.explain {
        return explain(name);
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date().to_string();
    let options = Options { static_only: args.static_only, today };
    let target = Target::parse(&args.target)?;
    let mut report = Box::pin(howdah_review::review(&target, &options)).await?;
    if let Some(path) = &args.baseline {
        let known = baseline::apply(&mut report, &read(path)?)?;
        output::say(&format!("{known} findings are in the baseline"));
    }
    match global.format {
        OutputFormat::Text => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            output::line(report::terminal(&report, args.show, colour).trim_end())?;
        }
        OutputFormat::Json => output::line(&report::json(&report)?)?,
        OutputFormat::Sarif => output::line(&report::sarif(&report)?)?,
    }
    Ok(if report.fails(args.fail_on) { Outcome::Findings } else { Outcome::Fine })
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
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(Kind::Io, format!("could not read \"{}\"", path.display())).source(error)
    })
}
