//! R22, I12: whatever a tenant tries, it neither sees nor touches a row that is not its own.
//!
//! Every relation of the database is attacked, also those that nobody thought of.

use std::collections::BTreeMap;

use howdah_pg::{ConnectOptions, connect};

use super::siege::{DENIED, RULES, count, siege};
use super::world::{BUYERS, OTHER_SELLER, id};
use crate::engine::fine;

/// What the first seller must not come to know.
const OTHERS: [&str; 5] = [OTHER_SELLER, BUYERS[1], BUYERS[2], "CA2", "h2"];

#[tokio::test]
async fn r22_every_tenant_sees_exactly_its_rows_of_every_relation() {
    let siege = siege().await;
    let relations = siege.relations().await;
    assert!(relations.len() > 60, "{relations:?}");
    let rules: Vec<&str> = RULES.iter().map(|(name, _)| *name).collect();
    assert!(rules.iter().all(|rule| relations.iter().any(|name| name == rule)));
    let mut seen: BTreeMap<&str, i64> = BTreeMap::new();
    for relation in &relations {
        for (tenant, login) in &siege.logins {
            let may = siege.may_see(relation, *tenant).await;
            let does = count(login, &format!("select * from {relation}")).await;
            assert_eq!(does, may, "{relation} as {tenant:?}");
            *seen.entry(relation).or_default() += does;
        }
    }
    // The rules are not empty words: almost every relation of them shows somebody something.
    let silent: Vec<&&str> = rules.iter().filter(|rule| seen[**rule] == 0).collect();
    assert!(silent.len() <= 7, "{silent:?}");
    // Forced on whatever is visible at all, chunks too.
    let bare = "select c.relname::text from pg_class c join pg_namespace n on n.oid = relnamespace \
                where n.nspname in ('public', 'howdah_chunks') and relkind in ('r', 'p') \
                and not (relrowsecurity and (relforcerowsecurity or nspname <> 'public')) \
                and (n.nspname <> 'public' or exists (select from aclexplode(relacl) a \
                where a.grantee <> c.relowner and pg_get_userbyid(a.grantee) not like '%writer'))";
    assert_eq!(siege.market.texts(bare).await, Vec::<String>::new());
}

#[tokio::test]
async fn r22_no_way_of_asking_shows_more() {
    let siege = siege().await;
    let prefix = &siege.prefix;
    siege
        .market
        .run(&format!(
            "create view all_calls as select * from call_events; \
             create view sums as select account, posted from account_state; \
             create function every_bid() returns setof bid_events language sql security definer \
                 as 'select * from bid_events'; \
             grant select on all_calls, sums to {prefix}_reader;"
        ))
        .await;
    let ways = [
        ("call_events", "select * from all_calls"),
        ("account_state", "select * from sums"),
        ("bid_events", "select * from every_bid()"),
        ("call_events", "select * from only call_events union all select * from call_events"),
        ("call_events", "select e.* from call_events e join call_events f using (call_id, seq)"),
        ("call_events", "select * from call_events where seller_id = seller_id or true"),
        ("call_events", "select * from call_events tablesample system (100)"),
        ("holds", "select * from holds where exists (select from ledger)"),
        (
            "bid_state",
            "with recursive r as (select * from bid_state union select * from r) \
          select * from r",
        ),
    ];
    for (relation, way) in ways {
        for (tenant, login) in &siege.logins {
            let may = siege.may_see(relation, *tenant).await;
            assert_eq!(count(login, way).await, may, "{way} as {tenant:?}");
            // Prepared, through a cursor, copied out.
            let prepared = login.query(way, &[]).await.unwrap().len() as i64;
            assert_eq!(prepared, may, "prepared: {way}");
            let cursor = format!("begin; declare c cursor for {way}");
            login.batch_execute(&cursor).await.unwrap();
            let fetched = login.query("fetch all from c", &[]).await.unwrap().len() as i64;
            login.batch_execute("rollback").await.unwrap();
            assert_eq!(fetched, may, "cursor: {way}");
            let copied = login.copy_out(&format!("copy ({way}) to stdout")).await.unwrap();
            let lines = lines(copied).await;
            assert_eq!(lines, may, "copy: {way}");
        }
    }
}

/// A setting, a role, a search path: nothing of it makes another tenant.
#[tokio::test]
async fn r22_no_setting_and_no_role_makes_another_tenant() {
    let siege = siege().await;
    let prefix = &siege.prefix;
    for (tenant, login) in &siege.logins {
        let may = siege.may_see("call_events", *tenant).await;
        for trick in [
            format!("set app.tenant = '{OTHER_SELLER}'"),
            format!("set howdah.tenant = '{OTHER_SELLER}'"),
            "set row_security = off".to_owned(),
            format!("set role {prefix}_reader"),
            "set search_path = pg_temp, public; create temp table call_events ()".to_owned(),
        ] {
            login.batch_execute(&trick).await.unwrap();
            let sql = "select count(*) from public.call_events";
            let does = match login.query_one(sql, &[]).await {
                Ok(row) => row.get(0),
                Err(_) => 0,
            };
            assert!(does == may || (trick.contains("off") && does == 0), "{trick}");
            login
                .batch_execute("reset all; reset role; drop table if exists pg_temp.call_events")
                .await
                .unwrap();
        }
        for refused in [
            format!("set role {prefix}"),
            format!("set role {prefix}_writer"),
            format!("set session authorization {prefix}"),
            "copy call_events to program 'cat'".to_owned(),
            "select pg_read_file('postgresql.conf')".to_owned(),
        ] {
            assert!(login.batch_execute(&refused).await.is_err(), "{refused}");
        }
    }
}

/// How many lines a COPY gives.
async fn lines(stream: tokio_postgres::CopyOutStream) -> i64 {
    use futures_util::TryStreamExt as _;
    let bytes: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    bytes.iter().flat_map(|part| part.iter()).filter(|byte| **byte == b'\n').count() as i64
}

#[tokio::test]
async fn i11_i12_a_tenant_writes_nothing() {
    let siege = siege().await;
    let relations = siege.relations().await;
    let (_, seller) = &siege.logins[0];
    for relation in &relations {
        for sql in [
            format!("insert into {relation} default values"),
            format!("update {relation} set ctid = ctid"),
            format!("delete from {relation}"),
            format!("truncate {relation}"),
            format!("drop table {relation}"),
            format!("alter table {relation} no force row level security"),
            format!("create policy mine on {relation} using (true)"),
            format!("create trigger t before insert on {relation} execute function now()"),
            format!("do 'begin lock table {relation} in access exclusive mode; end'"),
        ] {
            let error = seller.batch_execute(&sql).await.expect_err(&sql);
            let code = error.code().unwrap().code();
            assert!(code == DENIED || sql.starts_with("update"), "{sql}: {error:?}");
        }
    }
}

/// Even a careless grant gives no way into rows that belong to two, or to somebody else.
#[tokio::test]
async fn i12_a_careless_grant_opens_no_row_of_another() {
    let siege = siege().await;
    let prefix = &siege.prefix;
    let relations = siege.relations().await;
    siege
        .market
        .run(&format!(
            "grant insert, update, delete on all tables in schema public to {prefix}_reader"
        ))
        .await;
    let counts = |relation: &str| format!("select count(*) from {relation}");
    for relation in relations.iter().filter(|name| RULES.iter().any(|(rule, _)| rule == name)) {
        let before: i64 = siege.market.one(&counts(relation)).await;
        let sum = format!(
            "select coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {relation} t"
        );
        let content = siege.market.texts(&sum).await;
        for (tenant, login) in &siege.logins {
            let rule = RULES.iter().find(|(name, _)| name == relation).unwrap().1;
            let tenant = tenant.unwrap_or("00000000-0000-4000-8000-000000000099");
            let others =
                format!("delete from {relation} where not ({})", rule.replace("$me", tenant));
            if let Ok(rows) = login.execute(&others, &[]).await {
                assert_eq!(rows, 0, "{others}");
            }
        }
        let after: i64 = siege.market.one(&counts(relation)).await;
        assert_eq!((after, siege.market.texts(&sum).await), (before, content), "{relation}");
    }
    // Declared visibility is for reading: not even the own row of a call, a bid, the ledger.
    let (_, buyer) = &siege.logins[1];
    for relation in ["call_events", "bid_events", "ledger", "account_state", "call_state", "holds"]
    {
        assert_eq!(buyer.execute(&format!("delete from {relation}"), &[]).await.unwrap(), 0);
        let column = if relation == "ledger" { "actor" } else { "ctid" };
        let update = format!("update {relation} set {column} = {column}");
        if let Ok(rows) = buyer.execute(&update, &[]).await {
            assert_eq!(rows, 0, "{relation}");
        }
    }
    let copy = "insert into ledger select * from ledger limit 1";
    assert_eq!(buyer.batch_execute(copy).await.unwrap_err().code().unwrap().code(), DENIED);
}

/// I11: the writer of howdah itself appends to streams and does nothing else to them.
#[tokio::test]
async fn i11_a_stream_of_evidence_is_only_appended_to() {
    let siege = siege().await;
    let prefix = &siege.prefix;
    let url = siege.market.db.login("w", &[&format!("{prefix}_writer")]).await;
    let writer = fine(connect(&fine(ConnectOptions::from_url(&url))).await);
    for stream in ["ledger", "compliance_checks", "consent_events", "security_events"] {
        for sql in [
            format!("update {stream} set recorded_at = now()"),
            format!("delete from {stream}"),
            format!("truncate {stream}"),
            format!("drop table {stream}"),
        ] {
            let error = writer.batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
        }
    }
}

#[tokio::test]
async fn i12_chunks_statistics_and_errors_tell_nothing_of_others() {
    let siege = siege().await;
    siege.market.run("analyze").await;
    let chunks = siege
        .market
        .texts(
            "select inhrelid::regclass::text from pg_inherits i join pg_class c \
                on c.oid = inhrelid where c.relkind = 'r'",
        )
        .await;
    assert!(chunks.len() > 20);
    let (_, seller) = &siege.logins[0];
    for chunk in &chunks {
        for sql in [format!("select * from {chunk}"), format!("copy {chunk} to stdout")] {
            let error = seller.batch_execute(&sql).await.expect_err(&sql);
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
        }
    }
    // Statistics of columns under row security are hidden; estimates name no value of others.
    let mut told = String::new();
    for sql in [
        "select coalesce(string_agg(s::text, ' '), '') from pg_stats s where schemaname = 'public'",
        "select coalesce(string_agg(s::text, ' '), '') from pg_stats_ext s",
        "select coalesce(string_agg(query, ' '), '') from pg_stat_activity \
         where usename <> current_user",
        "select coalesce(string_agg(x::text, ' '), '') from howdah.rollups x",
    ] {
        if let Ok(row) = seller.query_one(sql, &[]).await {
            told.push_str(&row.get::<_, String>(0));
        }
    }
    for sql in [
        "explain (analyze, verbose) select * from call_events",
        "explain (analyze, verbose) select * from call_state order by started_at",
        "explain (analyze, verbose) select * from ledger",
    ] {
        for row in seller.query(sql, &[]).await.unwrap() {
            told.push_str(&row.get::<_, String>(0));
        }
    }
    // Errors that speak of the row at hand.
    for sql in [
        "select 1 / (count(*) - count(*)) from call_events",
        "select call_sid::int from call_events",
        "select (from_phone || seller_id)::int from call_events where seller_id <> buyer_id",
        "insert into call_events select * from call_events",
    ] {
        let error = seller.batch_execute(sql).await.expect_err(sql);
        told.push_str(&format!("{error:?}"));
    }
    for secret in OTHERS {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    // Sequences, dead letters, positions.
    for sql in [
        "select last_value from invoice_numbers",
        "select * from howdah.dead_letters",
        "select * from howdah.positions",
        "select * from howdah.tenant_logins",
        "select * from howdah.api_keys",
    ] {
        let error = seller.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code().unwrap().code(), DENIED, "{sql}");
    }
}

/// A function of its own that leaks what it is shown is shown its own rows.
#[tokio::test]
async fn i12_a_leaking_function_is_shown_no_row_of_another() {
    let siege = siege().await;
    let (_, seller) = &siege.logins[0];
    let prefix = &siege.prefix;
    siege.market.run(&format!("grant create on schema public to {prefix}_reader")).await;
    seller
        .batch_execute(
            "create function leak(t text) returns boolean language plpgsql cost 0.0000001 as \
             'begin raise notice ''%'', t; if t like ''%'' || current_setting(''my.other'') \
             || ''%'' then raise exception ''leaked''; end if; return true; end'",
        )
        .await
        .unwrap();
    for secret in OTHERS {
        seller.batch_execute(&format!("set my.other = '{secret}'")).await.unwrap();
        for relation in ["call_events", "call_state", "account_state", "auction_replay", "ledger"] {
            let sql = format!("select count(*) from {relation} t where leak(t::text)");
            let row = seller.query_one(&sql, &[]).await;
            assert!(row.is_ok(), "{relation}: {row:?}");
        }
    }
}

#[tokio::test]
async fn q7_a_seller_sees_amounts_of_closed_auctions_and_no_bidder() {
    let siege = siege().await;
    let (_, seller) = &siege.logins[0];
    let rows =
        seller.query("select t::text from auction_replay t order by place", &[]).await.unwrap();
    let shown: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    for buyer in BUYERS {
        assert!(shown.iter().all(|row| !row.contains(buyer)), "{shown:?}");
    }
    assert!(shown.iter().all(|row| !row.contains(&id(11))), "no bid is named");
    assert_eq!(count(seller, "select * from bid_events").await, 0);
    assert_eq!(count(seller, "select * from bid_state").await, 0);
}
