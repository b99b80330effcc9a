//! The entities hold whatever the events speak of.

use std::collections::HashSet;

use howdah_feed::{Options, entities_sql};

use crate::{faultless, of_stream, options, text};

#[test]
fn every_account_of_a_fill_exists_for_its_tenant_and_exchange() {
    let options = Options { tenants: 300, ..faultless(50_000) };
    let sql = entities_sql("trading", &options).unwrap();
    // tenant, connection, user, exchange, as in the rows of exchange_connections
    let rows: HashSet<&str> = sql
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('(')?.split_once(", 'main'"))
        .map(|(account, _)| account)
        .collect();
    assert!(!rows.is_empty());
    for fill in of_stream(&options, "fills") {
        let account = ["tenant_id", "connection_id", "user_id", "exchange"]
            .map(|field| format!("'{}'", text(&fill, field)))
            .join(", ");
        assert!(rows.contains(account.as_str()), "{account}");
    }
}

#[test]
fn every_pair_of_a_trade_is_an_instrument() {
    let options = faultless(20_000);
    let sql = entities_sql("trading", &options).unwrap();
    let trades = of_stream(&options, "trades");
    let pairs: HashSet<(&str, &str)> =
        trades.iter().map(|trade| (text(trade, "exchange"), text(trade, "symbol"))).collect();
    for (exchange, symbol) in pairs {
        let row = format!("('{exchange}', '{symbol}', ");
        assert!(sql.contains(&row), "{row}");
    }
}

#[test]
fn tenants_of_broken_events_do_not_exist() {
    let sql = entities_sql("trading", &options(0)).unwrap();
    assert!(!sql.contains("bad00000-"));
}
