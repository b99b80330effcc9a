//! Whether a trigger finds what it names when its writer's search path is empty.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::{RelName, Trigger};
use howdah_error::Result;

use super::{Experiment, Lab, Verdict};
use crate::finding::{Expect, Login, Reproducer};

/// SQLSTATE: there is no such table.
const UNDEFINED_TABLE: &str = "42P01";

/// Fires a trigger on an empty copy of its table.
#[derive(Debug)]
pub struct WithoutPath {
    /// The table.
    pub table: RelName,
    /// The trigger.
    pub trigger: Trigger,
}

impl WithoutPath {
    /// The script, with an empty search path or with the login's own; `None` for a trigger that
    /// cannot be put on another table.
    fn script(&self, path: &str) -> Option<String> {
        let (head, rest) = self.trigger.definition.split_once(" ON ")?;
        let (_, tail) = rest.split_once(" FOR EACH ")?;
        // A constraint trigger, and one with a condition on columns, may not fire here.
        let head = head.replacen("CREATE CONSTRAINT TRIGGER", "CREATE TRIGGER", 1);
        // Only the row's own columns may be named by an update.
        let writes = if head.contains("INSERT") {
            "insert into pg_temp.howdah_probe default values"
        } else if head.contains("DELETE") {
            "delete from pg_temp.howdah_probe"
        } else {
            return None;
        };
        Some(format!(
            "begin;\n{path}create temporary table howdah_probe as select * from {} with no data;\n\
             insert into pg_temp.howdah_probe default values;\n\
             {head} ON pg_temp.howdah_probe FOR EACH {tail};\n{writes}",
            self.table
        ))
    }
}

impl Experiment for WithoutPath {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let fails = |sql: String| Reproducer {
                before: None,
                sql,
                expect: Expect::Failure(UNDEFINED_TABLE.to_owned()),
                login: Login::Owner,
            };
            let scripts = (self.script("set local search_path = '';\n"), self.script(""));
            let (Some(without), Some(with)) = scripts else { return Ok(Verdict::Disputed) };
            let without = fails(without);
            // One that fails with the path too does so for another reason.
            if lab.reproduce(&fails(with)).await? || !lab.reproduce(&without).await? {
                return Ok(Verdict::Disputed);
            }
            Ok(Verdict::Proved(without, None))
        }
        .boxed()
    }
}
