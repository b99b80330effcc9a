//! The questions of the brief, §11: each answers, by an index, with the rows that it should.

use howdah_feed::chain::{STREAMS, hex};

use super::load::load;
use super::rig::ChainRig;

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

const QUERIES: [(&str, &str); 13] = [
    ("Q1", include_str!("../../../../../systems/chain/queries/Q01.sql")),
    ("Q2", include_str!("../../../../../systems/chain/queries/Q02.sql")),
    ("Q3", include_str!("../../../../../systems/chain/queries/Q03.sql")),
    ("Q4", include_str!("../../../../../systems/chain/queries/Q04.sql")),
    ("Q5", include_str!("../../../../../systems/chain/queries/Q05.sql")),
    ("Q6", include_str!("../../../../../systems/chain/queries/Q06.sql")),
    ("Q7", include_str!("../../../../../systems/chain/queries/Q07.sql")),
    ("Q8", include_str!("../../../../../systems/chain/queries/Q08.sql")),
    ("Q9 by the hour", include_str!("../../../../../systems/chain/queries/Q09a.sql")),
    ("Q9 raw", include_str!("../../../../../systems/chain/queries/Q09b.sql")),
    ("Q10 protocol", include_str!("../../../../../systems/chain/queries/Q10a.sql")),
    ("Q10 term", include_str!("../../../../../systems/chain/queries/Q10b.sql")),
    ("Q12", include_str!("../../../../../systems/chain/queries/Q12.sql")),
];

/// What `$1`, `$2`, `$3` stand for: keys with many events.
async fn values(system: &ChainRig, name: &str) -> [String; 3] {
    let busiest = |column: &str, from: &str| {
        format!(
            "select encode({column}, 'hex') from {from} group by {column} \
             order by count(*) desc, 1 limit 1"
        )
    };
    let bytes = |hex: String| format!("'\\x{hex}'::bytea");
    let account = bytes(system.value(&busiest("account", "stakes")).await);
    let term = bytes(system.value(&busiest("term_id", "stakes")).await);
    let subject = bytes(system.value(&busiest("subject_id", "sides")).await);
    let predicate = bytes(system.value(&busiest("predicate_id", "sides")).await);
    let of_triples = "triple_vault where position_count > 0";
    let triple = bytes(system.value(&busiest("triple_id", of_triples)).await);
    let curve = "'1'".to_owned();
    let until = "'2026-11-21 00:00:01Z'::timestamptz".to_owned();
    let none = String::new();
    match name {
        "Q1" | "Q8" => [account, none.clone(), none],
        "Q3" => ["1e60".to_owned(), bytes(hex(&[0; 32])), none],
        "Q4" => [triple, none.clone(), none],
        "Q6" => [predicate, none.clone(), none],
        "Q7" => [subject, bytes(hex(&[0; 32])), none],
        "Q10 protocol" => [until, none.clone(), none],
        "Q10 term" => [term, until, none],
        "Q12" => [account, term, curve],
        _ => [term, curve, until],
    }
}

#[tokio::test]
async fn the_questions_of_the_brief_read_no_table_whole() {
    let mut system = ChainRig::new(&STREAMS).await;
    let (messages, _) = load(20_000, "L2");
    let sent = messages.iter().map(|message| (message.stream, message.json.as_str()));
    system.send_all(sent).await;
    system.run().await;
    // A small table is read whole by rights; what is asked is whether there is another way.
    system.connection.batch_execute("analyze; set enable_seqscan = off").await.unwrap();
    for (name, sql) in QUERIES {
        let mut sql = sql.to_owned();
        for (number, value) in values(&system, name).await.iter().enumerate() {
            sql = sql.replace(&format!("${}", number + 1), value);
        }
        let rows = system.connection.query(&sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(!rows.is_empty(), "{name} finds something");
        let plan = system.connection.query(&format!("explain (costs off) {sql}"), &[]).await;
        let plan: Vec<String> = plan.unwrap().iter().map(|row| row.get(0)).collect();
        for line in &plan {
            let whole = LARGE.iter().find(|table| line.contains(&format!("Seq Scan on {table}")));
            assert_eq!(whole, None, "{name}: {}", plan.join("\n"));
        }
        if ["Q3", "Q6"].contains(&name) {
            let sorts = plan.iter().any(|line| line.trim_start().starts_with("-> Sort"));
            assert!(!sorts, "{name} comes in the order of an index: {}", plan.join("\n"));
        }
    }
    let operator = include_str!("../../../../../systems/chain/queries/Q11.sql");
    let rows = system.connection.query(operator, &[]).await.unwrap();
    assert!(rows.len() >= STREAMS.len());
}
