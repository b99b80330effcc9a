//! `howdah rebuild ROLLUP`: recompute from the stream, online.

use howdah_error::{Error, Result};
use howdah_upkeep::rebuild::{Asked, find, rebuild_derived, rebuild_level, rebuild_spans};

use crate::cli::{Global, RebuildArgs};
use crate::session::Session;
use crate::{Outcome, output};

/// Rebuilds every level of a rollup, or the part between two times.
pub async fn run(global: &Global, args: &RebuildArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = rebuild(&session, args).await;
    session.close().await?;
    result
}

async fn rebuild(session: &Session, args: &RebuildArgs) -> Result<Outcome> {
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    let system = session.system(&connection).await?;
    let mut derived = system.derived.iter();
    if let Some(derived) = derived.find(|derived| derived.name == args.rollup) {
        if args.from.is_some() || args.to.is_some() {
            return Err(Error::input(format!("\"{}\" has no time buckets", args.rollup))
                .hint("Leave --from and --to out: a derived rollup is recomputed as a whole."));
        }
        rebuild_derived(&connection, &system, derived).await?;
        output::say(&format!("{}: the whole rollup recomputed", derived.table.plain()));
        return Ok(Outcome::Fine);
    }
    let mut of_spans = system.span_rollups.iter();
    if let Some(rollup) = of_spans.find(|spans| spans.rollup.name == args.rollup) {
        if args.from.is_some() || args.to.is_some() {
            return Err(Error::input(format!("\"{}\" is made of spans", args.rollup))
                .hint("Leave --from and --to out: a rollup of spans is recomputed as a whole."));
        }
        for (index, level) in rollup.rollup.levels.iter().enumerate() {
            rebuild_spans(&connection, &system, rollup, index).await?;
            output::say(&format!("{}: the whole rollup recomputed", level.table.plain()));
        }
        return Ok(Outcome::Fine);
    }
    let rollup = find(&system, &args.rollup)?;
    let asked = (args.from.is_some() || args.to.is_some())
        .then(|| Asked { from: args.from.clone(), to: args.to.clone() });
    for (index, level) in rollup.levels.iter().enumerate() {
        let mut ranges = 0_u64;
        let name = &args.rollup;
        rebuild_level(&connection, &system, name, index, asked.as_ref(), |_| ranges += 1).await?;
        let what = if level.bucket.is_some() {
            format!("{ranges} ranges")
        } else {
            "the whole state".to_owned()
        };
        output::say(&format!("{}: {what} recomputed", level.table.plain()));
    }
    Ok(Outcome::Fine)
}
