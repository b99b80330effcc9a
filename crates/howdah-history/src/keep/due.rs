//! What retention is to take: the chunks, and the rows of tenants in chunks, that are older than
//! their policy.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use howdah_catalog::{Ident, Literal, RelName};
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::{KeepBy, Stream, System, Tenants};
use tokio_postgres::Client;

use crate::chunks::{self, Chunk};
use crate::store;

/// What is asked by hand, beyond the policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// An interval as PostgreSQL takes it, instead of `keep`. Tenants on hold lose nothing.
    pub older_than: Option<String>,
    /// Only this tenant's events.
    pub tenant: Option<String>,
}

/// A chunk that is due, or the rows of one tenant in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The chunk.
    pub chunk: RelName,
    /// The times that it holds: µs since 2000-01-01 UTC.
    pub from_us: i64,
    /// Exclusive.
    pub to_us: i64,
    /// Its size on disk, without segments.
    pub bytes: i64,
    /// Whose rows; `None`: all, and the chunk with them.
    pub tenant: Option<String>,
}

/// The times before which events are too old; `None`: never.
struct Cuts {
    /// Where tenants are not told apart, and of those that nothing is said of.
    all: Option<i64>,
    /// Of each known tenant, where they are told apart.
    tenants: Option<HashMap<String, Option<i64>>>,
}

impl Cuts {
    fn of(&self, tenant: &str) -> Option<i64> {
        let known = self.tenants.as_ref().and_then(|tenants| tenants.get(tenant));
        known.copied().unwrap_or(self.all)
    }

    /// The earliest of all: a chunk that ends before it is no tenant's any more.
    fn lowest(&self) -> Option<i64> {
        match &self.tenants {
            Some(tenants) if !tenants.is_empty() => {
                tenants.values().copied().collect::<Option<Vec<i64>>>()?.into_iter().min()
            }
            _ => self.all,
        }
    }

    fn highest(&self) -> Option<i64> {
        self.tenants.iter().flat_map(HashMap::values).copied().chain([self.all]).flatten().max()
    }
}

/// What is due of the stream, oldest first; without what was brought back and may stay.
pub async fn read(
    client: &Client,
    system: &System,
    stream: &Stream,
    asked: &Asked,
) -> Result<Vec<Due>> {
    let cuts = cuts(client, system, stream, asked).await?;
    let Some(highest) = cuts.highest() else { return Ok(Vec::new()) };
    let old: Vec<Chunk> = chunks::read(client, stream)
        .await?
        .into_iter()
        .filter(|chunk| chunk.to_us <= highest && chunk.to_us > i64::MIN)
        .collect();
    if old.is_empty() {
        return Ok(Vec::new());
    }
    let staying = staying(client, stream).await?;
    let mut out = Vec::new();
    let present = match (&cuts.tenants, &stream.tenant) {
        (Some(_), Some(tenant)) => present(client, stream, tenant, &old).await?,
        _ => BTreeMap::new(),
    };
    for chunk in &old {
        let mut push = |tenant: Option<String>| {
            let name = chunk.table.to_string();
            let stays = staying.contains(&(name.clone(), tenant.clone()))
                || staying.contains(&(name, None));
            if !stays {
                out.push(Due {
                    chunk: chunk.table.clone(),
                    from_us: chunk.from_us,
                    to_us: chunk.to_us,
                    bytes: chunk.bytes,
                    tenant,
                });
            }
        };
        let ended = |cut: Option<i64>| cut.is_some_and(|cut| chunk.to_us <= cut);
        if cuts.tenants.is_none() {
            push(None);
            continue;
        }
        let here = present.get(&chunk.table.to_string()).cloned().unwrap_or_default();
        let all_ended = here.iter().all(|tenant| ended(cuts.of(tenant)));
        if asked.tenant.is_none() && ended(cuts.lowest()) && all_ended {
            push(None);
            continue;
        }
        let wanted = |tenant: &&String| {
            asked.tenant.as_ref().is_none_or(|asked| asked == *tenant) && ended(cuts.of(tenant))
        };
        here.iter().filter(wanted).for_each(|tenant| push(Some(tenant.clone())));
    }
    Ok(out)
}

/// `time` in µs since 2000-01-01 UTC.
fn micros(time: &str) -> String {
    format!("(extract(epoch from {time} - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint")
}

async fn cuts(client: &Client, system: &System, stream: &Stream, asked: &Asked) -> Result<Cuts> {
    let failed = |error| from_pg("could not read what is kept of a stream", &error);
    let policy = stream.keep.map(|keep| keep.to_string());
    let default = asked.older_than.clone().or(policy);
    let sql = format!("select {}", micros("(now() - $1::text::interval)"));
    let all: Option<i64> = client.query_one(&sql, &[&default]).await.map_err(failed)?.get(0);
    let told_apart = system.tenants.as_ref().filter(|tenants| {
        let told = tenants.keep.is_given() || stream.keep_by.is_some();
        stream.tenant.is_some() && (told || asked.tenant.is_some())
    });
    let Some(tenants) = told_apart else { return Ok(Cuts { all, tenants: None }) };
    let mut known = HashMap::new();
    if let Some((table, key)) = &tenants.table {
        let span = span(tenants, stream, default.as_deref(), asked);
        let held = tenants
            .keep
            .hold
            .as_ref()
            .map_or_else(|| "false".to_owned(), |hold| format!("coalesce(t.{hold}, false)"));
        let sql = format!(
            "select t.{key}::text, case when not {held} then {} end from {table} t",
            micros(&format!("(now() - {span})"))
        );
        for row in client.query(&sql, &[]).await.map_err(failed)? {
            known.insert(row.get(0), row.get(1));
        }
    }
    Ok(Cuts { all, tenants: Some(known) })
}

/// How long a tenant's events are kept, as SQL over its row `t`; null: for ever. What is said of
/// the stream alone goes before what is said of all.
fn span(tenants: &Tenants, stream: &Stream, default: Option<&str>, asked: &Asked) -> String {
    let default = default.map_or_else(|| "null::interval".to_owned(), interval);
    let Some(by) = stream.keep_by.as_ref().or(tenants.keep.by.as_ref()) else { return default };
    if asked.older_than.is_some() {
        return bounded(&default, by);
    }
    bounded(&format!("coalesce(t.{}, {default})", by.column), by)
}

fn interval(text: &str) -> String {
    format!("{}::interval", Literal(text))
}

/// What a tenant says, within its bounds.
fn bounded(said: &str, by: &KeepBy) -> String {
    let least = by.least.map(|least| interval(&least.to_string()));
    let most = by.most.map(|most| interval(&most.to_string()));
    let at_least =
        least.map_or_else(|| said.to_owned(), |least| format!("greatest({said}, {least})"));
    // A null is longer than every interval: `least` passes over it, `greatest` must not.
    let bounded = format!("case when {said} is not null then {at_least} end");
    match most {
        Some(most) => format!("least({bounded}, {most})"),
        None => format!("({bounded})"),
    }
}

/// What was brought back from exports and may stay: chunks, and tenants in them.
async fn staying(client: &Client, stream: &Stream) -> Result<BTreeSet<(String, Option<String>)>> {
    let rows = client
        .query(
            "select chunk, tenant from howdah.drops where stream = $1 and kept_until > now()",
            &[&stream.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not read what was brought back", &error))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The tenants that have rows or segments in the chunks.
async fn present(
    client: &Client,
    stream: &Stream,
    tenant: &Ident,
    chunks: &[Chunk],
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let failed = |error| from_pg("could not read the tenants of a chunk", &error);
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let names: Vec<String> = chunks.iter().map(|chunk| chunk.table.to_string()).collect();
    for it in store::layouts(client, stream).await? {
        let sql = format!(
            "select howdah_chunk, {tenant}::text from {} where howdah_chunk = any($1) \
             group by 1, 2",
            it.table
        );
        for row in client.query(&sql, &[&names]).await.map_err(failed)? {
            let whose: Option<String> = row.get(1);
            out.entry(row.get(0)).or_default().extend(whose);
        }
    }
    for chunk in chunks.iter().filter(|chunk| chunk.filled) {
        // From one tenant to the next by the index of the key, which begins with it.
        let sql = format!(
            "with recursive t (v) as ((select c.{tenant} from only {table} c \
             where c.{tenant} is not null order by 1 limit 1) union all \
             select (select c.{tenant} from only {table} c where c.{tenant} > t.v \
             order by 1 limit 1) from t where t.v is not null) \
             select v::text from t where v is not null",
            table = chunk.table
        );
        for row in client.query(&sql, &[]).await.map_err(failed)? {
            out.entry(chunk.table.to_string()).or_default().insert(row.get(0));
        }
    }
    Ok(out)
}
