//! Which code fits a column: tried on a sample of the chunk, by the size that it has on disk.

use std::ops::Range;
use std::pin::pin;

use futures_util::TryStreamExt as _;
use howdah_catalog::name;
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::chunks::Chunk;
use crate::code::{Code, Column, Shape, Width};
use crate::fill::value;
use crate::gather::{self, Gathering, Order};
use crate::layout::{Layout, SEGMENT_ROWS};
use crate::read_sql::Installed;
use crate::session;
use crate::wire::{self, Numeric, Value};
use crate::write_sql;

/// The sample has segments of so many keys.
const KEYS: u32 = 8;
/// Pages that are looked at to find these keys.
const PAGES: i64 = 64;
/// The most decimals that floats are tried with.
const MOST_DIGITS: u16 = 9;
/// Arrays of the type itself are read without arithmetic, so others must be smaller than this much
/// of them, in hundredths.
const PLAIN_BONUS: i64 = 85;
/// A step costs a multiplication a value, so it must save a tenth.
const STEP_MALUS: i64 = 110;
/// Arithmetic with numerics takes as long as reading the rest of a row.
const NUMERIC_BONUS: i64 = 50;
/// Each layout is a table and a branch of the view, so that a code of one there is is taken unless
/// another is clearly smaller.
const KNOWN_BONUS: i64 = 85;
/// Whether the server was built with lz4.
const HAS_LZ4: &str = "select coalesce((select 'lz4' = any (enumvals) from pg_catalog.pg_settings \
                       where name = 'default_toast_compression'), false)";
const TRYING: &str = "could not try a code on a sample";
/// The sample is read as far as these bytes.
const MOST_BYTES: usize = 4 * gather::MOST_BYTES;
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

/// Chooses for each of `columns`; `plain` are the columns that stay plain, `known` the layouts that
/// the stream has.
pub(crate) async fn choose(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    (plain, columns): (&[Column], &[Column]),
    known: &[Installed],
) -> Result<Vec<Choice>> {
    session::begin_read_committed(client).await?;
    let result = choose_in_txn(client, stream, chunk, (plain, columns), known).await;
    // The sample is not kept.
    let _ = client.batch_execute("rollback").await;
    result
}

async fn choose_in_txn(
    client: &Client,
    stream: &Stream,
    chunk: &Chunk,
    (plain, columns): (&[Column], &[Column]),
    known: &[Installed],
) -> Result<Vec<Choice>> {
    take_sample(client, stream, chunk, plain).await?;
    let sample = Sample::read(client, stream, plain, columns).await?;
    let row = client.query_one(HAS_LZ4, &[]).await.map_err(|error| from_pg(TRYING, &error))?;
    let has_lz4: bool = row.get(0);
    let mut out = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        let is_time = column.name == stream.time.as_str();
        let kinds = kinds(&sample, at, column, is_time);
        let mut packed: Vec<(Vec<Code>, Vec<Value>)> =
            kinds.iter().filter_map(|kind| sample.pack_kind(at, column, kind)).collect();
        let last = last_resort(column.shape);
        let (_, plain) = sample.pack(at, column, &last);
        packed.push((vec![last], plain));
        let sizes = sizes(client, at, column, &packed, has_lz4).await?;
        let of = |it: &Installed| it.layout.coded.iter().find(|it| it.column == *column).cloned();
        let known: Vec<Code> = known.iter().filter_map(of).map(|it| it.code).collect();
        out.push(chosen(column, packed.into_iter().map(|(codes, _)| codes), &sizes, &known));
    }
    Ok(out)
}

/// The codes of a column by their sizes, as far as one of them would be asked.
fn chosen(
    column: &Column,
    kinds: impl Iterator<Item = Vec<Code>>,
    stored: &[(i64, Option<i64>)],
    known: &[Code],
) -> Choice {
    let mut sized: Vec<(i64, bool, Vec<Code>)> = kinds
        .zip(stored)
        // It is read faster, so that it need not be smaller.
        .map(|(codes, (pglz, lz4))| {
            let bonus = if known.contains(&codes[0]) { KNOWN_BONUS } else { 100 };
            let weight = weighed(*pglz, &codes[0], column.shape) * bonus / 100;
            (weight, lz4.is_some_and(|lz4| lz4 <= *pglz), codes)
        })
        .collect();
    sized.sort_by_key(|(size, ..)| *size);
    let lz4 = sized.first().is_some_and(|(_, lz4, _)| *lz4);
    let mut codes: Vec<Code> = sized.into_iter().flat_map(|(.., codes)| codes).collect();
    // What stands behind the one that keeps everything would never be asked.
    if let Some(place) = codes.iter().position(|code| *code == last_resort(column.shape)) {
        codes.truncate(place + 1);
    }
    Choice { column: column.clone(), codes, lz4 }
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
        rows = SEGMENT_ROWS,
    );
    session::run(client, context, &sql).await
}

/// The rows of the sample, in the order of segments.
struct Sample {
    rows: Vec<Row>,
    segments: Vec<Range<usize>>,
    /// How many plain columns stand before the others.
    plain: usize,
}

impl Sample {
    async fn read(
        client: &Client,
        stream: &Stream,
        plain: &[Column],
        columns: &[Column],
    ) -> Result<Self> {
        let resort = |column: &Column| (column.clone(), last_resort(column.shape));
        let time = columns.iter().find(|column| column.name == stream.time.as_str());
        let time = time.ok_or_else(|| session::lost("the time column is gone"))?;
        let layout = Layout::new(plain.to_vec(), columns.iter().map(resort).collect(), time, false);
        let sql = write_sql::select(stream, &layout, SAMPLE, Order::Key);
        let failed = |error| from_pg(TRYING, &error);
        let found = client.query_raw(&sql, std::iter::empty::<&Value>()).await.map_err(failed)?;
        let mut found = pin!(found);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        // Of very wide rows fewer do, since they are held in memory.
        while let Some(row) = found.try_next().await.map_err(failed)? {
            bytes += row.raw_size_bytes();
            if bytes <= MOST_BYTES {
                rows.push(row);
            }
        }
        let plain = plain.len();
        let mut segments: Vec<Range<usize>> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let same = |first: usize| {
                (0..plain).all(|place| value(row, place) == value(&rows[first], place))
            };
            match segments.last_mut() {
                Some(last) if last.len() < SEGMENT_ROWS as usize && same(last.start) => {
                    last.end = at + 1;
                }
                _ => segments.push(Range { start: at, end: at + 1 }),
            }
        }
        Ok(Self { rows, segments, plain })
    }

    /// The values of a column that are not null.
    fn values(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().filter_map(move |row| value(row, self.plain + at))
    }

    /// The arrays of a column in a code, and the greatest difference; `None`: a value does not fit.
    fn pack(&self, at: usize, column: &Column, code: &Code) -> (Option<i64>, Vec<Value>) {
        let mut gathering = Gathering::new(column, code);
        let mut out = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            for row in &self.rows[segment.clone()] {
                gathering.push(value(row, self.plain + at));
            }
            out.push(gathering.pack().values);
        }
        let needed = gathering.needed;
        ((!needed.never).then_some(needed.widest), out)
    }

    /// The codes of a kind that have room for the column's values, the narrowest first, and its
    /// arrays.
    fn pack_kind(
        &self,
        at: usize,
        column: &Column,
        (kind, widths): &Kind,
    ) -> Option<(Vec<Code>, Vec<Value>)> {
        let (widest, _) = self.pack(at, column, kind);
        let widest = widest?;
        let codes: Vec<Code> = widths
            .iter()
            .filter(|width| widest <= headroom(**width))
            .map(|width| kind.with_width(*width))
            .collect();
        let (_, packed) = self.pack(at, column, codes.first()?);
        Some((codes, packed))
    }
}

/// The bytes that the arrays of each code have as stored, by pglz and, where the server has it, by
/// lz4.
async fn sizes(
    client: &Client,
    at: usize,
    column: &Column,
    packed: &[(Vec<Code>, Vec<Value>)],
    has_lz4: bool,
) -> Result<Vec<(i64, Option<i64>)>> {
    let failed = |error| from_pg(TRYING, &error);
    let methods: &[&str] = if has_lz4 { &["pglz", "lz4"] } else { &["pglz"] };
    let (mut definitions, mut values, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (codes, _)) in packed.iter().enumerate() {
        let array = codes[0].array_type(column);
        for method in methods {
            definitions.push(format!("{method}{n} {array} compression {method}"));
            values.push(format!("${}::{array}", n + 1));
            targets.push(format!("coalesce(sum(pg_column_size({method}{n})), 0)::bigint"));
        }
    }
    // The filler makes each row long enough that the server compresses at all.
    let table = format!("howdah_try_{at}");
    let create = format!(
        "create temporary table {table} ({}, filler text) with (toast_tuple_target = 128) \
         on commit drop",
        name::list(definitions)
    );
    session::run(client, TRYING, &create).await?;
    let insert =
        format!("insert into pg_temp.{table} select {}, repeat('x', 2500)", name::list(values));
    let insert = client.prepare(&insert).await.map_err(failed)?;
    for segment in 0..packed.first().map_or(0, |(_, arrays)| arrays.len()) {
        let arrays = packed.iter().map(|(_, arrays)| &arrays[segment] as &(dyn ToSql + Sync));
        client.execute_raw(&insert, arrays).await.map_err(failed)?;
    }
    let sql = format!("select {} from pg_temp.{table}", name::list(targets));
    let row = client.query_one(&sql, &[]).await.map_err(failed)?;
    let size = |n: usize| {
        let first = n * methods.len();
        (row.get(first), has_lz4.then(|| row.get(first + 1)))
    };
    Ok((0..packed.len()).map(size).collect())
}

fn weighed(size: i64, code: &Code, shape: Shape) -> i64 {
    match (code.has_base(), shape) {
        (true, Shape::Int4 | Shape::Int8) if code.has_step() => size * STEP_MALUS / 100,
        (true, _) => size,
        (false, Shape::Numeric) => size * NUMERIC_BONUS / 100,
        (false, _) => size * PLAIN_BONUS / 100,
    }
}

/// What a sample may need at most: the rest of the chunk may have wider values.
fn headroom(width: Width) -> i64 {
    if width == Width::Int1 { 100 } else { width.most() / 2 }
}

/// A code, as wide as can be, and the widths that save something.
type Kind = (Code, &'static [Width]);

/// Of a code without differences.
const ANY: &[Width] = &[Width::Int1];
const UP_TO_2: &[Width] = &[Width::Int1, Width::Int2];
const UP_TO_4: &[Width] = &[Width::Int1, Width::Int2, Width::Int4];
const UP_TO_8: &[Width] = &[Width::Int1, Width::Int2, Width::Int4, Width::Int8];

/// The codes that may fit a column, by its type and what the sample holds.
fn kinds(sample: &Sample, at: usize, column: &Column, is_time: bool) -> Vec<Kind> {
    let width = Width::Int8;
    match column.shape {
        Shape::Int2 => vec![(Code::Whole { stepped: false, width }, &[Width::Int1])],
        Shape::Date => vec![(Code::Whole { stepped: false, width }, UP_TO_2)],
        Shape::Int4 => stepped_or_not(|stepped| (Code::Whole { stepped, width }, UP_TO_2)),
        Shape::Int8 => stepped_or_not(|stepped| (Code::Whole { stepped, width }, UP_TO_4)),
        Shape::Numeric => decimal(sample, at).map(|code| (code, UP_TO_8)).into_iter().collect(),
        Shape::Float4 | Shape::Float8 => {
            // A wider difference than the type itself saves nothing.
            let widths = if column.shape == Shape::Float4 { UP_TO_2 } else { UP_TO_4 };
            let fits = |digits: &u16| {
                let code = Code::Float { digits: *digits, width };
                sample.values(at).all(|raw| gather::counted(&code, column.shape, raw).is_some())
            };
            let digits = (0..=MOST_DIGITS).find(fits);
            digits.map(|digits| (Code::Float { digits, width }, widths)).into_iter().collect()
        }
        Shape::Timestamptz | Shape::Timestamp => {
            let whole = |unit: &i64| {
                sample.values(at).all(|raw| wire::whole(raw).is_some_and(|time| time % unit == 0))
            };
            let unit = [1_000_000, 1_000].into_iter().find(whole).unwrap_or(1);
            let of = |stepped| (Code::Time { unit, stepped, width }, UP_TO_8);
            if is_time { stepped_or_not(of) } else { vec![of(false)] }
        }
        Shape::Bytes => {
            let length = sample.values(at).next().and_then(|raw| u16::try_from(raw.len()).ok());
            let length = length.filter(|length| *length > 0);
            length.map(|length| (Code::Joined { length }, ANY)).into_iter().collect()
        }
        Shape::Nested | Shape::Other => Vec::new(),
    }
}

fn stepped_or_not(of: impl Fn(bool) -> Kind) -> Vec<Kind> {
    vec![of(true), of(false)]
}

/// The decimals that all numerics of the sample have, where they are of one scale.
fn decimal(sample: &Sample, at: usize) -> Option<Code> {
    let mut found: Option<(u16, u16)> = None;
    for raw in sample.values(at) {
        let number = Numeric::read(raw)?;
        let (scale, digits) = found.unwrap_or((number.scale, 0));
        if scale != number.scale {
            return None;
        }
        found = Some((scale, digits.max(number.digits())));
    }
    let (scale, digits) = found?;
    let width = Width::Int8;
    (digits <= 18 && scale <= 1_000).then_some(Code::Decimal { scale, digits, width })
}
