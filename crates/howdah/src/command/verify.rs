//! `howdah verify`: proofs, exit 1 when one fails.

use howdah_error::Result;
use howdah_upkeep::verify::{self, PositionProof, Proof};
use serde_json::json;

use crate::Outcome;
use crate::cli::{Global, OutputFormat, VerifyArgs, VerifyWhat};
use crate::output::{self, Table, cut, grouped};
use crate::session::Session;

/// Proves what was asked for.
pub async fn run(global: &Global, args: &VerifyArgs) -> Result<Outcome> {
    let session = Session::open(global).await?;
    let result = prove(&session, global, args).await;
    session.close().await?;
    result
}

async fn prove(session: &Session, global: &Global, args: &VerifyArgs) -> Result<Outcome> {
    let connection = session.connect().await?;
    session.require_applied(&connection).await?;
    let system = session.system(&connection).await?;
    let rollups = if args.what == VerifyWhat::Positions {
        Vec::new()
    } else {
        verify::rollups(&connection, &system, &args.rollup, |_| {}).await?
    };
    let positions = if args.what == VerifyWhat::Rollups {
        Vec::new()
    } else {
        verify::positions(&connection, &system).await?
    };
    if global.format == OutputFormat::Json {
        output::json(&json!({
            "version": 1,
            "rollups": rollups.iter().map(|proof| json!({
                "relation": proof.relation, "rows": proof.rows, "missing": proof.missing,
                "surplus": proof.surplus, "holds": proof.holds(), "keys": proof.keys,
            })).collect::<Vec<_>>(),
            "positions": positions.iter().map(|proof| json!({
                "source": proof.source, "shard": proof.shard, "position": proof.position,
                "events": proof.events, "holds": proof.problems.is_empty(),
                "problems": proof.problems, "lost": proof.lost,
            })).collect::<Vec<_>>(),
        }))?;
    } else {
        print_rollups(&rollups)?;
        print_positions(&positions)?;
    }
    let holds =
        rollups.iter().all(Proof::holds) && positions.iter().all(|proof| proof.problems.is_empty());
    Ok(if holds { Outcome::Fine } else { Outcome::Findings })
}

/// Prints the proofs of rollups.
pub fn print_rollups(proofs: &[Proof]) -> Result<()> {
    if proofs.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["rollup", "rows", "missing", "surplus", "proof"]);
    for proof in proofs {
        table.row(vec![
            proof.relation.clone(),
            grouped(proof.rows),
            grouped(proof.missing),
            grouped(proof.surplus),
            if proof.holds() { "equal to the stream" } else { "DIFFERS" }.to_owned(),
        ]);
    }
    table.print()?;
    for proof in proofs.iter().filter(|proof| !proof.holds()) {
        output::say(&format!("{} differs [HD0601], for instance at:", proof.relation));
        for key in &proof.keys {
            output::say(&format!("  {key}"));
        }
        output::say("  Hint: howdah rebuild recomputes it; then find out who wrote beside howdah.");
    }
    Ok(())
}

/// Prints the proofs of positions.
pub fn print_positions(proofs: &[PositionProof]) -> Result<()> {
    if proofs.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["source", "shard", "events", "proof"]);
    for proof in proofs {
        table.row(vec![
            cut(&proof.source),
            cut(&proof.shard),
            grouped(proof.events),
            if proof.problems.is_empty() { "adds up" } else { "DIFFERS" }.to_owned(),
        ]);
    }
    table.print()?;
    for proof in proofs {
        for problem in &proof.problems {
            output::say(&format!("{}/{} [HD0602]: {problem}", proof.source, proof.shard));
        }
        if let Some(lost) = &proof.lost {
            output::say(&format!("{}/{}: {lost} See howdah.losses.", proof.source, proof.shard));
        }
    }
    Ok(())
}
