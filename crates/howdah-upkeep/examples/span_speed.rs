//! How fast batches with rollups of spans are committed, beside the same without them.
//!
//! `cargo run -p howdah-upkeep --example span_speed [EVENTS_PER_BATCH] [BATCHES]`: counts of 800
//! machines, in their order; then half as many batches in which every tenth event is an hour late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use howdah_pg::introspect;
use howdah_stream::{
    Batch, Body, Commit as _, Decoded, Decoder, Mark, Position, Raw, ShardId, SourceSql, Writer,
};
use howdah_system::{System, SystemFile};
use howdah_testkit::{Cluster, TestDatabase};
use howdah_upkeep::{answer_questions, apply, read_facts, verify};

const TABLE: &str = "create table counts (org int not null, machine int not null, \
     at timestamptz not null, total bigint not null, good bigint not null, state text not null)";

const SYSTEM: &str = r#"
[system]
name = "speed"
[tenants]
column = "org"
[streams.counts]
time = "at"
key = ["machine", "at"]
accept = { future = "10 years" }
[sources.counts]
file = "c.ndjson"
into = "counts"
map = { at = { field = "at", as = "epoch s" } }
[rollups.events]
from = "counts"
every = ["1 hour"]
by = ["machine"]
events = "count(*)"
"#;

const SPANS: &str = r#"
[spans.steps]
from = "counts"
by = ["machine"]
longest = "1 day"
[rollups.made]
from = "steps"
at = "end"
every = ["1 hour"]
by = ["machine"]
made = "sum(counter_delta(total, prev.total))"
good = "sum(counter_delta(good, prev.good))"
[rollups.in_state]
from = "steps"
every = ["1 hour", "1 day"]
by = ["machine", "state"]
secs = "sum(seconds)"
"#;

type Any<T> = Result<T, Box<dyn std::error::Error>>;

async fn model(client: &howdah_pg::Connection, text: &str) -> Any<System> {
    let file = SystemFile::read_text("howdah.toml", text)?;
    let draft = file.check(&introspect(client).await?);
    let answers = answer_questions(client, &draft.questions).await?;
    draft.finish(answers).map_err(|problems| format!("{problems:?}").into())
}

/// A count of each machine a minute; every tenth an hour before where `late`.
fn events(from: u64, count: u64, late: bool) -> Vec<String> {
    (from..from + count)
        .map(|n| {
            let (machine, minute) = (n % 800, n / 800);
            let back = if late && n.is_multiple_of(10) { 3_601 } else { 0 };
            let at = 1_790_000_000 + minute * 60 - back;
            let state = ["run", "idle", "down"][(n / 2400 % 3) as usize];
            format!(
                r#"{{"org":1,"machine":{machine},"at":{at},"total":{n},"good":{n},
                "state":"{state}"}}"#
            )
        })
        .collect()
}

struct Rig {
    db: TestDatabase,
    writer: Writer,
    decoder: Decoder,
    at: u64,
}

impl Rig {
    async fn new(text: &str) -> Any<Self> {
        let db = Cluster::shared().await.database().await;
        let client = db.connect().await;
        client.batch_execute(TABLE).await?;
        let text = text.replace("\"speed\"", &format!("\"{}\"", db.name()));
        let system = model(&client, &text).await?;
        let catalog = introspect(&client).await?;
        let facts = read_facts(&client, &system, &catalog).await?;
        let plan = howdah_plan::plan(&system, &catalog, &facts)?;
        apply::apply(&client, &system, &plan, &[], |_| {}).await?;
        let system = model(&client, &text).await?;
        let source = system.sources[0].clone();
        let row = client.query_one("select generation from howdah.generation", &[]).await?;
        let sql = SourceSql::new(&system, &source, row.get(0), |_| Vec::new())?;
        let writer = Writer::open(db.options(), Arc::new(sql)).await?;
        Ok(Self { db, writer, decoder: Decoder::new(&source, &system.streams)?, at: 0 })
    }

    async fn commit(&mut self, events: &[String]) -> Any<Duration> {
        let place = |at: u64| Position(at.to_string());
        let mut decoded = Decoded::default();
        for (index, event) in events.iter().enumerate() {
            let body = Body::Text(Bytes::copy_from_slice(event.as_bytes()));
            let position = place(self.at + index as u64 + 1);
            self.decoder.decode(Raw { position, body }, &mut decoded);
        }
        let batch = Batch {
            shard: ShardId { source: "counts".to_owned(), shard: "speed".to_owned() },
            from: (self.at > 0).then(|| place(self.at)),
            to: place(self.at + events.len() as u64),
            rows: decoded.rows,
            refusals: decoded.refusals,
            events: decoded.events,
            mark: Mark::default(),
        };
        self.at += events.len() as u64;
        let start = Instant::now();
        let outcome = self.writer.commit(&batch).await?;
        if outcome.dead_letters > 0 {
            return Err("an event was refused".into());
        }
        Ok(start.elapsed())
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Any<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let each = arguments.next().unwrap_or(10_000);
    let batches = arguments.next().unwrap_or(20);
    for (what, text) in [("without", SYSTEM.to_owned()), ("with", format!("{SYSTEM}{SPANS}"))] {
        let mut rig = Rig::new(&text).await?;
        for (kind, late, batches) in
            [("in order", false, batches), ("a tenth late", true, batches / 2)]
        {
            let mut times = Vec::new();
            for _ in 0..batches {
                let events = events(rig.at, each, late);
                times.push(rig.commit(&events).await?);
            }
            times.sort_unstable();
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            println!(
                "{what} spans, {kind}: {:.1} ms a batch of {each}, {:.0} events/s",
                median.as_secs_f64() * 1e3,
                each as f64 / median.as_secs_f64()
            );
        }
        let client = rig.db.connect().await;
        let system =
            model(&client, &text.replace("\"speed\"", &format!("\"{}\"", rig.db.name()))).await?;
        for proof in verify::rollups(&client, &system, &[], |_| {}).await? {
            println!("  {} {} rows, proved: {}", proof.relation, proof.rows, proof.holds());
        }
    }
    Ok(())
}
