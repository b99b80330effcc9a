//! The entities of the trading system as SQL.

use crate::Options;
use crate::json::{UuidPrefix, push_decimal, push_time, push_uuid};
use crate::rows::insert;
use crate::trading::market::{EXCHANGES, Listing, QUOTE, listings};
use crate::trading::people::{
    CONNECTION, OPEN_ORDER, TENANT, TenantKind, USER, exchange_of, role, tenant,
};

/// Accounts are this much older than the feed.
const AGE_MS: i64 = 30 * 24 * 3_600_000;

/// Inserts of all entities; see [`crate::entities_sql`].
pub(crate) fn entities_sql(options: &Options) -> String {
    let since = time(options.until_ms - options.span_ms - AGE_MS);
    let listings = listings(options.symbols);
    let mut out = String::new();
    markets(&mut out, &listings);
    people(&mut out, options.tenants, &since);
    accounts(&mut out, options.tenants, &since, &listings);
    out
}

fn markets(out: &mut String, listings: &[Listing]) {
    let exchanges = EXCHANGES.iter().map(|(code, name, _)| format!("('{code}', '{name}')"));
    insert(out, "exchanges (code, name)", exchanges);
    let instruments = EXCHANGES.iter().flat_map(|(code, ..)| {
        listings.iter().map(move |listing| {
            let Listing { base, symbol, tick_scale, lot_scale, .. } = listing;
            let (tick, lot) = (decimal(1, *tick_scale), decimal(1, *lot_scale));
            format!("('{code}', '{symbol}', '{base}', '{QUOTE}', 'spot', {tick}, {lot})")
        })
    });
    insert(
        out,
        "instruments (exchange, symbol, base, quote, kind, tick_size, lot_size)",
        instruments,
    );
}

fn people(out: &mut String, tenants: u32, since: &str) {
    let mut first = 0;
    let rows = (0..tenants).map(|index| {
        let (kind, members) = tenant(index);
        let owner = first;
        first += members;
        let (id, owner, kind) = (uuid(TENANT, index), uuid(USER, owner), kind.label());
        format!("({id}, '{kind}', 'Tenant {index}', {owner}, {since})")
    });
    insert(out, "tenants (id, kind, name, owner_id, created_at)", rows);

    let users = members(tenants).map(|(tenant, _, _, user)| {
        let (id, home) = (uuid(USER, user), uuid(TENANT, tenant));
        format!("({id}, {home}, 'user{user}@example.com', 'User {user}', {since})")
    });
    insert(out, "users (id, tenant_id, email, name, created_at)", users);

    let memberships = members(tenants).map(|(tenant, kind, member, user)| {
        let (tenant, user, role) = (uuid(TENANT, tenant), uuid(USER, user), role(kind, member));
        format!("({tenant}, {user}, '{role}', {since})")
    });
    insert(out, "tenant_members (tenant_id, user_id, role, created_at)", memberships);
}

fn accounts(out: &mut String, tenants: u32, since: &str, listings: &[Listing]) {
    let connections = members(tenants).map(|(tenant, _, _, user)| {
        let exchange = EXCHANGES[exchange_of(user)].0;
        let (tenant, id, owner) = (uuid(TENANT, tenant), uuid(CONNECTION, user), uuid(USER, user));
        // What the application would have encrypted; the demo has no keys.
        let sealed = format!("'\\x{user:016x}'");
        format!(
            "({tenant}, {id}, {owner}, '{exchange}', 'main', {sealed}, {sealed}, \
             '{{read,trade}}', {since})"
        )
    });
    insert(
        out,
        "exchange_connections (tenant_id, id, user_id, exchange, label, api_key_sealed, \
         secret_sealed, permissions, created_at)",
        connections,
    );

    let orders = members(tenants).map(|(tenant, _, _, user)| {
        let exchange = EXCHANGES[exchange_of(user)].0;
        let listing = &listings[user as usize % listings.len().min(20)];
        let (tenant, id, owner) = (uuid(TENANT, tenant), uuid(OPEN_ORDER, user), uuid(USER, user));
        let (connection, symbol) = (uuid(CONNECTION, user), &listing.symbol);
        // A tenth below the market, so that it is still open.
        let price = decimal(listing.ticks * 9 / 10, listing.tick_scale);
        let amount = decimal(listing.lots as i64, listing.lot_scale);
        format!(
            "({tenant}, {id}, {owner}, {connection}, '{exchange}', '{symbol}', 'open-{user}', \
             'limit', 'buy', 'open', {price}, {amount}, {amount}, {since})"
        )
    });
    insert(
        out,
        "orders (tenant_id, id, user_id, connection_id, exchange, symbol, client_order_id, type, \
         side, status, price, amount, remaining, created_at)",
        orders,
    );
}

/// Tenant, its kind, the number of the member within it, and the user's number, of every member.
fn members(tenants: u32) -> impl Iterator<Item = (u32, TenantKind, u32, u32)> {
    (0..tenants)
        .flat_map(|index| {
            let (kind, count) = tenant(index);
            (0..count).map(move |member| (index, kind, member))
        })
        .zip(0..)
        .map(|((tenant, kind, member), user)| (tenant, kind, member, user))
}

fn uuid(prefix: UuidPrefix, index: u32) -> String {
    quoted(|out| push_uuid(out, prefix, u64::from(index)))
}

fn time(ms: i64) -> String {
    quoted(|out| push_time(out, ms))
}

fn quoted(write: impl FnOnce(&mut String)) -> String {
    let mut out = String::from("'");
    write(&mut out);
    out.push('\'');
    out
}

fn decimal(units: i64, scale: u32) -> String {
    let mut out = String::new();
    push_decimal(&mut out, units, scale);
    out
}
