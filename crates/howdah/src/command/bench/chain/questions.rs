//! How long the questions of the chain's readers take, asked by several clients at once.

use std::time::{Duration, Instant};

use howdah_error::{Error, Result};
use howdah_feed::chain::QUESTIONS;
use howdah_pg::{ConnectOptions, Connection, connect, from_pg};
use serde::Serialize;

use super::super::percentile;

/// Rounds of all questions before the clock counts: what they read is warm by then.
const WARM_UP: usize = 3;

/// A question's times over all clients, in milliseconds.
#[derive(Debug, Serialize)]
pub struct Answered {
    pub question: &'static str,
    /// Rows of an answer.
    pub rows: usize,
    /// How often it was asked.
    pub times: usize,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

/// Asks every question in turn for `lasting`, each client on a connection of its own, for the keys
/// with the most events; statements are prepared once.
pub async fn ask(
    options: &ConnectOptions,
    clients: usize,
    lasting: Duration,
) -> Result<Vec<Answered>> {
    let first = connect(options).await?;
    first.batch_execute("vacuum analyze").await.map_err(|error| failed(&error))?;
    let mut asked = Vec::new();
    for question in &QUESTIONS {
        let mut values = Vec::new();
        for key in question.keys {
            let row = first.query_one(*key, &[]).await.map_err(|error| failed(&error))?;
            values.push(row.get(0));
        }
        asked.push(question.of(&values));
    }
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let (options, asked) = (options.clone(), asked.clone());
            tokio::spawn(async move { client(&connect(&options).await?, &asked, lasting).await })
        })
        .collect();
    let mut all: Vec<Times> = asked.iter().map(|_| Times::default()).collect();
    for one in running {
        let broke = |error| Error::internal("a client of the benchmark broke off").source(error);
        for (times, more) in all.iter_mut().zip(one.await.map_err(broke)??) {
            times.rows = more.rows;
            times.ms.extend(more.ms);
        }
    }
    Ok(QUESTIONS.iter().zip(all).map(|(question, times)| times.answered(question.name)).collect())
}

#[derive(Default)]
struct Times {
    rows: usize,
    ms: Vec<f64>,
}

impl Times {
    fn answered(mut self, question: &'static str) -> Answered {
        self.ms.sort_by(f64::total_cmp);
        let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|share| percentile(&self.ms, share));
        Answered { question, rows: self.rows, times: self.ms.len(), p50_ms, p95_ms, p99_ms }
    }
}

async fn client(
    connection: &Connection,
    asked: &[String],
    lasting: Duration,
) -> Result<Vec<Times>> {
    let mut prepared = Vec::new();
    for sql in asked {
        prepared.push(connection.prepare(sql).await.map_err(|error| failed(&error))?);
    }
    let mut all: Vec<Times> = asked.iter().map(|_| Times::default()).collect();
    let mut end = None;
    for round in 0.. {
        let counts = round >= WARM_UP;
        if counts && Instant::now() >= *end.get_or_insert_with(|| Instant::now() + lasting) {
            break;
        }
        for (statement, times) in prepared.iter().zip(&mut all) {
            let asked = Instant::now();
            let rows = connection.query(statement, &[]).await.map_err(|error| failed(&error))?;
            if counts {
                times.rows = rows.len();
                times.ms.push(asked.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(all)
}

fn failed(error: &tokio_postgres::Error) -> Error {
    from_pg("could not answer a question of the chain", error)
}
