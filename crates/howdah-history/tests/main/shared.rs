//! Rows of several tenants: a segment holds rows that the same tenants see, and each sees what it
//! saw.

use howdah_pg::{ConnectOptions, connect};

use crate::rig::{Rig, fine};

const CALLS: &str = "
create table accounts (account text primary key);
insert into accounts values ('ann'), ('bob'), ('cem');
create table calls (at timestamptz not null, call bigint not null, seller text not null,
    buyer text, price numeric not null, primary key (call, at)) partition by range (at);
create table calls_old partition of calls for values from ('2026-01-01') to ('2026-01-02');
insert into calls select '2026-01-01'::timestamptz + n * interval '7 seconds', n,
    (array['ann', 'bob', 'cem'])[1 + n % 3],
    case when n % 5 > 0 then (array['ann', 'bob', 'cem'])[1 + n / 2 % 3] end, n / 10.0
    from generate_series(0, 4999) n;
";

const SYSTEM: &str = r#"
[system]
name = "{db}"
[tenants]
column = "account"
table = "accounts"
[tables.calls]
visible_to = "seller = me or buyer = me"
[streams.calls]
time = "at"
key = ["call"]
chunk = "1 day"
segment = { after = "1 day", by = [] }
[sources.calls]
file = "c.ndjson"
into = "calls"
"#;

#[tokio::test]
async fn rows_of_several_tenants_are_folded_and_seen_as_before() {
    let rig = Rig::new(CALLS, SYSTEM).await;
    let name = rig.db.name().to_owned();
    let mut logins = Vec::new();
    for tenant in ["ann", "bob", "cem"] {
        let url = rig.db.login(tenant, &[&format!("{name}_reader")]).await;
        rig.run(&format!(
            "insert into howdah.tenant_logins values ('{name}_{tenant}', '{tenant}')"
        ))
        .await;
        logins.push(fine(connect(&fine(ConnectOptions::from_url(&url))).await));
    }
    let seen = async |from: &str| {
        let sql =
            format!("select coalesce(string_agg(c::text, ';' order by call), '') from {from} c");
        let mut out: Vec<String> = Vec::new();
        for login in &logins {
            out.push(login.query_one(&sql, &[]).await.unwrap().get(0));
        }
        out
    };
    let before = seen("calls").await;
    assert!(before.iter().all(|rows| rows.len() > 10_000) && before[0] != before[1]);
    assert_eq!(rig.fold_all().await, 5_000);
    assert_eq!(rig.one::<i64>("select count(*) from calls").await, 0);
    assert_eq!(seen("calls_history").await, before);
    assert_eq!(seen("calls_between('-infinity', 'infinity')").await, before);
    // Metadata of rows that a tenant does not see are not seen either.
    for login in &logins {
        let rows = "select sum(howdah_rows)::bigint, (select count(*) from calls_history) \
                    from calls_segments_1";
        let row = login.query_one(rows, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), row.get::<_, i64>(1));
    }
    rig.restore_all().await;
    assert_eq!(seen("calls").await, before);
}
