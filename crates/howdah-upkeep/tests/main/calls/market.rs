//! Calls, auctions and compliance: what may happen once happens once, and nothing passes the gate
//! that was not let through.

use serde_json::{Value, json};

use super::money::hold;
use super::world::{BUYERS, Feeds, SELLER, at, id, market};
use crate::engine::Engine;

/// An event of call `number`.
fn call(number: u64, seq: u64, kind: &str, time: &str, more: Value) -> Value {
    let mut event = json!({"event_time": at(time), "kind": kind, "call_id": id(number),
        "call_sid": format!("CA{number}"), "seq": seq, "seller_id": SELLER,
        "from_phone": "+12025550143", "to_phone": "+18885550100", "phone_hmac": "4be1"});
    let Value::Object(more) = more else { panic!("fields") };
    event.as_object_mut().unwrap().extend(more);
    event
}

fn sold(buyer: &str, bid: u64) -> Value {
    json!({"buyer_id": buyer, "winning_bid_id": id(bid)})
}

/// Lets a call pass for a buyer, as the gate does.
async fn clear(market: &Engine, number: u64, buyer: &str, bid: u64) {
    let sql = format!(
        "insert into call_routes values ('{}', 'CA{number}', '{SELLER}', '{buyer}', '{}', '[]', \
         '{}')",
        id(number),
        id(bid),
        at("15:00:00")
    );
    market.run(&sql).await;
}

fn bid(auction: u64, number: u64, buyer: &str, amount: &str, received: u64) -> Value {
    json!({"event_time": at("15:00:41"), "kind": "placed", "bid_id": id(number), "rev": 1,
        "auction_id": id(auction), "call_id": id(auction), "buyer_id": buyer, "amount": amount,
        "received": received, "expires_at": at("15:05:41"),
        "idempotency_key": format!("k{number}")})
}

async fn auction(market: &Engine, number: u64) {
    let sql = format!(
        "insert into auctions (id, call_id, seller_id, reserve_price, opened_at, closes_at) \
         values ('{0}', '{0}', '{SELLER}', 4, '{1}', '{2}')",
        id(number),
        at("15:00:28"),
        at("15:00:58")
    );
    market.run(&sql).await;
}

/// W7: `completed` three times, once before `connected`.
#[tokio::test]
async fn w7_a_call_that_is_told_thrice_and_in_disorder_is_one_call() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = BUYERS[0];
    clear(&market, 1, buyer, 9).await;
    let with = |mut more: Value| {
        more.as_object_mut().unwrap().extend(sold(buyer, 9).as_object().unwrap().clone());
        more
    };
    let completed = call(
        1,
        5,
        "completed",
        "15:04:07",
        with(json!({"duration_s": 187,
        "connected_at": at("15:01:00"), "ended_at": at("15:04:07")})),
    );
    let connected =
        call(1, 4, "connected", "15:01:00", with(json!({"connected_at": at("15:01:00")})));
    let events = [
        call(1, 0, "initiated", "15:00:28", json!({})),
        completed.clone(),
        call(1, 2, "routed", "15:00:58", sold(buyer, 9)),
        connected,
        completed.clone(),
        completed,
    ];
    assert_eq!(feeds.send("call_events", &events).await, (4, 2, 0));
    let state = "select concat_ws(' ', status, duration_s, last_seq, events) from call_state";
    assert_eq!(market.texts(state).await, ["completed 187 5 4"]);
    let slots =
        format!("select concat_ws(' ', taken, active) from buyer_slots where buyer_id = '{buyer}'");
    assert_eq!(market.texts(&slots).await, ["0 0"]);
    // I9: another end is refused, and so is the same place in the order at another time (R21).
    let failed = call(1, 6, "failed", "15:05:00", json!({}));
    let again = call(1, 4, "ringing", "15:05:00", json!({}));
    assert_eq!(feeds.send("call_events", &[failed, again]).await, (0, 0, 2));
    assert_eq!(market.texts(state).await, ["completed 187 5 4"]);
    market.assert_proved().await;
}

#[tokio::test]
async fn r21_a_name_comes_once_whatever_its_time() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let first = bid(1, 1, BUYERS[0], "5", 1);
    let mut later = first.clone();
    later["event_time"] = json!(at("15:00:42"));
    // A client's retry under a new name, with its own key.
    let mut renamed = bid(1, 2, BUYERS[0], "5", 2);
    renamed["idempotency_key"] = json!("k1");
    let of_another = bid(1, 3, BUYERS[1], "5", 3);
    let all = [first.clone(), later, renamed, of_another, first];
    assert_eq!(feeds.send("bid_events", &all).await, (2, 1, 2));
    let consent = |version: u64, time: &str| {
        json!({"event_time": at(time), "consent_id": id(1), "version": version,
            "kind": "activated", "consumer_id": id(1), "business_id": BUYERS[0],
            "channels": ["voice"], "purpose": "marketing", "source": "api"})
    };
    let consents = [consent(1, "10:00:00"), consent(1, "10:00:01"), consent(2, "10:00:02")];
    assert_eq!(feeds.send("consent_events", &consents).await, (2, 0, 1));
    market.assert_proved().await;
}

#[tokio::test]
async fn i4_an_auction_ends_once_and_a_call_has_one() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let event = |rev: u64, kind: &str, winner: Option<&str>| {
        json!({"event_time": at("15:00:58"), "kind": kind, "auction_id": id(1), "rev": rev,
            "call_id": id(1), "seller_id": SELLER, "reserve_price": "4",
            "winning_bid_id": winner, "clearing_price": winner.map(|_| "5"),
            "rule": "r", "rule_version": 1})
    };
    let winner = id(7);
    let events = [
        event(1, "opened", None),
        event(2, "closed", Some(&winner)),
        event(3, "closed", Some(&winner)),
        event(4, "canceled", None),
        event(5, "opened", None),
    ];
    assert_eq!(feeds.send("auction_events", &events).await, (2, 0, 3));
    let mut cheap = event(1, "closed", Some(&winner));
    cheap["auction_id"] = json!(id(2));
    cheap["clearing_price"] = json!("3.9999");
    assert_eq!(feeds.send("auction_events", &[cheap]).await.2, 1, "below the reserve");
    auction(&market, 1).await;
    let second = format!(
        "insert into auctions (id, call_id, seller_id, opened_at, closes_at) \
         values ('{}', '{}', '{SELLER}', now(), now() + interval '1 minute')",
        id(2),
        id(1)
    );
    let error = market.client.batch_execute(&second).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23505");
}

/// W14, and W1 end to end: two workers close, one result; its events are the same from both.
#[tokio::test]
async fn w14_two_that_close_an_auction_get_one_result_and_holds_go_back_once() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    auction(&market, 1).await;
    let bids = [(1, BUYERS[0], "12.50"), (2, BUYERS[1], "11.75"), (3, BUYERS[2], "3.50")];
    for (number, buyer, amount) in bids {
        feeds.all_new("bid_events", &[bid(1, number, buyer, amount, number)]).await;
        let held = hold(&market, &id(number), buyer, amount).await;
        feeds.all_new("ledger", &[held]).await;
    }
    let best = format!(
        "select concat_ws(' ', place, right(bid_id::text, 1), trim_scale(available)) \
         from best_bids('{}', '{}')",
        id(1),
        at("15:00:58")
    );
    assert_eq!(market.texts(&best).await, ["1 1 987.5", "2 2 988.25"], "q1");
    let (one, other) = (market.db.connect().await, market.db.connect().await);
    let close = format!("select close_auction('{}', '{}')::text", id(1), at("15:00:58"));
    let (first, second) = tokio::join!(one.query_one(&close, &[]), other.query_one(&close, &[]));
    let mut results: Vec<Value> = [first, second]
        .into_iter()
        .map(|row| serde_json::from_str(row.unwrap().get::<_, &str>(0)).unwrap())
        .collect();
    let told: Vec<bool> =
        results.iter().map(|result| result["already_closed"] == json!(true)).collect();
    assert_eq!(told.iter().filter(|told| **told).count(), 1, "{told:?}");
    for result in &mut results {
        result.as_object_mut().unwrap().remove("already_closed");
    }
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0]["winning_bid_id"], json!(id(1)));
    assert_eq!(results[0]["clearing_price"], json!("11.76"));
    // Both workers send what they got.
    for result in &results {
        let events: Vec<Value> = result["events"].as_array().unwrap().clone();
        assert_eq!(events.len(), 6, "a close, three bids, two releases");
        let new = feeds.send("decisions", &events).await;
        assert!(new == (6, 0, 0) || new == (0, 6, 0), "{new:?}");
    }
    let held = "select string_agg(trim_scale(held)::text, ' ' order by account) from account_state \
                where account like 'b0be%'";
    assert_eq!(market.texts(held).await, ["12.5 0 0"]);
    let places = "select string_agg(concat_ws(':', place, trim_scale(amount), won), ' ' \
                  order by place) from auction_replay";
    assert_eq!(market.texts(places).await, ["1:12.5:1 2:11.75:0 3:3.5:0"], "q7");
    market.assert_proved().await;
}

/// Opens the gate for a consumer: consent of a business, and where he lives.
async fn consumer(market: &Engine, feeds: &mut Feeds<'_>, number: u64, zone: &str) {
    let sql = format!(
        "insert into consumers (id, phone_hmac, timezone) values ('{0}', 'h{number}', '{zone}')",
        id(number)
    );
    market.run(&sql).await;
    let consent = json!({"event_time": at("10:00:00"), "consent_id": id(number), "version": 1,
        "kind": "activated", "consumer_id": id(number), "business_id": BUYERS[0],
        "channels": ["voice", "sms"], "purpose": "marketing", "source": "web_form"});
    feeds.all_new("consent_events", &[consent]).await;
}

/// The answer of the gate and of routing, as `check:outcome …` and the result.
async fn route(market: &Engine, call: u64, consumer: u64, bid: u64, time: &str) -> Value {
    let sql = format!(
        "select clear_route('{}', 'CA{call}', '{SELLER}', '{}', '{}', 'h{consumer}', '{}')::text",
        id(call),
        BUYERS[0],
        id(bid),
        at(time)
    );
    serde_json::from_str(&market.texts(&sql).await[0]).unwrap()
}

#[tokio::test]
async fn i7_a_call_is_routed_only_when_every_check_allowed_it_and_by_one() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    consumer(&market, &mut feeds, 1, "America/New_York").await;
    // Noon in New York; three in the morning would be another matter.
    assert_eq!(route(&market, 1, 1, 1, "07:00:00").await["denied"], json!("tcpa_hours"));
    assert_eq!(route(&market, 1, 2, 1, "16:00:00").await["denied"], json!("consent, tcpa_hours"));
    // Not cleared: the event is refused, whoever sends it.
    let routed = call(1, 1, "routed", "16:00:01", sold(BUYERS[0], 1));
    assert_eq!(feeds.send("call_events", std::slice::from_ref(&routed)).await, (0, 0, 1));
    // R27: two routers with two bids; one gets it.
    let (one, other) = (market.db.connect().await, market.db.connect().await);
    let sql = |bid: u64| {
        format!(
            "select clear_route('{}', 'CA1', '{SELLER}', '{}', '{}', 'h1', '{}')->>'cleared'",
            id(1),
            BUYERS[0],
            id(bid),
            at("16:00:00")
        )
    };
    let (first, second) = (sql(1), sql(2));
    let (first, second) = tokio::join!(one.query_one(&first, &[]), other.query_one(&second, &[]));
    let cleared = [first, second].map(|row| row.unwrap().get::<_, String>(0));
    let won = if cleared[0] == "true" { 1 } else { 2 };
    assert_eq!(cleared.iter().filter(|cleared| *cleared == "true").count(), 1, "{cleared:?}");
    // Asked again, each gets the same answer.
    assert_eq!(route(&market, 1, 1, won, "16:00:05").await["cleared"], json!(true));
    assert_eq!(route(&market, 1, 1, 3 - won, "16:00:05").await["cleared"], json!(false));
    feeds.all_new("call_events", &[routed]).await;
    // Routed once: by another event it is refused.
    let twice = call(1, 2, "routed", "16:00:02", sold(BUYERS[0], 2));
    assert_eq!(feeds.send("call_events", &[twice]).await.2, 1);
    let missing = "select count(*) from call_events e where kind = 'routed' and not exists \
                   (select from call_routes r where r.call_id = e.call_id \
                   and not exists (select from jsonb_array_elements(r.checks) c \
                   where c->>'outcome' <> 'allow' or c->>'rule_version' is null))";
    assert_eq!(market.one::<i64>(missing).await, 0);
}

/// W8, I8, R14: revoked is revoked at once; found late, it is a violation.
#[tokio::test]
async fn w8_a_late_opt_out_marks_the_calls_between_and_denies_the_next() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    consumer(&market, &mut feeds, 1, "America/New_York").await;
    assert_eq!(route(&market, 1, 1, 1, "15:00:58").await["cleared"], json!(true));
    let mut routed = call(1, 1, "routed", "15:00:58", sold(BUYERS[0], 1));
    routed["phone_hmac"] = json!("h1");
    feeds.all_new("call_events", &[routed]).await;
    let revoked = json!({"event_time": at("14:59:59"), "consent_id": id(1), "version": 2,
        "kind": "opt_out", "consumer_id": id(1), "business_id": BUYERS[0],
        "channels": ["voice"], "purpose": "marketing", "source": "sms_reply"});
    feeds.all_new("consent_events", &[revoked]).await;
    assert_eq!(route(&market, 2, 1, 2, "15:03:10").await["denied"], json!("consent"));
    let found = market.texts("select late_revocations('2020-01-01')::text").await;
    assert_eq!(found.len(), 1, "{found:?}");
    // The same when both the call and the opt-out are folded.
    market.fold_chunks().await;
    market.assert_all_folded().await;
    let folded = market.texts("select late_revocations('2020-01-01')::text").await;
    assert_eq!(found, folded);
    let violation: Value = serde_json::from_str(&found[0]).unwrap();
    assert_eq!(feeds.send("decisions", &[violation.clone(), violation]).await, (1, 1, 0));
    let exposure = "select sum(violations * 500) || ' ' || sum(violations * 1500) \
                    from compliance_1d where \"check\" = 'consent'";
    assert_eq!(market.texts(exposure).await, ["500 1500"]);
    // An older version that comes later does not bring the consent back (by version, not by time).
    market.assert_proved().await;
}

#[tokio::test]
async fn w10_a_number_is_blocked_by_each_list_and_a_torn_file_counts_for_nothing() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    market
        .run(
            "insert into dnc_providers (id, name, type, priority) values \
             ('federal', 'f', 'federal', 4), ('internal', 'i', 'internal', 2); \
             insert into dnc_syncs values \
             ('federal', 'd1', 2, 'x', '2025-06-11 04:00Z'), \
             ('internal', 'd1', 1, 'x', '2025-06-11 04:00Z'), \
             ('internal', 'd2', 1, 'x', '2025-06-12 04:00Z'), \
             ('federal', 'd2', 3, 'x', '2025-06-12 04:00Z');",
        )
        .await;
    let line = |provider: &str, sync: &str, number: u64, kind: &str, phone: &str| {
        json!({"event_time": format!("2025-06-1{}T04:00:00Z", if sync == "d1" { 1 } else { 2 }),
            "provider_id": provider, "sync_id": sync, "line_no": number, "kind": kind,
            "phone_hmac": phone})
    };
    let lists = |phone: &str| {
        format!(
            "select coalesce(string_agg(provider_id, ' ' order by provider_id), '') \
                 from dnc_lists('{phone}')"
        )
    };
    let federal =
        [line("federal", "d1", 1, "added", "h1"), line("federal", "d1", 2, "added", "h2")];
    // Half a file is no file.
    feeds.all_new("dnc_changes", &federal[..1]).await;
    assert_eq!(market.texts(&lists("h1")).await, [""]);
    feeds.all_new("dnc_changes", &federal[1..]).await;
    feeds.all_new("dnc_changes", &[line("internal", "d1", 1, "added", "h1")]).await;
    assert_eq!(market.texts(&lists("h1")).await, ["federal internal"]);
    feeds.all_new("dnc_changes", &[line("internal", "d2", 1, "removed", "h1")]).await;
    assert_eq!(market.texts(&lists("h1")).await, ["federal"]);
    // Yesterday's file again, and a new one that was cut off.
    assert_eq!(feeds.send("dnc_changes", &federal).await, (0, 2, 0));
    let torn = [line("federal", "d2", 1, "removed", "h1"), line("federal", "d2", 2, "added", "h3")];
    feeds.all_new("dnc_changes", &torn).await;
    assert_eq!(market.texts(&lists("h1")).await, ["federal"]);
    assert_eq!(market.texts(&lists("h3")).await, [""]);
    feeds.all_new("dnc_changes", &[line("federal", "d2", 3, "added", "h4")]).await;
    assert_eq!(market.texts(&lists("h1")).await, [""]);
    assert_eq!(market.texts(&lists("h3")).await, ["federal"]);
}

/// W5 end to end: billed by the minute, corrected twice.
#[tokio::test]
async fn w5_a_correction_that_changes_the_minutes_is_one_adjustment() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = BUYERS[0];
    auction(&market, 1).await;
    let price = "update auctions set price_unit = 'per_minute', version = version + 1";
    market.run(price).await;
    feeds.all_new("bid_events", &[bid(1, 1, buyer, "20", 1)]).await;
    feeds.all_new("ledger", &[hold(&market, &id(1), buyer, "20").await]).await;
    let close =
        format!("select close_auction('{}', '{}')->>'clearing_price'", id(1), at("15:01:00"));
    assert_eq!(market.texts(&close).await, ["4"], "alone: the reserve");
    clear(&market, 1, buyer, 1).await;
    let mut completed = call(1, 3, "completed", "15:04:07", sold(buyer, 1));
    completed["duration_s"] = json!(187);
    completed["ended_at"] = json!(at("15:04:07"));
    let routed = call(1, 2, "routed", "15:00:58", sold(buyer, 1));
    feeds.all_new("call_events", &[routed, completed]).await;
    let settle = "select settle_call('CA1')::text";
    let event: Value = serde_json::from_str(&market.texts(settle).await[0]).unwrap();
    // Q4: two that settle send the same.
    assert_eq!(feeds.send("decisions", &[event.clone(), event]).await, (1, 1, 0));
    let charged = "select trim_scale(charged)::text from call_billing";
    assert_eq!(market.texts(charged).await, ["12"]);
    let adjust = format!("select adjust_call('{}')::text", id(1));
    let correction = |seq: u64, seconds: u64| {
        let mut event = call(1, seq, "corrected", &format!("15:1{seq}:00"), sold(buyer, 1));
        event["supersedes"] = json!(3);
        event["duration_s"] = json!(seconds);
        event
    };
    feeds.all_new("call_events", &[correction(4, 191)]).await;
    assert_eq!(market.texts(&adjust).await, [""], "the same minutes: no entry");
    feeds.all_new("call_events", &[correction(5, 241)]).await;
    let event: Value = serde_json::from_str(&market.texts(&adjust).await[0]).unwrap();
    assert_eq!(feeds.send("decisions", &[event.clone(), event]).await, (1, 1, 0));
    assert_eq!(market.texts(charged).await, ["16"]);
    assert_eq!(market.texts(&adjust).await, [""]);
    let uncharged = "select count(*) from call_state c where status = 'completed' and not exists \
                     (select from call_billing b where b.call_id = c.call_id and b.charges = 1)";
    assert_eq!(market.one::<i64>(uncharged).await, 0);
    market.assert_proved().await;
}

/// W6: one buyer, three calls, four bids: nothing is multiplied.
#[tokio::test]
async fn w6_a_dashboard_counts_each_thing_once() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = BUYERS[0];
    for number in 1..=3 {
        clear(&market, number, buyer, number).await;
        feeds.all_new("ledger", &[hold(&market, &id(number), buyer, "10").await]).await;
        let mut ended = call(number, 2, "completed", "15:04:00", sold(buyer, number));
        ended["duration_s"] = json!(60);
        let routed = call(number, 1, "routed", "15:00:58", sold(buyer, number));
        feeds.all_new("call_events", &[routed, ended]).await;
        let charge = json!({"event_time": at("15:04:00"), "txn_id": id(700 + number),
            "kind": "capture", "idempotency_key": format!("charge:{}", id(number)),
            "currency": "USD", "call_id": id(number), "hold_id": id(number), "buyer_id": buyer,
            "seller_id": SELLER, "legs": [
                {"account_id": buyer, "bucket": "held", "amount": "-10"},
                {"account_id": "memo:holds", "bucket": "held", "amount": "10"},
                {"account_id": buyer, "bucket": "posted", "amount": "-10"},
                {"account_id": SELLER, "bucket": "posted", "amount": "8.5"},
                {"account_id": "platform:revenue", "bucket": "posted", "amount": "1.5"}]});
        feeds.all_new("ledger", &[charge]).await;
    }
    for number in 1..=4 {
        feeds.all_new("bid_events", &[bid(number, number, buyer, "10", number)]).await;
        let mut end = bid(number, number, buyer, "10", number);
        end["rev"] = json!(2);
        end["kind"] = json!(if number < 4 { "won" } else { "lost" });
        end["seller_id"] = json!(SELLER);
        end["place"] = json!(1);
        end["bid_at"] = json!(at("15:00:41"));
        feeds.all_new("bid_events", &[end]).await;
    }
    let q5 = include_str!("../../../../../systems/calls/queries/q05_buyer_dashboard.sql");
    let sql = format!(
        "prepare q5 as {q5}; execute q5('{buyer}', '2025-06-12 00:00Z', '2025-06-13 00:00Z')"
    );
    let rows = market.client.simple_query(&sql).await.unwrap();
    let row = rows.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.unwrap();
    for (column, expected) in
        [("spend", 30.0), ("calls", 3.0), ("bids", 4.0), ("win_rate", 0.75), ("won", 3.0)]
    {
        let value: f64 = row.get(column).unwrap().parse().unwrap();
        assert!((value - expected).abs() < 1e-9, "{column}: {value}");
    }
}

/// 4.12: the limit of calls at once, by routing; what ends gives its slot back.
#[tokio::test]
async fn i6_calls_at_once_never_exceed_the_buyers_limit() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = BUYERS[0];
    market
        .run(&format!(
            "update account_settings set max_concurrent_calls = 2, version = version + 1 \
             where account_id = '{buyer}'"
        ))
        .await;
    for number in 1..=4 {
        clear(&market, number, buyer, number).await;
    }
    let routed = |number: u64| call(number, 1, "routed", "15:00:58", sold(buyer, number));
    let all = [routed(1), routed(2), routed(3)];
    assert_eq!(feeds.send("call_events", &all).await, (2, 0, 1));
    let busy = call(1, 2, "busy", "15:01:30", sold(buyer, 1));
    assert_eq!(feeds.send("call_events", &[busy, routed(3), routed(4)]).await, (2, 0, 1));
    market.assert_proved().await;
}

/// W11: at the budget nothing more is held; a day that is not open has none.
#[tokio::test]
async fn w11_a_campaign_holds_no_more_than_its_budget_of_the_day() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let (buyer, campaign) = (BUYERS[0], id(500));
    market
        .run(&format!(
            "insert into campaigns (id, buyer_id, name, daily_budget, total_budget) \
             values ('{campaign}', '{buyer}', 'c', 240, 1000)"
        ))
        .await;
    let mut holds = Vec::new();
    for number in 1..=5_u64 {
        let sql = format!(
            "select ledger_hold('{}', '{buyer}', 60, '{}', '{}', '{campaign}')::text",
            id(number),
            at("15:00:41"),
            at("15:05:41")
        );
        holds.push(serde_json::from_str::<Value>(&market.texts(&sql).await[0]).unwrap());
    }
    assert_eq!(feeds.send("ledger", &holds[..1]).await, (0, 0, 1), "the day is not open");
    let open = format!("select open_campaign_day('{campaign}', '2025-06-12')::text");
    assert_eq!(market.texts(&open).await, ["240.0000"]);
    assert_eq!(feeds.send("ledger", &holds).await, (4, 0, 1));
    let state = "select trim_scale(held)::text from campaign_days";
    assert_eq!(market.texts(state).await, ["240"]);
    market.assert_proved().await;
}
