//! The end of a demo: what is there against what was fed, the proofs, and where to look.

use howdah_error::Result;
use howdah_feed::{Counts, Expected};
use howdah_pg::{Connection, from_pg};
use howdah_system::Origin;
use howdah_upkeep::verify::{self, Proof};

use super::screen;
use super::stage::Stage;
use super::systems::{DEAD_LETTERS, Embedded};
use crate::cli::DemoArgs;
use crate::command::verify::{print_positions, print_rollups};
use crate::output::{Table, cut, grouped, line};

/// What is committed of each Redis stream, in the order of the system file.
pub type Committed = Vec<(String, Counts)>;

/// Reads what is committed of each Redis stream.
pub async fn committed(connection: &Connection, stage: &Stage) -> Result<Committed> {
    let model = stage.session.model(connection).await?;
    let mut out: Committed = Vec::new();
    for source in &model.system.sources {
        if let Origin::Redis { streams, .. } = &source.origin {
            out.extend(streams.iter().map(|stream| (stream.clone(), Counts::default())));
        }
    }
    let rows = connection
        .query("select shard, rows, duplicates, dead_letters from howdah.positions", &[])
        .await
        .map_err(|error| from_pg("could not read the positions", &error))?;
    for row in rows {
        let shard: String = row.get(0);
        let Some((_, counts)) = out.iter_mut().find(|(stream, _)| *stream == shard) else {
            continue;
        };
        let count = |index| row.get::<_, i64>(index) as u64;
        counts.rows += count(1);
        counts.duplicates += count(2);
        counts.broken += count(3);
    }
    Ok(out)
}

/// Prints the summary; `true` when every count and every proof holds.
pub async fn print(
    connection: &Connection,
    stage: &Stage,
    system: &Embedded,
    expected: &Expected,
    before: &Committed,
) -> Result<bool> {
    let now = committed(connection, stage).await?;
    let mut holds = print_counts(expected, before, &now)?;
    if before.iter().all(|(_, counts)| *counts == Counts::default()) {
        holds &= print_claims(connection, expected).await?;
    }
    let model = stage.session.model(connection).await?;
    let rollups = verify::rollups(connection, &model.system, &[], |_| {}).await?;
    let positions = verify::positions(connection, &model.system).await?;
    line("")?;
    print_rollups(&rollups)?;
    line("")?;
    print_positions(&positions)?;
    holds &= rollups.iter().all(Proof::holds);
    holds &= positions.iter().all(|proof| proof.problems.is_empty());
    for look in system.looks.iter().chain([&DEAD_LETTERS]) {
        line(&format!("\n{}", look.title))?;
        for text in screen::table(connection, look).await?.lines() {
            line(&format!("  {text}"))?;
        }
    }
    line("")?;
    line(if holds {
        "Everything that was fed is there once, and every rollup equals its stream."
    } else {
        "NOT everything holds: see the lines marked DIFFERS."
    })?;
    Ok(holds)
}

/// The sums that the feed has kept itself, against those of the store.
async fn print_claims(connection: &Connection, expected: &Expected) -> Result<bool> {
    let mut table = Table::new(&["sum", "is", "of the feed", "proof"]);
    let mut all = true;
    for claim in expected.claims() {
        let sql = format!(
            "select trim_scale(s::numeric)::text, trim_scale($1::text::numeric)::text \
                           from ({}) q (s)",
            claim.sql
        );
        let row = connection
            .query_one(&sql, &[&claim.is])
            .await
            .map_err(|error| from_pg(&format!("could not sum: {}", claim.what), &error))?;
        let (is, want) = (row.get::<_, Option<String>>(0).unwrap_or_default(), row.get(1));
        let same = is == want;
        all &= same;
        let proof = if same { "as fed" } else { "DIFFERS" };
        table.row(vec![claim.what.to_owned(), is, want, proof.to_owned()]);
    }
    if !expected.claims().is_empty() {
        line("")?;
        table.print()?;
    }
    Ok(all)
}

fn print_counts(expected: &Expected, before: &Committed, now: &Committed) -> Result<bool> {
    let mut table =
        Table::new(&["stream", "rows", "of", "repeats", "of", "letters", "of", "proof"]);
    let fresh = before.iter().all(|(_, counts)| *counts == Counts::default());
    let mut all = true;
    for (index, (name, now)) in now.iter().enumerate() {
        let before = before.get(index).map_or_else(Counts::default, |(_, counts)| *counts);
        let want = expected.stream(name);
        let pairs = [
            (now.rows - before.rows, want.rows),
            (now.duplicates - before.duplicates, want.duplicates),
            (now.broken - before.broken, want.broken),
        ];
        let exact = pairs.iter().all(|(is, want)| is == want);
        // A demo that goes on may meet keys of the one before: those rows are repeats then.
        let kept = !fresh
            && pairs[0].0 + pairs[1].0 == pairs[0].1 + pairs[1].1
            && pairs[2].0 == pairs[2].1;
        all &= exact || kept;
        let mut cells = vec![cut(name)];
        for (is, want) in pairs {
            cells.extend([grouped(is as i64), grouped(want as i64)]);
        }
        let proof = match (exact, kept) {
            (true, _) => "as fed",
            (_, true) => "as fed, some were there",
            _ => "DIFFERS",
        };
        cells.push(proof.to_owned());
        table.row(cells);
    }
    table.print()?;
    Ok(all)
}

/// Prints how to look with psql and howdah.
pub fn print_ways(stage: &Stage, system: &Embedded, args: &DemoArgs) -> Result<()> {
    let Some(server) = stage.session.private_server() else { return Ok(()) };
    if args.stay {
        line("\nThe servers run until Ctrl-C. In another terminal:")?;
    } else {
        line("\nThe servers end with this command. To look around, start them again")?;
        let dir = args.dir.display();
        line(&format!("  howdah demo {} --dir {dir} --keep --stay --events 0", args.system))?;
        line("and in another terminal:")?;
    }
    line(&format!(
        "  PGPASSWORD=$(cat {}) \\\n    psql -h 127.0.0.1 -p {} -U howdah howdah",
        server.home().join("howdah.password").display(),
        server.port()
    ))?;
    line("    select * from howdah.positions;      -- how far each source is committed")?;
    for statement in system.tries {
        line(&format!("    {statement}"))?;
    }
    for command in ["status", "dead-letters list", "dead-letters show 1", "verify"] {
        line(&format!("  howdah --file {} {command}", stage.folder.display()))?;
    }
    Ok(())
}
