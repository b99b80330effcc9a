//! How far a delete reaches: made-up rows along a chain of foreign keys, of which the first is
//! deleted.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_pg::Connection;

use super::made_up::{insert, number, run};
use super::{Experiment, Lab, Verdict};
use crate::finding::Reproducer;

/// Deletes the first of a chain and looks whether the row of the last is still there.
#[derive(Debug)]
pub struct Cascade {
    /// The tables, each referring to the one before it.
    pub chain: Vec<RelName>,
    /// What shows it by the catalog.
    pub by_catalog: Reproducer,
}

impl Cascade {
    async fn delete(&self, lab: &Lab<'_>, connection: &Connection) -> Result<Verdict> {
        let (Some(catalog), Some(first), Some(last)) =
            (lab.facts().catalog.as_ref(), self.chain.first(), self.chain.last())
        else {
            return Ok(Verdict::Undecided);
        };
        // Columns of one type get one value, so keys and what refers to them fit; what else the
        // rows refer to need not be there.
        let mut script = "begin;\nset session_replication_role = replica;\n".to_owned();
        for name in &self.chain {
            let Some(table) = catalog.relation(name) else { return Ok(Verdict::Undecided) };
            let sql = insert(catalog, table, &name.to_string(), 1, 1);
            script.push_str(&format!("delete from {name};\n{sql};\n"));
        }
        script.push_str(&format!("set session_replication_role = origin;\ndelete from {first};\n"));
        run(connection, &script).await?;
        if number(connection, &format!("select count(*) from {last}")).await? > 0 {
            return Ok(Verdict::Disputed);
        }
        let found = format!(
            "Deleting a made-up row of \"{}\" deleted that of \"{}\".",
            first.plain(),
            last.plain()
        );
        Ok(Verdict::Proved(self.by_catalog.clone(), Some(found)))
    }
}

impl Experiment for Cascade {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            // Only the superuser may put rows beside the constraints.
            let connection = database.admin().await?;
            let verdict = self.delete(lab, &connection).await;
            connection.close().await;
            verdict
        }
        .boxed()
    }
}
