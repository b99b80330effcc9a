//! Which code fits a column: tried on a sample of the chunk, by the size that it has on disk.

use howdah_catalog::name;
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::{Client, Row};

use crate::chunks::Chunk;
use crate::code::{Code, Column, Shape, Width};
use crate::layout::Layout;
use crate::session::{self, is_misfit};
use crate::write_sql::attempt;

/// The sample has segments of so many keys.
const KEYS: u32 = 8;
/// Pages that are looked at to find these keys.
const PAGES: i64 = 64;
/// The most decimals that floats are tried with.
const MOST_DIGITS: u16 = 9;
/// Arrays of the type itself are read without arithmetic, so others must be smaller than this much
/// of them, in hundredths.
const PLAIN_BONUS: i64 = 85;
/// Arithmetic with numerics takes as long as reading the rest of a row.
const NUMERIC_BONUS: i64 = 50;
/// Whether the server was built with lz4.
const HAS_LZ4: &str = "select coalesce((select 'lz4' = any (enumvals) from pg_catalog.pg_settings \
                       where name = 'default_toast_compression'), false)";
const TRYING: &str = "could not try a code on a sample";
/// The temporary table of the sample.
const SAMPLE: &str = "pg_temp.howdah_sample";

/// The codes that a column may have, the best first; the last one always fits.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) column: Column,
    pub(crate) codes: Vec<Code>,
    /// Whether lz4 makes the first one no larger than pglz.
    pub(crate) lz4: bool,
}

/// Chooses for each of `columns`; `plain` are the columns that stay plain.
pub(crate) async fn choose(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    plain: &[Column],
    columns: &[Column],
) -> Result<Vec<Choice>> {
    session::begin_read_committed(client).await?;
    let result = choose_in_txn(client, stream, chunk, plain, columns).await;
    // The sample is not kept.
    let _ = client.batch_execute("rollback").await;
    result
}

async fn choose_in_txn(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    plain: &[Column],
    columns: &[Column],
) -> Result<Vec<Choice>> {
    take_sample(client, stream, chunk, plain).await?;
    let time = columns.iter().find(|column| column.name == stream.time.as_str());
    let has_lz4: bool = ask(client, HAS_LZ4).await?.get(0);
    let mut out = Vec::with_capacity(columns.len());
    for column in columns {
        let mut sized: Vec<(i64, Code)> = Vec::new();
        let is_time = column.name == stream.time.as_str();
        let layout_of = |code: &Code| {
            let one = vec![(column.clone(), code.clone())];
            Layout::new(plain.to_vec(), one, time.unwrap_or(column), false)
        };
        for code in candidates(client, column, is_time).await? {
            let layout = layout_of(&code);
            if let Some(size) = try_code(client, stream, &layout, &code, column.shape).await? {
                sized.push((size, code));
            }
        }
        sized.sort_by_key(|(size, _)| *size);
        let mut lz4 = false;
        if let Some((size, code)) = sized.first().filter(|_| has_lz4) {
            // It is read faster, so that it need not be smaller.
            session::run(client, TRYING, "set local default_toast_compression = 'lz4'").await?;
            let other = try_code(client, stream, &layout_of(code), code, column.shape).await?;
            lz4 = other.is_some_and(|other| other <= *size);
            session::run(client, TRYING, "set local default_toast_compression = 'pglz'").await?;
        }
        let mut codes: Vec<Code> = sized.into_iter().map(|(_, code)| code).collect();
        let last = last_resort(column.shape);
        // What stands behind it would never be asked.
        match codes.iter().position(|code| *code == last) {
            Some(place) => codes.truncate(place + 1),
            None => codes.push(last),
        }
        out.push(Choice { column: column.clone(), codes, lz4 });
    }
    Ok(out)
}

/// The code that keeps any value of the type.
fn last_resort(shape: Shape) -> Code {
    if shape == Shape::Nested { Code::Text } else { Code::Plain }
}

/// Some segments' rows of the chunk: from places all over it, of some keys.
async fn take_sample(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    plain: &[Column],
) -> Result<()> {
    let context = "could not take a sample of a chunk";
    let table = &chunk.table;
    let time = &stream.time;
    let by = |of: &str| plain.iter().map(|it| format!("{of}.{}", it.ident())).collect::<Vec<_>>();
    let keys = by("k").into_iter().chain([format!("k.{time}")]);
    let same = by("c").into_iter().zip(by("f")).map(|(c, f)| format!("{c} = {f} and "));
    let distinct = if plain.is_empty() {
        "select".to_owned()
    } else {
        format!("select distinct on ({})", name::list(by("k")))
    };
    let sql = format!(
        "create temporary table howdah_sample on commit drop as select r.* from \
         ({distinct} {keys} from {table} k tablesample system \
         (least(100, 100.0 * {PAGES} * 8192 / greatest(pg_relation_size('{text}'), 1))) \
         repeatable (0) limit {KEYS}) f, \
         lateral (select c.* from only {table} c where {same}c.{time} >= f.{time} \
         order by c.{time} limit {rows}) r; \
         insert into {SAMPLE} select * from only {table} \
         where not exists (select from {SAMPLE}) limit {KEYS} * {rows}",
        keys = name::list(keys),
        same = same.collect::<String>(),
        text = table.to_string().replace('\'', "''"),
        rows = crate::layout::SEGMENT_ROWS,
    );
    session::run(client, context, &sql).await
}

/// The size of the sample's arrays in this code; `None`: it does not fit, or only just.
async fn try_code(
    client: &Client,
    stream: &Stream,
    layout: &Layout,
    code: &Code,
    shape: Shape,
) -> Result<Option<i64>> {
    let failed = |error| from_pg(TRYING, &error);
    client.batch_execute("savepoint howdah_try").await.map_err(failed)?;
    // The filler makes each row long enough that the server compresses at all.
    let sql = format!(
        "create temporary table howdah_try with (toast_tuple_target = 128) on commit drop as \
         select q.*, repeat('x', 2500) as filler from ({}) q",
        attempt(stream, layout, SAMPLE)
    );
    let size = match client.batch_execute(&sql).await {
        Ok(()) => {
            let row = client
                .query_one(
                    "select coalesce(sum(pg_column_size(a)), 0)::bigint, \
                     coalesce(max(widest), 0)::bigint from pg_temp.howdah_try",
                    &[],
                )
                .await
                .map_err(failed)?;
            let (size, widest): (i64, i64) = (row.get(0), row.get(1));
            (widest <= headroom(code)).then_some(weighed(size, code, shape))
        }
        Err(error) if is_misfit(&error) => None,
        Err(error) => return Err(failed(error)),
    };
    let back = "rollback to savepoint howdah_try; release savepoint howdah_try";
    client.batch_execute(back).await.map_err(failed)?;
    Ok(size)
}

fn weighed(size: i64, code: &Code, shape: Shape) -> i64 {
    match (code.has_base(), shape) {
        (true, _) => size,
        (false, Shape::Numeric) => size * NUMERIC_BONUS / 100,
        (false, _) => size * PLAIN_BONUS / 100,
    }
}

/// What a sample may need at most: the rest of the chunk may have wider values.
fn headroom(code: &Code) -> i64 {
    match code.width() {
        None => i64::MAX,
        Some(Width::Int1) => 100,
        Some(width) => width.most() / 2,
    }
}

/// The codes that may fit a column, by its type and what the sample holds.
async fn candidates(client: &Client, column: &Column, is_time: bool) -> Result<Vec<Code>> {
    use Width::{Int1, Int2, Int4, Int8};
    let whole = |width| Code::Whole { width };
    let mut codes = match column.shape {
        Shape::Int2 => vec![whole(Int1)],
        Shape::Int4 | Shape::Date => [Int1, Int2].map(whole).to_vec(),
        Shape::Int8 => [Int1, Int2, Int4].map(whole).to_vec(),
        Shape::Numeric => decimals(client, column).await?,
        Shape::Float4 | Shape::Float8 => match float_digits(client, column).await? {
            // A wider difference than the type itself saves nothing.
            Some(digits) if column.shape == Shape::Float4 => {
                [Int1, Int2].map(|width| Code::Float { digits, width }).to_vec()
            }
            Some(digits) => [Int1, Int2, Int4].map(|width| Code::Float { digits, width }).to_vec(),
            None => Vec::new(),
        },
        Shape::Timestamptz | Shape::Timestamp => {
            let unit = time_unit(client, column).await?;
            let steps: &[bool] = if is_time { &[true, false] } else { &[false] };
            let widths = [Int1, Int2, Int4, Int8];
            let of = |stepped| widths.map(|width| Code::Time { unit, stepped, width });
            steps.iter().copied().flat_map(of).collect()
        }
        Shape::Nested | Shape::Other => Vec::new(),
    };
    codes.push(last_resort(column.shape));
    Ok(codes)
}

async fn ask(client: &Client, sql: &str) -> Result<Row> {
    client.query_one(sql, &[]).await.map_err(|error| from_pg("could not look at a sample", &error))
}

async fn decimals(client: &Client, column: &Column) -> Result<Vec<Code>> {
    let name = column.ident();
    let row = ask(
        client,
        &format!(
            "select min(scale({name})), max(scale({name})), max(min_scale({name})) from {SAMPLE}"
        ),
    )
    .await?;
    let (low, high, digits): (Option<i32>, Option<i32>, Option<i32>) =
        (row.get(0), row.get(1), row.get(2));
    let (Some(low), Some(high), Some(digits)) = (low, high, digits) else { return Ok(Vec::new()) };
    let (Ok(scale), Ok(digits)) = (u16::try_from(high), u16::try_from(digits)) else {
        return Ok(Vec::new());
    };
    if low != high || digits > 18 || scale > 1000 {
        return Ok(Vec::new());
    }
    let widths = [Width::Int1, Width::Int2, Width::Int4, Width::Int8];
    Ok(widths.map(|width| Code::Decimal { scale, digits, width }).to_vec())
}

async fn float_digits(client: &Client, column: &Column) -> Result<Option<u16>> {
    let name = column.ident();
    let back = if column.shape == Shape::Float4 { "::float4" } else { "" };
    let checks = (0..=MOST_DIGITS).map(|digits| {
        let factor = format!("1{}::float8", "0".repeat(digits.into()));
        format!(
            "bool_and(case when abs({name}) < 1e18 then \
             (round({name}::float8 * {factor}) / {factor}){back} = {name} \
             else {name} is null end)"
        )
    });
    let row = ask(client, &format!("select {} from {SAMPLE}", name::list(checks))).await?;
    let holds = |digits: &u16| row.get::<_, Option<bool>>(usize::from(*digits)) == Some(true);
    Ok((0..=MOST_DIGITS).find(holds))
}

async fn time_unit(client: &Client, column: &Column) -> Result<i64> {
    let name = column.ident();
    let row = ask(
        client,
        &format!(
            "select coalesce(bool_and(date_trunc('second', {name}) = {name}), false), \
             coalesce(bool_and(date_trunc('milliseconds', {name}) = {name}), false) from {SAMPLE}"
        ),
    )
    .await?;
    Ok(match (row.get(0), row.get(1)) {
        (true, _) => 1_000_000,
        (false, true) => 1_000,
        (false, false) => 1,
    })
}
