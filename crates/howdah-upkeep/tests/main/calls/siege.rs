//! A market under siege: rows of several tenants in every stream, and the tenants' own logins.
//!
//! What each tenant may see is written down here once more, as plain conditions ([`RULES`]), and
//! the owner counts by them. What is in no rule must be hidden.

use howdah_pg::{ConnectOptions, Connection, connect};
use serde_json::{Value, json};

use super::money::hold;
use super::world::{BUYERS, Feeds, OTHER_SELLER, SELLER, at, deposit, id, market};
use crate::engine::{Engine, fine};

/// Who sees which rows; `$me` is the tenant. A relation that is not here is seen by no tenant.
pub const RULES: &[(&str, &str)] = &[
    ("accounts", "id = '$me' or parent_account_id = '$me'"),
    ("account_settings", "account_id = '$me'"),
    ("users", "account_id = '$me'"),
    ("api_keys", "account_id = '$me'"),
    ("webhook_endpoints", "account_id = '$me'"),
    ("invoices", "account_id = '$me'"),
    ("invoice_lines", "account_id = '$me'"),
    ("payment_methods", "account_id = '$me'"),
    ("payouts", "account_id = '$me'"),
    ("campaigns", "buyer_id = '$me'"),
    ("auctions", "seller_id = '$me'"),
    ("call_routes", "'$me' in (seller_id, buyer_id)"),
    ("consents", "business_id = '$me'"),
    ("consent_proofs", "business_id = '$me'"),
    ("call_events", "'$me' in (seller_id, buyer_id)"),
    ("call_quality", "'$me' in (seller_id, buyer_id)"),
    ("bid_events", "buyer_id = '$me'"),
    ("auction_events", "seller_id = '$me'"),
    ("ledger", "account = '$me'"),
    ("outcomes", "buyer_id = '$me'"),
    ("consent_events", "business_id = '$me'"),
    ("call_state", "'$me' in (seller_id, buyer_id)"),
    ("bid_state", "buyer_id = '$me'"),
    ("bid_keys", "buyer_id = '$me'"),
    ("bidder_1m", "buyer_id = '$me'"),
    ("bidder_1h", "buyer_id = '$me'"),
    ("bidder_1d", "buyer_id = '$me'"),
    ("auction_replay", "seller_id = '$me'"),
    ("auction_state", "seller_id = '$me'"),
    ("account_state", "account = '$me'"),
    ("account_money_1h", "account = '$me'"),
    ("account_money_1d", "account = '$me'"),
    ("holds", "account = '$me'"),
    ("seller_calls_1h", "seller_id = '$me'"),
    ("seller_calls_1d", "seller_id = '$me'"),
    ("buyer_calls_1h", "buyer_id = '$me'"),
    ("buyer_calls_1d", "buyer_id = '$me'"),
    ("buyer_slots", "buyer_id = '$me'"),
    ("consent_state", "business_id = '$me'"),
    ("outcome_state", "buyer_id = '$me'"),
];

/// The code of "permission denied", "must be owner" and "policy violated".
pub const DENIED: &str = "42501";

/// A market with rows of several sellers and buyers in every stream, and logins of its tenants.
pub struct Siege {
    pub market: Engine,
    /// What the names of the system's roles begin with.
    pub prefix: String,
    /// Each tenant's login; two of them have none.
    pub logins: Vec<(Option<&'static str>, Connection)>,
}

pub async fn siege() -> Siege {
    let market = market().await;
    let prefix: String = market.one("select current_user::text").await;
    fill(&market).await;
    let mut logins = Vec::new();
    let tenants = [Some(SELLER), Some(BUYERS[0]), Some(BUYERS[1]), None, Some("")];
    for (number, tenant) in tenants.into_iter().enumerate() {
        let url = market.db.login(&format!("l{number}"), &[&format!("{prefix}_reader")]).await;
        if let Some(tenant) = tenant {
            let login = format!("{}_l{number}", market.db.name());
            let sql = format!("insert into howdah.tenant_logins values ('{login}', '{tenant}')");
            market.run(&sql).await;
        }
        let tenant = tenant.filter(|tenant| !tenant.is_empty());
        logins.push((tenant, fine(connect(&fine(ConnectOptions::from_url(&url))).await)));
    }
    Siege { market, prefix, logins }
}

/// An event of a call; `more` is what its kind has beside.
fn call(number: u64, seq: u64, kind: &str, seller: &str, more: &Value) -> Value {
    let mut event = json!({"event_time": at(&format!("15:0{seq}:00")), "kind": kind,
        "call_id": id(number), "call_sid": format!("CA{number}"), "seq": seq,
        "seller_id": seller, "from_phone": "+12025550143", "to_phone": "+18885550100",
        "phone_hmac": "4be1"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// Two calls with all that belongs to them: of one seller to one buyer each, and a third who lost.
async fn fill(market: &Engine) {
    let mut feeds = Feeds::new(market);
    for (number, seller, buyer) in [(1, SELLER, BUYERS[0]), (2, OTHER_SELLER, BUYERS[1])] {
        market.run(&entities(number, seller, buyer)).await;
        let sold = json!({"buyer_id": buyer, "winning_bid_id": id(number)});
        let mut ended = sold.clone();
        ended["duration_s"] = json!(60);
        let calls = [
            call(number, 0, "initiated", seller, &json!({})),
            call(number, 1, "routed", seller, &sold),
            call(number, 2, "completed", seller, &ended),
        ];
        feeds.all_new("call_events", &calls).await;
        feeds.all_new("bid_events", &bids(number, seller, buyer)).await;
        let money = [
            deposit(buyer, "50", &format!("psp{number}")),
            hold(market, &id(number), buyer, "5").await,
        ];
        feeds.all_new("ledger", &money).await;
        for (source, event) in around(number, seller, buyer) {
            feeds.all_new(source, &[event]).await;
        }
    }
    let security = json!({"event_time": at("15:10:00"), "event_id": id(1), "action": "login",
        "actor_id": "u", "actor_type": "user", "result": "failure"});
    feeds.all_new("security_events", &[security]).await;
    let fraud = json!({"event_time": at("15:10:00"), "subject_kind": "bid", "subject_id": id(1),
        "model_version": "1", "score": "0.1", "decision": "allow"});
    feeds.all_new("fraud_scores", &[fraud]).await;
}

fn entities(number: u64, seller: &str, buyer: &str) -> String {
    format!(
        "insert into call_routes values ('{0}', 'CA{number}', '{seller}', '{buyer}', '{0}', '[]', \
         now()); \
         insert into auctions (id, call_id, seller_id, opened_at, closes_at) \
         values ('{0}', '{0}', '{seller}', now(), now() + interval '1 minute'); \
         insert into consumers (id, phone_hmac) values ('{0}', 'h{number}'); \
         insert into consents (id, consumer_id, business_id, type) \
         values ('{0}', '{0}', '{buyer}', 'tcpa'); \
         insert into consent_proofs (id, consent_id, business_id, type, content_hash, uri) \
         values ('p{number}', '{0}', '{buyer}', 'recording', '\\x01', 'u'); \
         insert into account_secrets values ('{buyer}', 'api_key', '{0}', '\\x02'); \
         insert into users (id, account_id, email, name, role) \
         values ('{0}', '{buyer}', 'u{number}@x', 'u', 'owner'); \
         insert into campaigns (id, buyer_id, name, daily_budget, total_budget) \
         values ('{0}', '{buyer}', 'c', 1, 1);",
        id(number)
    )
}

/// The winner's bid and that of the third buyer, placed and ended.
fn bids(number: u64, seller: &str, buyer: &str) -> Vec<Value> {
    let bid = |bid: u64, buyer: &str, rev: u64, kind: &str, place: u64| {
        json!({"event_time": at(&format!("15:00:0{rev}")), "kind": kind, "bid_id": id(bid),
            "rev": rev, "auction_id": id(number), "call_id": id(number), "buyer_id": buyer,
            "seller_id": seller, "amount": "5", "place": place, "bid_at": at("15:00:00"),
            "expires_at": at("15:05:00"), "idempotency_key": format!("k{bid}")})
    };
    vec![
        bid(number, buyer, 1, "placed", 0),
        bid(10 + number, BUYERS[2], 1, "placed", 0),
        bid(number, buyer, 2, "won", 1),
        bid(10 + number, BUYERS[2], 2, "lost", 2),
    ]
}

/// An event of each other stream.
fn around(number: u64, seller: &str, buyer: &str) -> [(&'static str, Value); 5] {
    [
        (
            "auction_events",
            json!({"event_time": at("15:00:30"), "kind": "closed", "rev": 1,
                "auction_id": id(number), "call_id": id(number), "seller_id": seller,
                "rule": "r", "rule_version": 1}),
        ),
        (
            "call_quality",
            json!({"event_time": at("15:00:40"), "call_id": id(number), "leg": 0,
                "sample_no": 0, "seller_id": seller, "buyer_id": buyer, "mos": "4.1"}),
        ),
        (
            "outcomes",
            json!({"event_time": at("16:00:00"), "call_id": id(number), "outcome_no": 1,
                "buyer_id": buyer, "converted": true, "revenue": "9"}),
        ),
        (
            "compliance_checks",
            json!({"event_time": at("14:59:00"), "call_id": id(number), "check": "dnc",
                "attempt": 1, "seller_id": seller, "phone_hmac": "4be1", "outcome": "allow"}),
        ),
        (
            "consent_events",
            json!({"event_time": at("10:00:00"), "consent_id": id(number), "version": 1,
                "kind": "activated", "consumer_id": id(number), "business_id": buyer,
                "channels": ["voice"], "purpose": "marketing", "source": "api"}),
        ),
    ]
}

impl Siege {
    /// Tables that hold the system's rows: neither howdah's own nor chunks.
    pub async fn relations(&self) -> Vec<String> {
        self.market
            .texts(
                "select c.relname::text from pg_class c join pg_namespace n \
                 on n.oid = relnamespace where n.nspname = 'public' and relkind in ('r', 'p') \
                 and not relispartition order by 1",
            )
            .await
    }

    /// How many rows of a relation a tenant may see.
    pub async fn may_see(&self, relation: &str, tenant: Option<&str>) -> i64 {
        let rule = RULES.iter().find(|(name, _)| *name == relation);
        let (Some((_, rule)), Some(tenant)) = (rule, tenant) else { return 0 };
        let sql = format!("select count(*) from {relation} where {}", rule.replace("$me", tenant));
        self.market.one(&sql).await
    }
}

/// How many rows a query gives; 0 when it is refused.
pub async fn count(connection: &Connection, sql: &str) -> i64 {
    match connection.query_one(&format!("select count(*) from ({sql}) q"), &[]).await {
        Ok(row) => row.get(0),
        Err(error) => {
            assert_eq!(error.code().unwrap().code(), DENIED, "{sql}: {error:?}");
            0
        }
    }
}
