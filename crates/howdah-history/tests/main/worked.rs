//! One stream, folded, read and put back.

use howdah_error::Code;
use howdah_pg::{ConnectOptions, Connection, connect};
use howdah_testkit::wait_until;

use crate::rig::{Rig, fine};

pub const TRADES: &str = "
create table tenants (id uuid primary key);
insert into tenants values ('aaaaaaaa-0000-4000-8000-000000000001'),
    ('bbbbbbbb-0000-4000-8000-000000000002');
create table trades (tenant_id uuid not null, symbol text not null, trade_id bigint not null,
    executed_at timestamptz not null, price numeric(18,8) not null, quantity numeric not null,
    side text not null, note jsonb, primary key (tenant_id, symbol, trade_id, executed_at))
    partition by range (executed_at);
create table trades_old partition of trades for values from ('2026-01-01') to ('2026-01-02');
create table trades_late partition of trades for values from ('2026-01-02') to ('2026-01-03');
insert into trades select t.id, 's' || n % 3, n,
    '2026-01-01 00:00:00Z'::timestamptz + n * interval '20.5 seconds',
    61000 + n % 700 / 10.0, (n % 977) / 1000.0, case when n % 2 = 0 then 'buy' else 'sell' end,
    case when n % 5 = 0 then jsonb_build_object('n', n, 'b', '') end
    from tenants t, generate_series(0, 8000) n;
";

pub const SYSTEM: &str = r#"
[system]
name = "{db}"
[tenants]
column = "tenant_id"
table = "tenants"
[streams.trades]
time = "executed_at"
key = ["symbol", "trade_id"]
chunk = "1 day"
segment = { after = "7 days", by = ["symbol"] }
[sources.trades]
file = "t.ndjson"
into = "trades"
[rollups.candles]
from = "trades"
every = ["1 hour"]
by = ["symbol"]
open = "first(price)"
volume = "sum(quantity)"
trades = "count(*)"
"#;

pub const ALL: &str = "select t::text from {} t order by tenant_id, symbol, trade_id, executed_at";

#[tokio::test]
async fn a_folded_stream_reads_as_before_and_is_put_back() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    let of = |relation: &str| ALL.replace("{}", relation);
    let before = rig.texts(&of("trades")).await;
    assert_eq!(before.len(), 16_002);
    assert_eq!(rig.fold_all().await, 16_002);
    let left: i64 = rig.one("select count(*) from trades").await;
    assert_eq!(left, 0);
    assert_eq!(rig.texts(&of("trades_history")).await, before);
    assert_eq!(
        rig.texts(&of("trades_between('2026-01-01', '2026-01-02')")).await.len() as i64,
        rig.one::<i64>("select count(*) from trades_history where executed_at < '2026-01-02'")
            .await
    );
    rig.assert_settled().await;
    // The metadata say what the events say.
    let same: bool = rig
        .one(
            "select (select (sum(howdah_rows), min(min_executed_at), max(max_executed_at), \
             min(min_price), max(max_price), sum(sum_price), sum(sum_quantity)) \
             from trades_segments_1) = (select (count(*), min(executed_at), max(executed_at), \
             min(price), max(price), sum(price), sum(quantity)) from trades_history)",
        )
        .await;
    assert!(same);
    assert_eq!(rig.restore_all().await, 16_002);
    assert_eq!(rig.texts(&of("trades")).await, before);
    assert_eq!(rig.texts(&of("trades_history")).await, before);
    let segments: i64 = rig.one("select count(*) from trades_segments_1").await;
    assert_eq!(segments, 0);
}

/// What a reader of the whole history sees.
async fn seen(client: &Connection) -> (i64, i64) {
    let sql = "select count(*), sum(trade_id)::bigint from trades_history";
    let row = client.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn readers_see_each_event_once_at_every_moment() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    // Makes the segment table and the view, which a new layout would wait for.
    rig.fold_all().await;
    rig.restore_all().await;
    let all = seen(&rig.client).await;
    assert_eq!(all.0, 16_002);
    // One who looks all the time, and one who looks at one moment for long.
    let (reader, old) = (rig.db.connect().await, rig.db.connect().await);
    old.batch_execute(
        "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read",
    )
    .await
    .unwrap();
    assert_eq!(seen(&old).await, all);
    let work = async {
        for _ in 0..2 {
            assert_eq!(rig.fold_all().await, 16_002);
            assert_eq!(seen(&old).await, all, "of before the fold");
            assert_eq!(rig.restore_all().await, 16_002);
            assert_eq!(seen(&old).await, all, "of before the restore");
        }
        assert_eq!(rig.fold_all().await, 16_002);
    };
    let mut looks = 0;
    let look = async {
        loop {
            assert_eq!(seen(&reader).await, all);
            looks += 1;
        }
    };
    tokio::select! { () = work => {}, () = look => {} }
    assert!(looks > 3, "{looks}");
    // The long look keeps the chunk's pages; once it is over they go.
    assert!(rig.chunks().await.iter().any(|chunk| chunk.hollow));
    old.batch_execute("commit").await.unwrap();
    // The look that was broken off ends first.
    assert_eq!(seen(&reader).await, all);
    wait_until("nobody keeps a page", std::time::Duration::from_secs(600), || async {
        for chunk in rig.chunks().await.iter().filter(|chunk| chunk.hollow) {
            fine(howdah_history::empty_chunk(&rig.client, chunk).await);
        }
        rig.chunks().await.iter().all(|chunk| !chunk.hollow && chunk.bytes < 50_000)
    })
    .await;
    assert_eq!(seen(&rig.client).await, all);
}

#[tokio::test]
async fn a_tenant_sees_no_event_no_extreme_and_no_count_of_another() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    rig.run("update trades set price = price + 5000 where tenant_id::text like 'b%'").await;
    rig.fold_all().await;
    let name = rig.db.name().to_owned();
    for (login, tenant, extremes) in [
        ("a", Some("aaaaaaaa-0000-4000-8000-000000000001"), "61000.00000000 61069.90000000"),
        ("b", Some("bbbbbbbb-0000-4000-8000-000000000002"), "66000.00000000 66069.90000000"),
        ("nobody", None, ""),
    ] {
        let url = rig.db.login(login, &[&format!("{name}_reader")]).await;
        if let Some(tenant) = tenant {
            rig.run(&format!(
                "insert into howdah.tenant_logins values ('{name}_{login}', '{tenant}')"
            ))
            .await;
        }
        let client = fine(connect(&fine(ConnectOptions::from_url(&url))).await);
        let count = if tenant.is_some() { 8_001 } else { 0 };
        for from in [
            "trades_history",
            "trades_between('-infinity', 'infinity')",
            "trades_between(now() - interval '100 years', now() + interval '1 day')",
        ] {
            let sql = format!("select count(*) from {from}");
            let found: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);
            assert_eq!(found, count, "{login} {from}");
        }
        let row = client
            .query_one(
                "select coalesce(sum(howdah_rows), 0)::bigint, \
                 coalesce(min(min_price) || ' ' || max(max_price), '') from trades_segments_1",
                &[],
            )
            .await
            .unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (count, extremes), "{login}");
        // Nobody but the owner writes segments, calls what puts events back, or enters chunks.
        for sql in [
            "delete from trades_segments_1",
            "update trades_segments_1 set howdah_rows = 0",
            "select howdah_chunks.trades_thaw(null, null, null, null)",
            "select * from trades_old",
            "select * from howdah.folded",
        ] {
            let error = client.query(sql, &[]).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
        }
    }
}

#[tokio::test]
async fn segments_are_found_by_key_and_time_also_for_times_relative_to_now() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    rig.fold_all().await;
    rig.run("set enable_seqscan = off").await;
    let plan = async |sql: &str| rig.texts(&format!("explain (costs off) {sql}")).await.join("\n");
    for range in [
        "'2026-01-01 10:00Z', '2026-01-01 10:05Z'",
        "now() - interval '3 years', now() - interval '2 years'",
    ] {
        let text = plan(&format!("select sum(price) from trades_between({range})")).await;
        assert!(text.contains("Index Cond: (max_executed_at >= "), "{text}");
        assert!(!text.contains("Function Scan on trades_between"), "{text}");
        let keyed = format!(
            "select price from trades_between({range}) where symbol = 's1' \
             and tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001'"
        );
        let text = plan(&keyed).await;
        assert!(text.contains("(symbol = 's1'::text) AND (max_executed_at >= "), "{text}");
    }
    // Of 12 segments those are read whose times meet the range.
    let text = rig
        .texts(
            "explain (analyze, costs off, timing off, summary off) select price from \
             trades_between('2026-01-01 10:00Z', '2026-01-01 10:05Z')",
        )
        .await
        .join("\n");
    let read = text.lines().find(|line| line.contains("trades_segments_1")).unwrap();
    assert!(read.contains("rows=6 "), "{text}");
}

/// Ten questions to the history of trades, and by which condition each finds its segments.
const QUESTIONS: [(&str, &str); 10] = [
    // One key, one range: a chart.
    (
        "select date_bin('1 minute', executed_at, '2026-01-01'), max(price), min(price) from \
         trades_between('2026-01-01 10:00Z', '2026-01-01 11:00Z') where symbol = 's1' \
         and tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001' group by 1",
        "max_executed_at >= ",
    ),
    // All keys of the last week.
    ("select sum(price) from trades_between(now() - interval '7 days', now())", "max_executed_at"),
    // A range that ends at a parameter.
    ("select count(*) from trades_between('2026-01-01 20:00Z', '2026-01-02')", "max_executed_at"),
    // One key for all time.
    (
        "select avg(price) from trades_history where symbol = 's2' \
         and tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001'",
        "symbol = 's2'",
    ),
    // All keys of a tenant.
    (
        "select symbol, sum(quantity) from trades_history \
         where tenant_id = 'bbbbbbbb-0000-4000-8000-000000000002' group by symbol",
        "tenant_id = ",
    ),
    // The last price before a time.
    (
        "select price from trades_between('2026-01-01 09:00Z', '2026-01-01 10:00Z') \
         where symbol = 's0' and tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001' \
         order by executed_at desc limit 1",
        "max_executed_at >= ",
    ),
    // Volumes of whole segments, by metadata alone.
    (
        "select symbol, sum(sum_quantity) from trades_segments_1 where \
         tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001' \
         and max_executed_at < '2026-01-01 12:00Z' group by symbol",
        "max_executed_at < ",
    ),
    // Extremes of a day, by metadata alone.
    (
        "select min(min_price), max(max_price) from trades_segments_1 \
         where max_executed_at >= '2026-01-01 12:00Z' and max_executed_at < '2026-01-02'",
        "max_executed_at >= ",
    ),
    // Two keys against each other.
    (
        "select count(*) from trades_between('2026-01-01 10:00Z', '2026-01-01 10:05Z') a \
         join trades_between('2026-01-01 10:00Z', '2026-01-01 10:05Z') b using (executed_at) \
         where a.symbol = 's0' and b.symbol = 's1'",
        "max_executed_at >= ",
    ),
    // One event by its key and its time.
    (
        "select price from trades_between('2026-01-01 00:34Z', '2026-01-01 00:35Z') \
         where symbol = 's1' and trade_id = 100 \
         and tenant_id = 'aaaaaaaa-0000-4000-8000-000000000001'",
        "symbol = 's1'",
    ),
];

#[tokio::test]
async fn no_question_reads_all_segments() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    rig.fold_all().await;
    // The table is so small that reading all of it would be cheapest.
    rig.run("set enable_seqscan = off").await;
    for (question, condition) in QUESTIONS {
        let text = rig.texts(&format!("explain (costs off) {question}")).await.join("\n");
        assert!(!text.contains("Seq Scan on trades_segments_1"), "{question}\n{text}");
        let finds = |line: &str| line.contains("Index Cond") && line.contains(condition);
        assert!(text.lines().any(finds), "{question}\n{text}");
    }
}

#[tokio::test]
async fn what_would_not_be_exact_is_refused() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    let chunk = rig.chunks().await.remove(0);
    let refused = async |make: &str, undo: &str, why: &str| {
        rig.run(make).await;
        let error = rig.try_fold(&rig.client, &chunk).await.unwrap_err();
        assert_eq!(error.get_code(), Some(Code::CannotFold), "{}", error.report());
        assert!(error.message().contains(why), "{}", error.report());
        rig.run(undo).await;
    };
    refused(
        "create function noted() returns trigger language plpgsql as 'begin return old; end'; \
         create trigger noted before delete on trades_old for each row execute function noted()",
        "drop function noted cascade",
        "trigger",
    )
    .await;
    refused(
        "create table refers (tenant_id uuid, symbol text, trade_id bigint, at timestamptz, \
         foreign key (tenant_id, symbol, trade_id, at) references trades)",
        "drop table refers",
        "foreign key",
    )
    .await;
    assert!(fine(rig.try_fold(&rig.client, &chunk).await).rows > 0);
    // What a row of before has in it, nobody knows.
    rig.run("delete from trades; drop view trades_history").await;
    rig.run("alter table trades add column most int not null").await;
    rig.run(
        "insert into trades select t.id, 's0', 9999, '2026-01-01 05:00Z', 1, 1, 'buy', null, 5 \
         from tenants t",
    )
    .await;
    let error = rig.try_fold(&rig.client, &chunk).await.unwrap_err();
    assert!(error.report().contains("\"most\""), "{}", error.report());
    // One session at a time.
    let other = rig.db.connect().await;
    let lock = howdah_rollup::lock::AdvisoryLock::history(&rig.stream().await);
    let sql = format!("select pg_advisory_lock({}, {})", howdah_rollup::lock::CLASS, lock.0);
    other.batch_execute(&sql).await.unwrap();
    let error = rig.try_fold(&rig.client, &chunk).await.unwrap_err();
    assert_eq!(error.get_code(), Some(Code::FoldUnderWay), "{}", error.report());
}
