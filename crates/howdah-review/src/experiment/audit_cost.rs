//! What row triggers of a table cost its writers: rows are written to a copy with them and to one
//! without.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Ident, RelName, Relation, Trigger};
use howdah_error::Result;
use howdah_pg::Connection;

use super::made_up::{ROUNDS, copy, in_rounds, insert, number, run};
use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Rows of one round of inserts.
const ROWS: u32 = 2_000;
/// The rows that this transaction has inserted into tables other than the copies.
const ELSEWHERE: &str = "select coalesce(sum(n_tup_ins), 0)::bigint from pg_stat_xact_user_tables \
                         where relname not in ('howdah_audited', 'howdah_bare')";

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
        // By rows and not by WAL: whatever else the server does meanwhile writes WAL too.
        if number(connection, ELSEWHERE).await? * 2 < i64::from(ROWS * ROUNDS) {
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
        let reproducer = Reproducer::query(format!(
            "begin;\n{setup}{};\n\
             select 'a row elsewhere for most rows' where ({ELSEWHERE}) * 2 >= {ROWS}",
            insert(catalog, table, "howdah_audited", 1, ROWS),
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
