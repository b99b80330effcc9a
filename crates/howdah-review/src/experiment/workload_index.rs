//! Whether an index makes a workload cheaper: it is built on a copy whose table holds rows made
//! after the target's statistics; the statement is run with and without it, and so are writes.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use howdah_catalog::name::list;
use howdah_catalog::{Column, Ident, Literal, RelName, Relation};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

use super::{Experiment, Lab, Verdict, nothing_shown};
use crate::facts::WorkloadStatement;
use crate::finding::{Expect, Reproducer};

/// The most rows that are made.
const MOST_ROWS: f64 = 100_000.0;
/// How often the statement is run with and without the index.
const RUNS: u32 = 15;
/// Rows of a measured write.
const WRITTEN: i64 = 5_000;
/// Of the time without the index, at most this share may be left with it.
const WORTH: f64 = 0.7;

/// An index for a statement of the workload.
#[derive(Debug)]
pub struct WorkloadIndex {
    /// The table.
    pub table: RelName,
    /// The columns that the statement compares with parameters.
    pub columns: Vec<Ident>,
    /// The statement.
    pub statement: WorkloadStatement,
}

/// Medians of one run of the statement and of one written row.
struct Cost {
    read: Duration,
    write: Duration,
}

impl Experiment for WorkloadIndex {
    fn run<'a>(&'a self, lab: &'a Lab<'a>) -> BoxFuture<'a, Result<Verdict>> {
        async move {
            let catalog = lab.facts().catalog.as_ref();
            let Some(table) = catalog.and_then(|catalog| catalog.relation(&self.table)) else {
                return Ok(Verdict::Disputed);
            };
            let rows = table.stats.estimated_rows.min(MOST_ROWS) as i64;
            let Some(filled) = fill(table, 1, rows) else { return Ok(Verdict::Disputed) };
            let Some(write) = fill(table, rows + 1, rows + WRITTEN) else {
                return Ok(Verdict::Disputed);
            };
            let database = lab.copy().await?;
            // As the superuser, past triggers and foreign keys: the rows are our own.
            let connection = database.admin().await?;
            let verdict = self.compare(&connection, table, (&filled, &write), rows).await;
            connection.close().await;
            lab.done(database).await?;
            verdict.or_else(nothing_shown)
        }
        .boxed()
    }
}

impl WorkloadIndex {
    async fn compare(
        &self,
        connection: &Connection,
        table: &Relation,
        (filled, write): (&str, &str),
        rows: i64,
    ) -> Result<Verdict> {
        let failed = |error| from_pg("could not try an index", &error);
        let sql =
            format!("set session_replication_role to replica;\n{filled};\nanalyze {}", self.table);
        connection.batch_execute(&sql).await.map_err(failed)?;
        let without = self.cost(connection, table, write).await?;
        let build = format!("create index on {} ({})", self.table, list(&self.columns));
        connection.batch_execute(&build).await.map_err(failed)?;
        let with = self.cost(connection, table, write).await?;
        let seconds = |time: Duration| time.as_secs_f64();
        let saved = seconds(without.read) - seconds(with.read);
        let paid = seconds(with.write) - seconds(without.write);
        let writes = table.stats.inserted + (table.stats.updated - table.stats.hot_updated);
        let gain = saved * self.statement.calls as f64 - paid.max(0.0) * writes as f64;
        if gain <= 0.0 || seconds(with.read) > seconds(without.read) * WORTH {
            return Ok(Verdict::Disputed);
        }
        let reproducer = Reproducer {
            before: None,
            sql: format!(
                "begin;\ncreate role howdah_filler superuser;\nset local role howdah_filler;\n\
                 set local session_replication_role to replica;\n{filled};\nanalyze {};\n{build};\n\
                 explain (costs off) {}",
                self.table,
                self.query(table)
            ),
            expect: Expect::Line("Index".to_owned()),
        };
        let told = format!(
            "On {rows} made rows a run took {:.3} ms, with the index {:.3} ms (medians of {RUNS}), \
             and a written row {:.1} µs more. With {} calls and {writes} writes that saves \
             {:.1} s.",
            seconds(without.read) * 1e3,
            seconds(with.read) * 1e3,
            paid.max(0.0) * 1e6,
            self.statement.calls,
            gain
        );
        Ok(Verdict::Proved(reproducer, Some(told)))
    }

    async fn cost(&self, connection: &Connection, table: &Relation, write: &str) -> Result<Cost> {
        let failed = |error| from_pg("could not run a statement of the workload", &error);
        let query = self.query(table);
        let mut reads = Vec::new();
        for _ in 0..RUNS {
            let begin = Instant::now();
            connection.simple_query(&query).await.map_err(failed)?;
            reads.push(begin.elapsed());
        }
        let mut writes = Vec::new();
        for _ in 0..5 {
            let begin = Instant::now();
            let sql = format!("begin;\n{write};\nrollback");
            connection.batch_execute(&sql).await.map_err(failed)?;
            writes.push(begin.elapsed() / WRITTEN as u32);
        }
        Ok(Cost { read: median(reads), write: median(writes) })
    }

    /// The statement with the values of a made row in the place of its parameters; those of other
    /// places, such as a limit, are one.
    fn query(&self, table: &Relation) -> String {
        let mut query = self.statement.query.clone();
        for column in &self.columns {
            let Some(made) = table.column(column.as_str()) else { continue };
            let value = expression(made, table.stats.estimated_rows.min(MOST_ROWS))
                .unwrap_or_else(|| "null".to_owned())
                .replace("%n", "7");
            let Some((at, end)) = parameter_of(&query, column.as_str()) else { continue };
            query.replace_range(at..end, &format!("({value})"));
        }
        while let Some(at) = query.find('$') {
            let digits = query[at + 1..].chars().take_while(char::is_ascii_digit).count();
            query.replace_range(at..at + 1 + digits, "1");
        }
        query
    }
}

/// The place of `$n` behind `column =`.
fn parameter_of(query: &str, column: &str) -> Option<(usize, usize)> {
    let lower = query.to_ascii_lowercase();
    lower.match_indices(column).find_map(|(at, _)| {
        let rest = &query[at + column.len()..];
        let value = rest.trim_start_matches('"').trim_start().strip_prefix('=')?.trim_start();
        let digits = value.strip_prefix('$')?.chars().take_while(char::is_ascii_digit).count();
        let begin = query.len() - value.len();
        Some((begin, begin + 1 + digits))
    })
}

/// SQL that makes the rows from..=to; `None` when a column has a type that cannot be made up.
fn fill(table: &Relation, from: i64, to: i64) -> Option<String> {
    let rows = table.stats.estimated_rows.min(MOST_ROWS);
    let mut names = Vec::new();
    let mut values = Vec::new();
    let alone = |column: &Column| {
        table.indexes.iter().any(|index| {
            let first = index.columns.first().and_then(|first| first.column.as_ref());
            index.unique && index.columns.len() == 1 && first == Some(&column.name)
        })
    };
    for column in &table.columns {
        if column.generated.is_some() {
            continue;
        }
        let value = match expression(column, rows) {
            Some(_) if alone(column) => expression_of(column, "%n".to_owned())?,
            Some(value) => value,
            None if !column.not_null => continue,
            None => return None,
        };
        names.push(column.name.to_string());
        values.push(value.replace("%n", "n"));
    }
    Some(format!(
        "insert into {} ({}) overriding system value\n\
         select {} from generate_series({from}, {to}) n",
        table.name,
        names.join(", "),
        values.join(", ")
    ))
}

/// An expression over the number of the row with as many distinct values as the statistics say.
fn expression(column: &Column, rows: f64) -> Option<String> {
    let distinct = match column.n_distinct.map(f64::from) {
        Some(share) if share < 0.0 => -share * rows,
        Some(count) if count > 0.0 => count,
        _ => rows,
    };
    let distinct = distinct.clamp(1.0, 1e9) as i64;
    // Multiplied by a prime, so that neighbours are apart, as in a table that is in use.
    expression_of(column, format!("(%n::int8 * 7919 % {distinct})"))
}

fn expression_of(column: &Column, number: String) -> Option<String> {
    Some(match column.type_base.as_str() {
        "int8" | "int4" | "numeric" | "float4" | "float8" => {
            format!("{number}::{}", column.type_base)
        }
        "int2" => format!("({number} % 30000)::int2"),
        "text" | "varchar" => format!("{number}::text"),
        "uuid" => format!("md5({number}::text)::uuid"),
        "bool" => format!("({number} % 2 = 0)"),
        "date" => format!("date '2026-01-01' + ({number} % 3650)::int"),
        "timestamptz" | "timestamp" => {
            format!("{} '2026-01-01' + {number} * interval '1 second'", column.type_base)
        }
        "json" | "jsonb" => format!("{}::{}", Literal("{}"), column.type_base),
        _ => return None,
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
