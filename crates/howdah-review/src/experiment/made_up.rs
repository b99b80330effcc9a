//! Bare copies of a table with made-up rows, for experiments that measure writing.
//!
//! A copy has the columns and the indexes that are asked for, and neither checks, foreign keys nor
//! triggers: what is measured is the part that is asked about, and nothing has to be satisfied.

use howdah_catalog::{Catalog, Column, Index, Relation, TypeKind};
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

/// Makes a copy named `name` in the first schema of the search path.
#[must_use]
pub fn copy<'i>(
    table: &Relation,
    name: &str,
    indexes: impl IntoIterator<Item = &'i Index>,
) -> String {
    let mut sql = format!("create table {name} (like {} including generated);\n", table.name);
    for column in table.columns.iter().filter(|column| column.not_null) {
        // Values that cannot be made up stay empty.
        sql.push_str(&format!("alter table {name} alter {} drop not null;\n", column.name));
    }
    for index in indexes {
        let unique = if index.unique { "unique " } else { "" };
        let from = index.definition.find(" USING ").unwrap_or(index.definition.len());
        sql.push_str(&format!("create {unique}index on {name}{};\n", &index.definition[from..]));
    }
    sql
}

/// Inserts the rows `from` to `to` into `name`, a table with the columns of `table`.
#[must_use]
pub fn insert(catalog: &Catalog, table: &Relation, name: &str, from: u32, to: u32) -> String {
    let columns: Vec<(&Column, String)> = table
        .columns
        .iter()
        .filter(|column| column.generated.is_none())
        .filter_map(|column| Some((column, value(catalog, column)?)))
        .collect();
    let names = howdah_catalog::name::list(columns.iter().map(|(column, _)| &column.name));
    let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
    format!(
        "insert into {name} ({names}) overriding system value\n  \
         select {} from generate_series({from}, {to}) n",
        values.join(", ")
    )
}

/// Inserts the rows `from` to `to` of a table of `rows` into the table itself, with as many values
/// in each column as the statistics say; `None` when a column must have a value that cannot be made
/// up.
#[must_use]
pub fn insert_alike(
    catalog: &Catalog,
    table: &Relation,
    rows: u32,
    (from, to): (u32, u32),
) -> Option<String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in table.columns.iter().filter(|column| column.generated.is_none()) {
        match value_alike(catalog, table, column, rows) {
            Some(value) => {
                names.push(&column.name);
                values.push(value);
            }
            None if column.not_null => return None,
            None => {}
        }
    }
    Some(format!(
        "insert into {} ({}) overriding system value\n  \
         select {} from generate_series({from}, {to}) n on conflict do nothing",
        table.name,
        howdah_catalog::name::list(names),
        values.join(",\n  ")
    ))
}

/// A value that as many rows of `rows` share as the statistics say.
#[must_use]
pub fn value_alike(
    catalog: &Catalog,
    table: &Relation,
    column: &Column,
    rows: u32,
) -> Option<String> {
    let value = value(catalog, column)?;
    let alone = table.indexes.iter().any(|index| {
        let first = index.columns.first().and_then(|first| first.column.as_ref());
        index.unique && index.columns.len() == 1 && first == Some(&column.name)
    });
    let distinct = match column.n_distinct.map(f64::from) {
        Some(share) if share < 0.0 => -share * f64::from(rows),
        Some(count) if count > 0.0 => count,
        _ => f64::from(rows),
    };
    let distinct = distinct.clamp(1.0, f64::from(rows.max(1))) as i64;
    // Multiplied by a prime, so that neighbours are apart, as in a table that is in use.
    let shared =
        format!("(select {value} from (values ((n::bigint * 7919 % {distinct})::int)) m (n))");
    Some(if alone { value } else { shared })
}

/// A value of the column's type that is another for each `n`, where the type has so many.
fn value(catalog: &Catalog, column: &Column) -> Option<String> {
    let of_type = catalog.types.values().find(|user| {
        user.name.schema == column.type_schema && user.name.name.as_str() == column.type_base
    });
    match of_type.map(|user| &user.kind) {
        Some(TypeKind::Enum(labels)) if !labels.labels.is_empty() => Some(format!(
            "(enum_range(null::{}))[1 + n % {}]",
            column.type_name,
            labels.labels.len()
        )),
        Some(TypeKind::Domain(domain)) => built_in(&domain.base_type),
        Some(_) => None,
        None => built_in(&column.type_name),
    }
}

/// The same for a type as `format_type` prints it.
fn built_in(type_name: &str) -> Option<String> {
    if type_name.ends_with("[]") {
        return Some("'{}'".to_owned());
    }
    let (base, limit) = match type_name.split_once('(') {
        Some((base, rest)) => (base, rest.split_once(')').map(|(limit, _)| limit)),
        None => (type_name, None),
    };
    Some(match base {
        "smallint" => "(n % 32000)::int2".to_owned(),
        "integer" | "bigint" | "real" | "double precision" => "n".to_owned(),
        "numeric" => {
            let mut parts = limit.unwrap_or("1000,0").split(',').map(str::parse::<i32>);
            let precision = parts.next()?.ok()?;
            let scale = parts.next().and_then(std::result::Result::ok).unwrap_or(0);
            format!("n % {}", 10_i64.pow((precision - scale).clamp(0, 9).unsigned_abs()))
        }
        "text" | "character varying" | "character" => match limit {
            Some(limit) => format!("left(md5(n::text), {limit})"),
            None => "md5(n::text)".to_owned(),
        },
        "boolean" => "n % 2 = 0".to_owned(),
        "uuid" => "md5(n::text)::uuid".to_owned(),
        "date" => "date '2026-01-01' + n % 3000".to_owned(),
        "interval" => "n * interval '1 second'".to_owned(),
        "jsonb" => "jsonb_build_object('n', n, 'text', md5(n::text))".to_owned(),
        "json" => "json_build_object('n', n, 'text', md5(n::text))".to_owned(),
        "bytea" => "decode(md5(n::text), 'hex')".to_owned(),
        "inet" => "inet '10.0.0.0' + n".to_owned(),
        _ if type_name.starts_with("timestamp") => {
            "timestamp '2026-01-01' + n * interval '1 second'".to_owned()
        }
        _ => return None,
    })
}

/// What some SQL cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Milliseconds.
    pub ms: f64,
    /// Bytes of WAL, as far as the server had nothing else to do.
    pub wal: i64,
}

/// Runs `sql` and says what it cost.
async fn cost(connection: &Connection, sql: &str) -> Result<Cost> {
    let before = position(connection).await?;
    let started = std::time::Instant::now();
    run(connection, sql).await?;
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    Ok(Cost { ms, wal: position(connection).await? - before })
}

/// Rounds of [`in_rounds`].
pub const ROUNDS: u32 = 3;

/// What it costs to insert `rows` rows into each of two copies of a table, one after the other in
/// each of [`ROUNDS`]: medians.
pub async fn in_rounds(
    connection: &Connection,
    (catalog, table): (&Catalog, &Relation),
    copies: [&str; 2],
    rows: u32,
) -> Result<[Cost; 2]> {
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (name, costs) in copies.iter().zip(&mut costs) {
            let sql = insert(catalog, table, name, round * rows + 1, (round + 1) * rows);
            costs.push(cost(connection, &sql).await?);
        }
    }
    Ok(costs.map(|costs| median(&costs)))
}

/// Runs it.
pub async fn run(connection: &Connection, sql: &str) -> Result<()> {
    let done = connection.batch_execute(sql).await;
    done.map_err(|error| from_pg("an experiment could not be made", &error))
}

/// The number that `sql` gives.
pub async fn number(connection: &Connection, sql: &str) -> Result<i64> {
    let row = connection.query_one(sql, &[]).await;
    let row = row.map_err(|error| from_pg("an experiment could not be made", &error))?;
    Ok(row.get(0))
}

async fn position(connection: &Connection) -> Result<i64> {
    let sql = "select (pg_current_wal_insert_lsn() - pg_lsn '0/0')::bigint";
    number(connection, sql).await
}

/// The middle one of an odd number of costs, by time and by WAL.
fn median(costs: &[Cost]) -> Cost {
    let mut ms: Vec<f64> = costs.iter().map(|cost| cost.ms).collect();
    let mut wal: Vec<i64> = costs.iter().map(|cost| cost.wal).collect();
    ms.sort_by(f64::total_cmp);
    wal.sort_unstable();
    Cost { ms: ms[ms.len() / 2], wal: wal[wal.len() / 2] }
}
