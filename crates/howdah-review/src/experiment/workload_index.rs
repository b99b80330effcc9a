//! Whether an index makes a workload cheaper: it is built on a copy whose table holds rows made
//! after the target's statistics; the statement is run with and without it, and so are writes.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::name::list;
use howdah_catalog::{Catalog, Ident, RelName, Relation};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_sql::search::{Parameter, Search};

use super::made_up::{insert_alike, run, value_alike};
use super::{Experiment, Lab, Verdict, nothing_shown};
use crate::facts::WorkloadStatement;
use crate::finding::{Expect, Login, Reproducer};

/// The most rows that are made.
const MOST_ROWS: f64 = 100_000.0;
/// How often the statement is run with and without the index.
const RUNS: u32 = 15;
/// How often the write is.
const WRITES: u32 = 5;
/// Rows of a measured write.
const WRITTEN: u32 = 2_000;
/// Of the time without the index, at most this share may be left with it.
const WORTH: f64 = 0.7;
/// The row whose values are searched for.
const SOUGHT: &str = "7";
/// Rows that a limit of unknown size lets through.
const LIMIT: &str = "10";
/// What the index is called on the copy.
const NAME: &str = "howdah_tried";

/// An index for a statement of the workload.
#[derive(Debug)]
pub struct WorkloadIndex {
    /// The table.
    pub table: RelName,
    /// The columns of the index.
    pub columns: Vec<Ident>,
    /// What the statement looks for.
    pub search: Search,
    /// The statement.
    pub statement: WorkloadStatement,
}

/// Medians of one run of the statement and of one written row, in seconds.
#[derive(Debug, Clone, Copy)]
struct Cost {
    read: f64,
    write: f64,
}

/// What an index saves in all, in seconds: the calls are cheaper, the writes dearer.
fn gain(without: Cost, with: Cost, calls: i64, writes: i64) -> f64 {
    let paid = (with.write - without.write).max(0.0);
    (without.read - with.read) * calls as f64 - paid * writes as f64
}

impl Experiment for WorkloadIndex {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let catalog = lab.facts().catalog.as_ref();
            let Some((catalog, table)) = catalog.and_then(|c| Some((c, c.relation(&self.table)?)))
            else {
                return Ok(Verdict::Disputed);
            };
            let Some(trial) = Trial::new(self, catalog, table) else {
                return Ok(Verdict::Disputed);
            };
            let database = lab.copy().await?;
            // As the superuser, past triggers and foreign keys: the rows are our own.
            let connection = database.admin().await?;
            let verdict = self.compare(&connection, table, &trial).await;
            connection.close().await;
            lab.done(database).await?;
            verdict.or_else(nothing_shown)
        }
        .boxed()
    }
}

/// The SQL of the experiment.
struct Trial {
    rows: u32,
    fill: String,
    write: String,
    build: String,
    query: String,
}

impl Trial {
    fn new(index: &WorkloadIndex, catalog: &Catalog, table: &Relation) -> Option<Self> {
        let rows = table.stats.estimated_rows.min(MOST_ROWS) as u32;
        let fill = insert_alike(catalog, table, rows, (1, rows))?;
        let write = insert_alike(catalog, table, rows, (rows + 1, rows + WRITTEN))?;
        let build = format!("create index {NAME} on {} ({})", index.table, list(&index.columns));
        let values = |number: u32| match index.search.parameters.get(&number) {
            Some(Parameter::Compared(name)) => {
                let value = value_alike(catalog, table, table.column(name)?, rows)?;
                Some(format!("(select {value} from (values ({SOUGHT})) v (n))"))
            }
            Some(Parameter::Limit) => Some(LIMIT.to_owned()),
            None => Some("null".to_owned()),
        };
        let query = with_values(&index.statement.query, values)?;
        Some(Self { rows, fill, write, build, query })
    }
}

/// The statement with a value in the place of each `$n`.
fn with_values(query: &str, value: impl Fn(u32) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    let mut rest = query;
    while let Some(at) = rest.find('$') {
        let digits = rest[at + 1..].chars().take_while(char::is_ascii_digit).count();
        let number = rest[at + 1..at + 1 + digits].parse().ok()?;
        text.push_str(&rest[..at]);
        text.push_str(&value(number)?);
        rest = &rest[at + 1 + digits..];
    }
    Some(text + rest)
}

impl WorkloadIndex {
    async fn compare(
        &self,
        connection: &Connection,
        table: &Relation,
        trial: &Trial,
    ) -> Result<Verdict> {
        let prepare = format!(
            "set session_replication_role to replica;\n{};\nanalyze {}",
            trial.fill, self.table
        );
        run(connection, &prepare).await?;
        let without = cost(connection, trial).await?;
        run(connection, &trial.build).await?;
        let with = cost(connection, trial).await?;
        let writes = table.stats.inserted + (table.stats.updated - table.stats.hot_updated);
        let gain = gain(without, with, self.statement.calls, writes);
        if gain <= 0.0 || with.read > without.read * WORTH {
            return Ok(Verdict::Disputed);
        }
        let reproducer = Reproducer {
            before: None,
            sql: format!(
                "begin;\ncreate role howdah_filler superuser;\nset local role howdah_filler;\n\
                 set local session_replication_role to replica;\n{};\nanalyze {};\n{};\n\
                 explain (costs off) {}",
                trial.fill, self.table, trial.build, trial.query
            ),
            expect: Expect::Line(NAME.to_owned()),
            login: Login::Superuser,
        };
        let told = format!(
            "On {} made rows a run took {:.3} ms, with the index {:.3} ms (medians of {RUNS}), \
             and a written row {:.1} µs more. With {} calls and {writes} writes that saves \
             {gain:.1} s.",
            trial.rows,
            without.read * 1e3,
            with.read * 1e3,
            (with.write - without.write).max(0.0) * 1e6,
            self.statement.calls,
        );
        Ok(Verdict::Proved(reproducer, Some(told)))
    }
}

/// What the statement and a written row take now.
async fn cost(connection: &Connection, trial: &Trial) -> Result<Cost> {
    let failed = |error| from_pg("could not run a statement of the workload", &error);
    let query = format!("begin;\n{};\nrollback", trial.query);
    let write = format!("begin;\n{};\nrollback", trial.write);
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begin = Instant::now();
        connection.simple_query(&query).await.map_err(failed)?;
        reads.push(begin.elapsed());
    }
    for _ in 0..WRITES {
        let begin = Instant::now();
        run(connection, &write).await?;
        writes.push(begin.elapsed() / WRITTEN);
    }
    Ok(Cost { read: median(reads), write: median(writes) })
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_may_cost_more_than_the_calls_save() {
        let (without, with) = (Cost { read: 0.005, write: 1e-6 }, Cost { read: 1e-4, write: 3e-6 });
        assert!(gain(without, with, 1_000, 100_000) > 0.0);
        assert!(gain(without, with, 1_000, 3_000_000) < 0.0);
        // A write that happened to be faster is no gain.
        assert!(gain(with, with, 1_000, 1_000).abs() < f64::EPSILON);
    }

    #[test]
    fn parameters_are_given_values() {
        let given = with_values("select 1 from t where a = $1 and b = $12 limit $2", |number| {
            (number < 20).then(|| format!("<{number}>"))
        });
        assert_eq!(given.as_deref(), Some("select 1 from t where a = <1> and b = <12> limit <2>"));
        assert_eq!(with_values("select $1", |_| None), None);
    }
}
