//! What every test here begins with: a database, a system file, plans, and batches written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use howdah_catalog::Catalog;
use howdah_error::Result;
use howdah_pg::{Connection, introspect};
use howdah_plan::{Facts, Plan, foreign_columns};
use howdah_stream::{
    Batch, Body, Claim, Commit as _, Decoded, Decoder, Grant, Mark, Outcome, Position, Raw,
    ShardId, SourceSql, Writer,
};
use howdah_system::{Source, System, SystemFile, error_of};
use howdah_testkit::{Cluster, TestDatabase};
use howdah_upkeep::verify::Proof;
use howdah_upkeep::{answer_questions, apply, read_facts, rebuild, verify};

/// A database of its own, its owner's connection, and the system file in force.
pub struct Engine {
    pub db: TestDatabase,
    pub client: Connection,
    pub text: String,
}

impl Engine {
    /// Runs `migrations`, then takes `system` as the system file; `{db}` in either stands for the
    /// name of the database, so that roles of different tests do not meet.
    pub async fn new(migrations: &str, system: &str) -> Self {
        let db = Cluster::shared().await.database().await;
        let client = db.connect().await;
        client.batch_execute(&migrations.replace("{db}", db.name())).await.unwrap();
        let text = system.replace("{db}", db.name());
        Self { db, client, text }
    }

    /// The same, already applied.
    pub async fn applied(migrations: &str, system: &str) -> Self {
        let engine = Self::new(migrations, system).await;
        engine.apply().await;
        engine
    }

    /// The system file held against the database as it is.
    pub async fn try_model(&self) -> Result<(Catalog, System)> {
        let file = SystemFile::read_text("howdah.toml", &self.text)?;
        let catalog = introspect(&self.client).await?;
        let draft = file.check(&catalog);
        let answers = answer_questions(&self.client, &draft.questions).await?;
        let system =
            draft.finish(answers).map_err(|problems| error_of("howdah.toml", &problems))?;
        Ok((catalog, system))
    }

    pub async fn model(&self) -> (Catalog, System) {
        fine(self.try_model().await)
    }

    pub async fn try_plan(&self) -> Result<(System, Plan)> {
        let (catalog, system) = self.try_model().await?;
        let facts: Facts = read_facts(&self.client, &system, &catalog).await?;
        let plan = howdah_plan::plan(&system, &catalog, &facts)?;
        Ok((system, plan))
    }

    pub async fn plan(&self) -> (System, Plan) {
        fine(self.try_plan().await)
    }

    /// Plans and applies; steps that lose data must be in `allowed`.
    pub async fn try_apply(&self, allowed: &[&str]) -> Result<()> {
        let (system, plan) = self.try_plan().await?;
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        apply::apply(&self.client, &system, &plan, &allowed, |_| {}).await
    }

    /// Plans and applies; afterwards nothing is left to plan.
    pub async fn apply(&self) {
        self.apply_allowing(&[]).await;
    }

    pub async fn apply_allowing(&self, allowed: &[&str]) {
        fine(self.try_apply(allowed).await);
        self.assert_settled().await;
    }

    /// Nothing is left to plan.
    pub async fn assert_settled(&self) {
        let (_, plan) = self.plan().await;
        let left: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert!(left.is_empty(), "steps are left: {left:?}");
    }

    /// A writer of the source of that name.
    pub async fn feed(&self, source: &str) -> Feed {
        let of_name = |known: &&Source| known.name == source;
        self.feed_of(|system| system.sources.iter().find(of_name).unwrap().clone()).await
    }

    /// A writer of a source made of the system.
    pub async fn feed_of(&self, source: impl FnOnce(&System) -> Source) -> Feed {
        let (catalog, system) = self.model().await;
        let source = source(&system);
        let generation: i64 = self.one("select generation from howdah.generation").await;
        let sql = SourceSql::new(&system, &source, generation, |rollup| {
            let level = &rollup.levels[0];
            catalog
                .relation(&level.table)
                .map(|relation| foreign_columns(system.stream_of(rollup), rollup, level, relation))
                .unwrap_or_default()
        });
        let writer = fine(Writer::open(self.db.options(), Arc::new(fine(sql))).await);
        let shard = ShardId { source: source.name.clone(), shard: "test".to_owned() };
        Feed { writer, decoder: fine(Decoder::new(&source, &system.streams)), shard, at: 0 }
    }

    /// Proves every rollup; `true`: all hold.
    pub async fn proofs(&self) -> Vec<Proof> {
        let (_, system) = self.model().await;
        fine(verify::rollups(&self.client, &system, &[], |_| {}).await)
    }

    /// Every rollup equals its stream, before and after a rebuild, and the rebuild changes nothing.
    pub async fn assert_proved(&self) {
        for proof in self.proofs().await {
            assert!(proof.holds(), "{proof:?}");
        }
    }

    /// Rebuilds every level of every rollup.
    pub async fn rebuild_all(&self) {
        let (_, system) = self.model().await;
        for rollup in &system.rollups {
            for level in 0..rollup.levels.len() {
                self.rebuild(&rollup.name, level).await;
            }
        }
        for derived in &system.derived {
            fine(rebuild::rebuild_derived(&self.client, &system, derived).await);
        }
        for spans in &system.span_rollups {
            for level in 0..spans.rollup.levels.len() {
                fine(rebuild::rebuild_spans(&self.client, &system, spans, level).await);
            }
        }
    }

    /// Rebuilds one level of a rollup.
    pub async fn rebuild(&self, rollup: &str, level: usize) {
        let (_, system) = self.model().await;
        let rebuilt =
            rebuild::rebuild_level(&self.client, &system, rollup, level, None, |_| {}).await;
        fine(rebuilt);
    }

    /// Folds every chunk of every stream that may be folded into segments.
    pub async fn fold_chunks(&self) -> i64 {
        let (catalog, system) = self.model().await;
        let mut rows = 0;
        for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
            let chunks = fine(howdah_history::chunks::read(&self.client, stream).await);
            for chunk in chunks.into_iter().filter(|chunk| chunk.filled) {
                let folded =
                    howdah_history::fold_chunk(&self.client, &system, &catalog, stream, &chunk);
                rows += fine(Box::pin(folded).await).rows;
            }
        }
        rows
    }

    /// Puts the events of all segments back into their chunks.
    pub async fn restore_chunks(&self) -> i64 {
        let (_, system) = self.model().await;
        let mut rows = 0;
        for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
            for chunk in fine(howdah_history::chunks::read(&self.client, stream).await) {
                let restored = howdah_history::restore_chunk(&self.client, stream, &chunk);
                rows += fine(Box::pin(restored).await);
            }
        }
        rows
    }

    /// Fails when a stream with segments has a row left in its own table.
    pub async fn assert_all_folded(&self) {
        let (_, system) = self.model().await;
        for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
            let sql = format!("select count(*) from {}", stream.table);
            assert_eq!(self.one::<i64>(&sql).await, 0, "{}", stream.name);
        }
    }

    /// Folded, rebuilt and proved are one and the same.
    pub async fn assert_fold_is_rebuild(&self) {
        self.assert_proved().await;
        let (_, system) = self.model().await;
        let of_spans = system.span_rollups.iter().map(|spans| &spans.rollup);
        let tables: Vec<String> = system
            .rollups
            .iter()
            .chain(of_spans)
            .flat_map(|rollup| rollup.levels.iter().map(|level| level.table.to_string()))
            .chain(system.derived.iter().map(|derived| derived.table.to_string()))
            .collect();
        let mut folded = Vec::new();
        for table in &tables {
            folded.push(self.table(table).await);
        }
        self.rebuild_all().await;
        for (table, folded) in tables.iter().zip(&folded) {
            assert_eq!(&self.table(table).await, folded, "{table} after a rebuild");
        }
        self.assert_proved().await;
    }

    /// The rows of a relation or query as texts, in order. Numbers are compared by value, so
    /// trailing zeros are left out.
    pub async fn table(&self, relation: &str) -> Vec<String> {
        self.texts(&format!(
            "select regexp_replace(regexp_replace(t::text, '(\\.[0-9]*?)0+([,)])', '\\1\\2', 'g'), \
             '\\.([,)])', '\\1', 'g') from {relation} t order by 1"
        ))
        .await
    }

    /// The first column of each row.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .iter()
            .map(|row| row.get::<_, Option<String>>(0).unwrap_or_default())
            .collect()
    }

    /// One value.
    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let row = self.client.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

/// Events on their way through a writer.
pub struct Feed {
    pub writer: Writer,
    pub decoder: Decoder,
    shard: ShardId,
    at: u64,
}

impl Feed {
    /// Begins anew, as if nothing of the shard was committed.
    pub fn restart(&mut self) {
        self.at = 0;
    }

    /// How many events were committed.
    pub fn place(&self) -> u64 {
        self.at
    }

    /// Goes on behind that many events.
    pub fn restart_at(&mut self, at: u64) {
        self.at = at;
    }

    /// Asks for the shard.
    pub async fn acquire(&mut self, owner: &str, lease: Duration) -> Grant {
        let claim = Claim { owner: owner.to_owned(), lease };
        fine(self.writer.acquire(&self.shard, &claim).await)
    }

    /// Gives the shard back.
    pub async fn release(&mut self) {
        fine(self.writer.release(&self.shard).await);
    }

    /// Decodes the events (JSON texts) into one batch.
    fn batch<S: AsRef<str>>(&mut self, events: &[S]) -> Batch {
        let place = |at: u64| Position(at.to_string());
        let mut batch = Batch {
            shard: self.shard.clone(),
            from: (self.at > 0).then(|| place(self.at)),
            to: place(self.at + events.len() as u64),
            rows: Vec::new(),
            refusals: Vec::new(),
            events: events.len() as u64,
            mark: Mark::default(),
        };
        let mut decoded = Decoded::default();
        for (index, event) in events.iter().enumerate() {
            let raw = Raw {
                position: place(self.at + index as u64 + 1),
                body: Body::Text(Bytes::copy_from_slice(event.as_ref().as_bytes())),
            };
            self.decoder.decode(raw, &mut decoded);
        }
        (batch.rows, batch.refusals) = (decoded.rows, decoded.refusals);
        batch.events = decoded.events;
        batch
    }

    /// Commits the events as one batch.
    pub async fn try_commit<S: AsRef<str>>(&mut self, events: &[S]) -> Result<Outcome> {
        let batch = self.batch(events);
        let outcome = self.writer.commit(&batch).await?;
        self.at += events.len() as u64;
        Ok(outcome)
    }

    /// Commits events that stand or fall together, or, with `legs`, one event of several rows.
    pub async fn commit_together<S: AsRef<str>>(&mut self, events: &[S], legs: bool) -> Outcome {
        let mut batch = self.batch(events);
        let (to, raw) = (batch.to.clone(), batch.rows[0].raw.clone());
        for row in &mut batch.rows {
            row.group = 0;
            if legs {
                row.position = to.clone();
                row.raw = raw.clone();
            }
        }
        batch.events = if legs { 1 } else { events.len() as u64 };
        let outcome = fine(self.writer.commit(&batch).await);
        self.at += events.len() as u64;
        outcome
    }

    pub async fn commit<S: AsRef<str>>(&mut self, events: &[S]) -> Outcome {
        fine(self.try_commit(events).await)
    }
}

/// The value, or a panic with the whole report.
pub fn fine<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", error.report()))
}
