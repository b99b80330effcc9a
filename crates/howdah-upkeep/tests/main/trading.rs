//! The trading system when its days are folded: late and repeated trades and fills meet segments;
//! candles and sums are those of the messages, computed by plain SQL from these alone.

use howdah_feed::{Event, Expected, Options};
use tokio_postgres::types::ToSql;

use crate::engine::Engine;
use crate::systems::{again_from_the_last, feed_in_parts, migrations};

/// 2026-11-21 00:00 UTC.
const UNTIL_MS: i64 = 1_795_219_200_000;

fn options() -> Options {
    Options {
        tenants: 30,
        symbols: 20,
        span_ms: 3 * 86_400_000,
        duplicates_per_million: 40_000,
        late_per_million: 20_000,
        broken_per_million: 5_000,
        ..Options::new(6_000, 31, UNTIL_MS)
    }
}

/// The messages as a table, and what of them a store must take, once: made without howdah.
const TOLD: &str = "
create view told_trades as
select distinct m ->> 'exchange' as exchange, m ->> 'symbol' as symbol,
       (m ->> 'trade_id')::bigint as trade_id, (m ->> 'event_time')::timestamptz as executed_at,
       (m ->> 'price')::numeric as price, (m ->> 'amount')::numeric as quantity,
       m ->> 'side' as side
from told
where stream = 'trades' and m ? 'trade_id' and m ? 'event_time'
      and (m ->> 'amount')::numeric > 0
      and (m ->> 'event_time')::timestamptz < '2026-11-22';
create view told_fills as
select distinct (m ->> 'tenant_id')::uuid as tenant_id, (m ->> 'user_id')::uuid as user_id,
       (m ->> 'connection_id')::uuid as connection_id, m ->> 'symbol' as symbol,
       (m ->> 'order_id')::uuid as order_id, (m ->> 'trade_id')::bigint as trade_id,
       (m ->> 'event_time')::timestamptz as executed_at, m ->> 'side' as side,
       (m ->> 'price')::numeric as price, (m ->> 'amount')::numeric as quantity,
       (m ->> 'fee_quote')::numeric as fee
from told join tenants t on t.id = (m ->> 'tenant_id')::uuid
where stream = 'fills' and m ? 'trade_id' and m ? 'order_id' and m ? 'event_time'
      and (m ->> 'amount')::numeric > 0
      and (m ->> 'event_time')::timestamptz < '2026-11-22';
";

async fn tell(engine: &Engine, all: &[Event]) {
    engine.run("create table told (stream text not null, m jsonb not null)").await;
    let whole = all.iter().filter(|event| {
        serde_json::from_str::<serde_json::Value>(&event.json).is_ok_and(|it| it.is_object())
    });
    let (streams, messages): (Vec<&str>, Vec<&str>) =
        whole.map(|event| (event.stream, event.json.as_str())).unzip();
    let params: [&(dyn ToSql + Sync); 2] = [&streams, &messages];
    let insert = "insert into told select s, m::jsonb from unnest($1::text[], $2::text[]) t(s, m)";
    engine.client.execute(insert, &params).await.unwrap();
    engine.run(TOLD).await;
}

/// Both queries give the same rows.
async fn same(engine: &Engine, what: &str, found: &str, told: &str) {
    for (one, other) in [(found, told), (told, found)] {
        let sql = format!(
            "select q::text from (select * from ({one}) a except all select * from ({other}) b \
             limit 3) q"
        );
        assert_eq!(engine.texts(&sql).await, [""; 0], "{what}");
    }
}

async fn is_as_told(engine: &Engine, expected: &Expected) {
    for stream in ["trades", "fills"] {
        let rows: i64 = engine.one(&format!("select count(*) from told_{stream}")).await;
        assert_eq!(rows as u64, expected.stream(stream).rows, "{stream} of the messages");
    }
    let columns = "exchange, symbol, trade_id, executed_at, price, quantity, side::text";
    let found = format!("select {columns} from trades_history");
    same(engine, "trades", &found, &format!("select {columns} from told_trades")).await;
    for (suffix, unit) in [("1m", "minute"), ("1h", "hour"), ("1d", "day")] {
        let told = format!(
            "select exchange, symbol, date_trunc('{unit}', executed_at, 'UTC'), \
             (array_agg(price order by executed_at, trade_id))[1], max(price), min(price), \
             (array_agg(price order by executed_at desc, trade_id desc))[1], sum(quantity), \
             sum(price * quantity), sum(case side when 'buy' then quantity end), count(*) \
             from told_trades group by 1, 2, 3"
        );
        let found = format!(
            "select exchange, symbol, bucket, open, high, low, close, volume, quote, buy_volume, \
             trades from candles_{suffix}"
        );
        same(engine, suffix, &found, &told).await;
    }
    let found = "select tenant_id, order_id, filled, cost, fees, fills from order_fills";
    let told = "select tenant_id, order_id, sum(quantity), sum(price * quantity), sum(fee), \
                count(*) from told_fills group by 1, 2";
    same(engine, "orders", found, told).await;
    let found = "select tenant_id, user_id, connection_id, symbol, quantity, fees, fills \
                 from positions";
    let told = "select tenant_id, user_id, connection_id, symbol, \
                sum(case side when 'buy' then quantity else -quantity end), sum(fee), count(*) \
                from told_fills group by 1, 2, 3, 4";
    same(engine, "positions", found, told).await;
    engine.assert_proved().await;
}

#[tokio::test]
async fn candles_orders_and_positions_are_those_of_the_messages_when_all_is_folded() {
    let mut feed = howdah_feed::events("trading", &options()).unwrap();
    let all: Vec<Event> = feed.by_ref().collect();
    let expected = feed.expected();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/trading/howdah.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.replace("name = \"trading\"", "name = \"{db}\"");
    let engine = Engine::applied(&migrations("trading"), &text).await;
    engine.run(&howdah_feed::entities_sql("trading", &options()).unwrap()).await;
    tell(&engine, &all).await;
    feed_in_parts(&engine, (&all, expected), 3).await;
    is_as_told(&engine, expected).await;
    again_from_the_last(&engine, &all, &["trades", "fills", "portfolio_snapshots"]).await;
    is_as_told(&engine, expected).await;
    engine.fold_chunks().await;
    engine.assert_all_folded().await;
    is_as_told(&engine, expected).await;
    engine.assert_fold_is_rebuild().await;
}
