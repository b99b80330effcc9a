//! What every test here begins with: a database with a stream, applied.

use howdah_catalog::Catalog;
use howdah_error::Result;
use howdah_history::chunks::{self, Chunk};
use howdah_history::{Folded, fold_chunk, restore_chunk};
use howdah_pg::{Connection, introspect};
use howdah_system::{Stream, System, SystemFile, error_of};
use howdah_testkit::{Cluster, TestDatabase};
use howdah_upkeep::{answer_questions, apply, read_facts};

/// A database with streams, and its owner's connection.
pub struct Rig {
    pub db: TestDatabase,
    pub client: Connection,
    pub text: String,
}

impl Rig {
    /// Runs `migrations`, then applies `system`; `{db}` stands for the name of the database.
    pub async fn new(migrations: &str, system: &str) -> Self {
        Self::on(Cluster::shared().await, migrations, system).await
    }

    /// The same on a server of one's own.
    pub async fn on(cluster: &Cluster, migrations: &str, system: &str) -> Self {
        let db = cluster.database().await;
        let client = db.connect().await;
        client.batch_execute(&migrations.replace("{db}", db.name())).await.unwrap();
        // What a test asks of its own connection may take as long as a busy machine takes.
        client.batch_execute("set lock_timeout = 0; set statement_timeout = 0").await.unwrap();
        let text = system.replace("{db}", db.name());
        let rig = Self { db, client, text };
        rig.apply().await;
        rig
    }

    pub async fn apply(&self) {
        let (catalog, system) = self.model().await;
        let facts = fine(read_facts(&self.client, &system, &catalog).await);
        let plan = fine(howdah_plan::plan(&system, &catalog, &facts));
        fine(apply::apply(&self.client, &system, &plan, &[], |_| {}).await);
        self.assert_settled().await;
    }

    /// Nothing is left to plan.
    pub async fn assert_settled(&self) {
        let (catalog, system) = self.model().await;
        let facts = fine(read_facts(&self.client, &system, &catalog).await);
        let plan = fine(howdah_plan::plan(&system, &catalog, &facts));
        let left: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert!(left.is_empty(), "steps are left: {left:?}");
    }

    pub async fn model(&self) -> (Catalog, System) {
        model_of(&self.client, &self.text).await
    }

    /// The first stream of the system.
    pub async fn stream(&self) -> Stream {
        self.model().await.1.streams.remove(0)
    }

    pub async fn chunks(&self) -> Vec<Chunk> {
        fine(chunks::read(&self.client, &self.stream().await).await)
    }

    /// Folds one chunk of the first stream.
    pub async fn try_fold(&self, client: &Connection, chunk: &Chunk) -> Result<Folded> {
        let (catalog, system) = self.model().await;
        fold_chunk(client, &system, &catalog, &system.streams[0], chunk).await
    }

    /// Folds every chunk that is due and holds rows; gives how many events that were.
    pub async fn fold_all(&self) -> i64 {
        let mut rows = 0;
        for chunk in self.chunks().await.iter().filter(|chunk| chunk.due && chunk.filled) {
            rows += fine(self.try_fold(&self.client, chunk).await).rows;
        }
        rows
    }

    /// Folds every chunk, whatever the policy says.
    pub async fn fold_every(&self) -> i64 {
        let mut rows = 0;
        for chunk in &self.chunks().await {
            rows += fine(self.try_fold(&self.client, chunk).await).rows;
        }
        rows
    }

    /// Restores every chunk.
    pub async fn restore_all(&self) -> i64 {
        let stream = self.stream().await;
        let mut rows = 0;
        for chunk in &self.chunks().await {
            rows += fine(restore_chunk(&self.client, &stream, chunk).await);
        }
        rows
    }

    pub async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        let row = self.client.query_one(sql, &[]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let rows = self.client.query(sql, &[]).await;
        rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .iter()
            .map(|row| row.get::<_, Option<String>>(0).unwrap_or_default())
            .collect()
    }
}

/// A system file held against a database.
pub async fn model_of(client: &Connection, text: &str) -> (Catalog, System) {
    let file = fine(SystemFile::read_text("howdah.toml", text));
    let catalog = fine(introspect(client).await);
    let draft = file.check(&catalog);
    let answers = fine(answer_questions(client, &draft.questions).await);
    let finished = draft.finish(answers);
    let system = fine(finished.map_err(|problems| error_of("howdah.toml", &problems)));
    (catalog, system)
}

/// The value, or a panic with the whole report.
pub fn fine<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{}", error.report()))
}
