//! The entities of the calls system as SQL: who takes part, and what was cleared.

use crate::Options;
use crate::dice::hashed;
use crate::rows::insert;

use super::course::Course;
use super::messages::{BID, CALL, sid, time, uuid};
use super::people::{BUYER, CONSENT, CONSUMER, SELLER, callers, counts, phone_hmac, rating};

/// Accounts are this much older than the feed.
const AGE_MS: i64 = 30 * 24 * 3_600_000;
const ZONES: [&str; 5] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
];

/// Inserts of all entities; see [`crate::entities_sql`].
pub(crate) fn entities_sql(options: &Options) -> String {
    let since = time(options.until_ms - options.span_ms - AGE_MS);
    let mut out = String::new();
    accounts(&mut out, options.tenants, &since);
    let callers = callers(options.events);
    insert(
        &mut out,
        "consumers (id, phone_hmac, timezone)",
        (0..callers).map(|caller| {
            let zone = ZONES[hashed(caller ^ 0x3c, ZONES.len() as u64) as usize];
            format!("('{}', '{}', '{zone}')", uuid(CONSUMER, caller), phone_hmac(caller))
        }),
    );
    insert(
        &mut out,
        "consents (id, consumer_id, business_id, type)",
        (0..callers).map(|caller| {
            let (id, consumer) = (uuid(CONSENT, caller), uuid(CONSUMER, caller));
            format!("('{id}', '{consumer}', '{}', 'tcpa')", uuid(BUYER, 0))
        }),
    );
    insert(
        &mut out,
        "dnc_providers (id, name, type, priority)",
        [("federal", 4), ("state", 3), ("internal", 2)]
            .map(|(id, priority)| format!("('{id}', '{id}', '{id}', {priority})"))
            .into_iter(),
    );
    let checks = r#"[{"check": "dnc", "outcome": "allow", "rule_version": 1},
        {"check": "consent", "outcome": "allow", "rule_version": 1},
        {"check": "tcpa_hours", "outcome": "allow", "rule_version": 1}]"#;
    insert(
        &mut out,
        "call_routes (call_id, call_sid, seller_id, buyer_id, winning_bid_id, checks, routed_at)",
        Course::new(options).routes().into_iter().map(|route| {
            format!(
                "('{}', '{}', '{}', '{}', '{}', '{checks}', '{}')",
                uuid(CALL, route.call),
                sid(route.call),
                uuid(SELLER, route.seller),
                uuid(BUYER, route.buyer),
                uuid(BID, route.bid),
                time(route.ms)
            )
        }),
    );
    out
}

fn accounts(out: &mut String, tenants: u32, since: &str) {
    let (sellers, buyers) = counts(tenants);
    let sellers = (0..u64::from(sellers)).map(|index| (SELLER, "seller", index));
    let all: Vec<_> =
        sellers.chain((0..u64::from(buyers)).map(|index| (BUYER, "buyer", index))).collect();
    insert(
        out,
        "accounts (id, email, name, type, status, rating, created_at)",
        all.iter().map(|(prefix, kind, index)| {
            let (id, rating) = (uuid(*prefix, *index), rating(*index));
            format!(
                "('{id}', '{kind}{index}@example.com', '{kind} {index}', '{kind}', 'active', \
                 0.{rating:03}, '{since}')"
            )
        }),
    );
    // The play gives every buyer as many lines as it wins calls.
    insert(
        out,
        "account_settings (account_id, timezone, max_concurrent_calls, max_bid_amount)",
        all.iter().map(|(prefix, _, index)| {
            let zone = ZONES[hashed(*index, ZONES.len() as u64) as usize];
            format!("('{}', '{zone}', 1000000, 100)", uuid(*prefix, *index))
        }),
    );
}
