//! What row triggers of a table cost its writers: rows are written to a copy with them and to one
//! without.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Ident, RelName, Relation, Trigger};
use howdah_error::Result;
use howdah_pg::Connection;

use super::made_up::{ROUNDS, copy, in_rounds, insert, run};
use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Rows of one round of inserts.
const ROWS: u32 = 2_000;

/// Writes to a table with and without a trigger.
#[derive(Debug)]
pub struct AuditCost {
    /// The table.
    pub table: RelName,
    /// The trigger.
    pub trigger: Ident,
}

/// The trigger on another table.
fn on_copy(trigger: &Trigger, name: &str) -> Option<String> {
    let (head, rest) = trigger.definition.split_once(" ON ")?;
    let (_, tail) = rest.split_once(" FOR EACH ROW")?;
    Some(format!("{head} ON {name} FOR EACH ROW{tail};\n"))
}

fn setup(table: &Relation, trigger: &Trigger) -> Option<String> {
    let keys = || table.indexes.iter().filter(|index| index.unique);
    Some(format!(
        "{}{}{}",
        copy(table, "howdah_audited", keys()),
        on_copy(trigger, "howdah_audited")?,
        copy(table, "howdah_bare", keys())
    ))
}

impl AuditCost {
    async fn measure(&self, lab: &Lab<'_>, connection: &Connection) -> Result<Verdict> {
        let Some(catalog) = lab.facts().catalog.as_ref() else { return Ok(Verdict::Undecided) };
        let Some(table) = catalog.relation(&self.table) else { return Ok(Verdict::Undecided) };
        let trigger = table.triggers.iter().find(|trigger| trigger.name == self.trigger);
        let Some(setup) = trigger.and_then(|trigger| setup(table, trigger)) else {
            return Ok(Verdict::Undecided);
        };
        run(connection, &format!("begin;\n{setup}")).await?;
        let copies = ["howdah_audited", "howdah_bare"];
        let [a, b] = in_rounds(connection, (catalog, table), copies, ROWS).await?;
        if a.wal * 2 < b.wal * 3 {
            return Ok(Verdict::Disputed);
        }
        let measured = format!(
            "{ROUNDS} rounds of {ROWS} made-up rows, medians: {:.0} ms and {} kB of WAL with the \
             trigger, {:.0} ms and {} kB without.",
            a.ms,
            a.wal / 1024,
            b.ms,
            b.wal / 1024
        );
        // The copies stand in the same transaction, so nothing else is between the positions.
        let reproducer = Reproducer::query(format!(
            "begin;\n{setup}\
             select pg_current_wal_insert_lsn() as at into temp howdah_0;\n{};\n\
             select pg_current_wal_insert_lsn() as at into temp howdah_1;\n{};\n\
             select pg_current_wal_insert_lsn() as at into temp howdah_2;\n\
             select 'more WAL' from howdah_0 a, howdah_1 b, howdah_2 c\n  \
             where b.at - a.at > 1.2 * (c.at - b.at)",
            insert(catalog, table, "howdah_audited", 1, ROWS),
            insert(catalog, table, "howdah_bare", 1, ROWS),
        ));
        Ok(Verdict::Proved(reproducer, Some(measured)))
    }
}

impl Experiment for AuditCost {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            let connection = database.connect().await?;
            let verdict = self.measure(lab, &connection).await;
            connection.close().await;
            verdict
        }
        .boxed()
    }
}
