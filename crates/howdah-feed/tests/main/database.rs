//! The migrations of trading and the entities of its feed, on a real PostgreSQL, as a plain owner.

use howdah_feed::entities_sql;
use howdah_testkit::Cluster;

use crate::options;

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$((
            include_str!(concat!("../../../../systems/trading/migrations/", $name, ".sql")),
            include_str!(concat!("../../../../systems/trading/migrations/", $name, ".down.sql")),
        )),*]
    };
}

/// Each migration with its way back, in order.
const MIGRATIONS: &[(&str, &str)] = migrations![
    "0001_tenants",
    "0002_markets",
    "0003_orders",
    "0004_trades",
    "0005_fills",
    "0006_portfolio_snapshots",
];

/// Every relation, type and function that the migrations might leave behind.
const LEFT_BEHIND: &str = "
    select (select count(*) from pg_class where relnamespace = 'public'::regnamespace)
         + (select count(*) from pg_type where typnamespace = 'public'::regnamespace)
         + (select count(*) from pg_proc where pronamespace = 'public'::regnamespace)";

#[tokio::test]
async fn migrations_go_up_and_down_and_up_again_and_take_the_entities() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    for (up, _) in MIGRATIONS {
        owner.batch_execute(up).await.unwrap();
    }
    for (_, down) in MIGRATIONS.iter().rev() {
        owner.batch_execute(down).await.unwrap();
    }
    let left: i64 = owner.query_one(LEFT_BEHIND, &[]).await.unwrap().get(0);
    assert_eq!(left, 0, "the way back leaves nothing");
    for (up, _) in MIGRATIONS {
        owner.batch_execute(up).await.unwrap();
    }

    let entities = entities_sql("trading", &options(0)).unwrap();
    for _again in 0..2 {
        // One simple query is one transaction, which the owners of tenants need.
        owner.batch_execute(&entities).await.unwrap();
        for (table, rows) in [
            ("tenants", 500_i64),
            ("users", 2_180),
            ("tenant_members", 2_180),
            ("exchange_connections", 2_180),
            ("orders", 2_180),
            ("exchanges", 5),
            ("instruments", 1_000),
        ] {
            let count = format!("select count(*) from {table}");
            let found: i64 = owner.query_one(&count, &[]).await.unwrap().get(0);
            assert_eq!(found, rows, "{table}");
        }
    }
}

#[tokio::test]
async fn constraints_refuse_what_the_brief_forbids() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    for (up, _) in MIGRATIONS {
        owner.batch_execute(up).await.unwrap();
    }
    let small = howdah_feed::Options { tenants: 101, ..options(0) };
    owner.batch_execute(&entities_sql("trading", &small).unwrap()).await.unwrap();

    for (forbidden, constraint) in [
        ("update orders set filled = amount", "orders_amounts_agree"),
        ("update orders set price = null", "orders_limit_has_price"),
        ("update orders set status = 'filled'", "orders_filled_is_whole"),
        // Tenant 1 begins after the 56 members of tenant 0.
        (
            "update orders set tenant_id = '7e4a0000-0000-4000-8000-000000000001'
             where user_id = '05e20000-0000-4000-8000-000000000000'",
            "orders_tenant_id_user_id_fkey",
        ),
        (
            "update orders set connection_id = 'c0220000-0000-4000-8000-000000000038'
             where user_id = '05e20000-0000-4000-8000-000000000000'",
            "orders_tenant_id_connection_id_exchange_fkey",
        ),
        (
            "update tenants set owner_id = '05e20000-0000-4000-8000-000000000000'
             where id = '7e4a0000-0000-4000-8000-000000000001'",
            "tenants_owner_is_member",
        ),
        ("delete from users", "tenant_members_user_id_fkey"),
        ("delete from tenants", "users_tenant_id_fkey"),
        (
            "update users set email = upper(email) where email like 'user1@%';
          update users set email = 'USER1@EXAMPLE.COM' where email like 'user2@%'",
            "users_email",
        ),
        (
            "insert into trades (exchange, symbol, trade_id, executed_at, price, quantity, side)
             values ('okx', 'BTC/USDT', 1, now(), 1, -1, 'buy')",
            "trades_quantity_check",
        ),
    ] {
        let refused = owner.batch_execute(forbidden).await.expect_err(forbidden);
        let refused = refused.as_db_error().expect("the server refuses").constraint();
        assert_eq!(refused, Some(constraint), "{forbidden}");
    }
}

#[tokio::test]
async fn money_is_exact_from_the_smallest_price_to_the_largest_volume() {
    let database = Cluster::shared().await.database().await;
    let owner = database.connect().await;
    for (up, _) in MIGRATIONS {
        owner.batch_execute(up).await.unwrap();
    }
    for (price, quantity, cost) in [
        ("0.1", "0.2", "0.02"),
        ("0.000000000000000001", "10000000000000", "0.00001"),
        ("0.000000000000000001", "0.000000000000000001", "0.000000000000000000000000000000000001"),
        ("108214.37", "0.01500", "1623.21555"),
    ] {
        let insert = format!(
            "insert into trades (exchange, symbol, trade_id, executed_at, price, quantity, side)
             values ('okx', 'A/B', (select count(*) from trades), now(), {price}, {quantity}, 'buy')
             returning cost::text"
        );
        let stored: String = owner.query_one(&insert, &[]).await.unwrap().get(0);
        assert_eq!(stored, cost);
    }
}
