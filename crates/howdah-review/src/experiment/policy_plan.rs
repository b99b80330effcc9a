//! Whether a policy's expression is computed for each row, by the plan of a query under it.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{Ident, RelName};
use howdah_error::Result;
use howdah_pg::from_pg;

use super::{Experiment, Lab, Verdict};
use crate::finding::{Expect, Login, Reproducer};

/// Asks the planner, as a role that the policies hold for.
#[derive(Debug)]
pub struct PolicyPlan {
    /// The table.
    pub table: RelName,
    /// The function whose call is looked for in the filter of the plan.
    pub function: String,
}

impl PolicyPlan {
    fn setup(&self) -> String {
        let role = Ident::new("howdah_reader");
        format!(
            "create role {role};\ngrant usage on schema {schema} to {role};\n\
             grant select on {table} to {role};\nset role {role}",
            schema = self.table.schema,
            table = self.table,
        )
    }

    fn explain(&self) -> String {
        format!("explain (costs off) select * from {}", self.table)
    }
}

impl Experiment for PolicyPlan {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let database = lab.trial().await?;
            let connection = database.admin().await?;
            // Roles outlive databases, so this one is never committed.
            let failed = |error| from_pg("could not ask for the plan of a policy", &error);
            let script = format!("begin;\n{}", self.setup());
            connection.batch_execute(&script).await.map_err(failed)?;
            let plan = connection.query_typed(&self.explain(), &[]).await.map_err(failed)?;
            connection.close().await;
            let filter = plan.iter().map(|row| row.get::<_, String>(0)).find(|line| {
                line.trim_start().starts_with("Filter:") && line.contains(&self.function)
            });
            let Some(filter) = filter else { return Ok(Verdict::Disputed) };
            let reproducer = Reproducer {
                before: None,
                sql: format!("begin;\n{};\n{}", self.setup(), self.explain()),
                expect: Expect::Line(filter.trim().to_owned()),
                login: Login::Superuser,
            };
            Ok(Verdict::Proved(reproducer, Some(format!("The plan has {}.", filter.trim()))))
        }
        .boxed()
    }
}
