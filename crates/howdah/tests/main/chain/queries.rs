//! The questions of the brief, §11: each answers, by an index, with the rows that it should.

use howdah_feed::chain::{QUESTIONS, Question, STREAMS};

use howdah_testkit::wait_until;

use super::load::{load, send};
use super::rig::ChainRig;
use crate::rig::{PATIENCE, texts};

/// Tables of which no question may read every row.
const LARGE: [&str; 14] = [
    "stakes",
    "share_prices",
    "positions",
    "vault_prices",
    "vault_holders",
    "term_totals",
    "sides",
    "triple_vault",
    "triple_term",
    "predicate_object",
    "subject_predicate",
    "prices_1h",
    "term_flows_1d",
    "account_days",
];

/// The question for the keys with the most events.
async fn asked(system: &ChainRig, question: &Question) -> String {
    let mut values = Vec::new();
    for key in question.keys {
        values.push(system.connection.query_one(*key, &[]).await.unwrap().get(0));
    }
    question.of(&values)
}

/// How the question is answered; rows may come from anywhere but a whole table.
async fn plan_of(system: &ChainRig, question: &Question, sql: &str) -> String {
    let plan = system.connection.query(&format!("explain (costs off) {sql}"), &[]).await;
    let plan: Vec<String> = plan.unwrap().iter().map(|row| row.get(0)).collect();
    let (name, text) = (question.name, plan.join("\n"));
    for line in plan.iter().filter(|line| line.contains("Seq Scan on ")) {
        let whole = LARGE.iter().find(|table| line.contains(&format!("Seq Scan on {table}")));
        assert_eq!(whole, None, "{name}: {text}");
        assert!(!line.contains("_segments_"), "{name}: {text}");
    }
    text
}

/// A small table is read whole by rights; what is asked is whether there is another way.
async fn analyze(system: &ChainRig) {
    system.connection.batch_execute("set enable_seqscan = off").await.unwrap();
    // The temporary table of a session that is just ending makes it fail.
    wait_until("all tables are analysed", PATIENCE, || async {
        system.connection.batch_execute("analyze").await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn the_questions_of_the_brief_read_no_table_whole() {
    let mut system = ChainRig::folding(&STREAMS).await;
    let (messages, _) = load(20_000, "L2");
    send(&mut system, &messages).await;
    system.run().await;
    analyze(&system).await;
    let mut answers = Vec::new();
    for question in &QUESTIONS {
        let (name, sql) = (question.name, asked(&system, question).await);
        let rows = texts(&system.connection, &sql).await;
        assert!(!rows.is_empty(), "{name} finds something");
        if name == "Q11" {
            assert!(rows.len() >= STREAMS.len(), "of howdah.positions, small by nature");
            continue;
        }
        let plan = plan_of(&system, question, &sql).await;
        if ["Q3", "Q6"].contains(&name) {
            let sorts = plan.lines().any(|line| line.trim_start().starts_with("-> Sort"));
            assert!(!sorts, "{name} comes in the order of an index: {plan}");
        }
        answers.push((question, sql, rows));
    }
    // The same when every event lies in a segment: these are found by their keys and times.
    system.fold().await;
    analyze(&system).await;
    let mut of_segments = Vec::new();
    for (question, sql, rows) in answers {
        assert_eq!(texts(&system.connection, &sql).await, rows, "{}", question.name);
        let plan = plan_of(&system, question, &sql).await;
        let found = |line: &&str| line.contains("Scan") && line.contains("_segments_");
        if plan.lines().any(|line| found(&line)) {
            of_segments.push(question.name);
        }
    }
    assert_eq!(of_segments, ["Q8", "Q9 raw", "Q12"]);
}
