//! The ten queries of the brief: they prepare on a fresh install (R11, R12), and each has an index
//! to go by.

use super::world::market;
use crate::systems::queries;

#[tokio::test]
async fn r11_r12_every_query_prepares_and_runs_on_a_fresh_install() {
    let market = market().await;
    let all = queries("calls");
    assert!(all.len() >= 13);
    for (name, text) in &all {
        let statement = market.client.prepare(text).await;
        let statement = statement.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let nulls: Vec<Option<&str>> = vec![None; statement.params().len()];
        let call = format!(
            "prepare q as {text}; execute q({}); deallocate q",
            nulls.iter().map(|_| "null").collect::<Vec<_>>().join(", ")
        );
        let call = if nulls.is_empty() { text.clone() } else { call };
        market.client.simple_query(&call).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    }
}

#[tokio::test]
async fn q1_to_q10_read_no_large_table_whole() {
    let market = market().await;
    market.run("set enable_seqscan = off; set plan_cache_mode = force_generic_plan").await;
    for (name, text) in queries("calls") {
        let params = market.client.prepare(&text).await.unwrap().params().len();
        let nulls = vec!["null"; params].join(", ");
        let sql = format!("prepare q as {text}; explain execute q({nulls})");
        let rows = market.client.simple_query(&sql).await.unwrap();
        let plan: Vec<String> = rows
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect();
        let whole = plan.iter().find(|line| line.contains("Seq Scan on"));
        assert_eq!(whole, None, "{name}:\n{}", plan.join("\n"));
        market.run("deallocate q").await;
    }
}

/// R5: each index serves a query, and none is the beginning of another.
#[tokio::test]
async fn r5_no_index_is_the_beginning_of_another_and_streams_have_few() {
    let market = market().await;
    let prefixes = "select a.indexrelid::regclass || ' of ' || b.indexrelid::regclass \
         from pg_index a join pg_index b on a.indrelid = b.indrelid \
         and a.indexrelid <> b.indexrelid and not a.indisunique \
         and a.indpred is null and a.indexprs is null \
         and (b.indkey::text || ' ') like (a.indkey::text || ' %') \
         join pg_class c on c.oid = a.indrelid join pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = 'public'";
    assert_eq!(market.texts(prefixes).await, Vec::<String>::new());
    let many = "select c.relname || ' ' || count(*) from pg_index i \
         join pg_class c on c.oid = indrelid join pg_namespace n on n.oid = relnamespace \
         where n.nspname = 'public' and c.relkind = 'p' group by c.relname having count(*) > 5";
    assert_eq!(market.texts(many).await, Vec::<String>::new());
}
