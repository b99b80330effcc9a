//! Money: holds, charges, limits. What is refused here no client can do, whatever it sends.

use serde_json::{Value, json};

use super::world::{BUYERS, Feeds, SELLER, at, deposit, id, id_of, market, payout};
use crate::engine::Engine;

/// The event that holds `amount` for bid `bid` of `buyer`.
pub async fn hold(market: &Engine, bid: &str, buyer: &str, amount: &str) -> Value {
    let sql = format!(
        "select ledger_hold('{bid}', '{buyer}', {amount}, '{}', '{}')::text",
        at("15:00:41"),
        at("15:05:41")
    );
    serde_json::from_str(&market.texts(&sql).await[0]).unwrap()
}

/// A capture of `charge` from the hold of `size`, the seller's part and the platform's.
fn capture(call: &str, bid: &str, buyer: &str, size: &str, parts: [&str; 3]) -> Value {
    let [charge, earned, fee] = parts;
    json!({"event_time": at("15:04:08"), "txn_id": id_of(&format!("capture {call}")),
        "idempotency_key": format!("charge:{call}"), "kind": "capture", "currency": "USD",
        "reference_type": "call", "reference_id": call, "call_id": call, "hold_id": bid,
        "buyer_id": buyer, "seller_id": SELLER,
        "legs": [{"account_id": buyer, "bucket": "held", "amount": format!("-{size}")},
                 {"account_id": buyer, "bucket": "posted", "amount": format!("-{charge}")},
                 {"account_id": SELLER, "bucket": "posted", "amount": earned},
                 {"account_id": "platform:revenue", "bucket": "posted", "amount": fee},
                 {"account_id": "memo:holds", "bucket": "held", "amount": size}]})
}

/// `posted held available` of an account.
async fn account(market: &Engine, account: &str) -> String {
    let sql = format!(
        "select concat_ws(' ', trim_scale(coalesce(posted, 0)), trim_scale(coalesce(held, 0)), \
         trim_scale(coalesce(posted, 0) + credit_limit - coalesce(held, 0))) from account_state \
         where account = '{account}'"
    );
    market.texts(&sql).await.remove(0)
}

/// Why the last events were refused: code of each dead letter.
async fn refused(market: &Engine) -> Vec<String> {
    market.texts("select code from howdah.dead_letters order by id").await
}

#[tokio::test]
async fn w2_a_hold_is_captured_and_the_parts_sum_to_zero() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let (buyer, bid, call) = (BUYERS[0], id(1), id(2));
    feeds.all_new("ledger", &[deposit(buyer, "250.00", "psp-1")]).await;
    assert_eq!(account(&market, buyer).await, "250 0 1250");
    feeds.all_new("ledger", &[hold(&market, &bid, buyer, "12.50").await]).await;
    assert_eq!(account(&market, buyer).await, "250 12.5 1237.5");
    let captured = capture(&call, &bid, buyer, "12.5000", ["11.7600", "9.9960", "1.7640"]);
    feeds.all_new("ledger", std::slice::from_ref(&captured)).await;
    assert_eq!(account(&market, buyer).await, "238.24 0 1238.24");
    assert_eq!(account(&market, SELLER).await, "9.996 0 1009.996");
    let sums = "select trim_scale(sum(posted))::text || ' ' || trim_scale(sum(held)) \
                from account_state";
    assert_eq!(market.texts(sums).await, ["0 0"], "i2: the sum over all accounts is zero");
    // I10: the same again changes nothing.
    let (rows, repeats, dead) = feeds.send("ledger", &[captured]).await;
    assert_eq!((rows, repeats, dead), (0, 1, 0));
    market.assert_proved().await;
}

#[tokio::test]
async fn w4_the_last_cent_of_the_credit_can_be_spent_and_no_more() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let buyer = BUYERS[0];
    feeds.all_new("ledger", &[payout(buyer, "988.00", "a"), payout(buyer, "12.00", "b")]).await;
    assert_eq!(account(&market, buyer).await, "-1000 0 0");
    assert_eq!(feeds.send("ledger", &[payout(buyer, "0.0001", "c")]).await.2, 1);
    assert_eq!(refused(&market).await, ["check_refused"]);
    // A lowered limit binds what takes, not what brings back.
    let lower = format!(
        "update accounts set credit_limit = 100, version = version + 1 where id = '{buyer}'"
    );
    market.run(&lower).await;
    feeds.all_new("ledger", &[deposit(buyer, "500", "d")]).await;
    assert_eq!(account(&market, buyer).await, "-500 0 -400");
    assert_eq!(feeds.send("ledger", &[payout(buyer, "1", "e")]).await.2, 1, "above the new limit");
    feeds.all_new("ledger", &[deposit(buyer, "401", "f"), payout(buyer, "1", "g")]).await;
    assert_eq!(account(&market, buyer).await, "-100 0 0");
    market.assert_proved().await;
}

#[tokio::test]
async fn i1_money_of_an_account_that_does_not_exist_is_refused() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let nobody = id(77);
    assert_eq!(feeds.send("ledger", &[deposit(&nobody, "1", "x")]).await, (0, 0, 1));
    assert_eq!(feeds.send("ledger", &[deposit("platform:nothing", "1", "y")]).await, (0, 0, 1));
    assert_eq!(market.one::<i64>("select count(*) from ledger").await, 0);
}

#[tokio::test]
async fn i2_a_transaction_that_does_not_sum_to_zero_is_refused_whole() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let good = deposit(BUYERS[0], "10", "good");
    let mut one_leg = deposit(BUYERS[0], "10", "one");
    one_leg["legs"].as_array_mut().unwrap().pop();
    let mut off = deposit(BUYERS[0], "10", "off");
    off["legs"][1]["amount"] = json!("-9.9999");
    // In sum nothing is lost, but held becomes posted.
    let mut mixed = deposit(BUYERS[0], "10", "mixed");
    mixed["legs"][1]["bucket"] = json!("held");
    let mut broken = deposit(BUYERS[0], "10", "broken");
    broken["legs"][1]["amount"] = json!("0");
    // A second event under the transaction's name, balanced in itself.
    let mut again = deposit(SELLER, "5", "good");
    again["idempotency_key"] = json!("dep:other");
    // The same key for another transaction; the same transaction at another time.
    let mut other = deposit(SELLER, "5", "third");
    other["idempotency_key"] = json!("dep:good");
    let mut later = good.clone();
    later["event_time"] = json!(at("14:00:01"));
    let bad = [one_leg, off, mixed, broken, again, other, later];
    let mut all = vec![good];
    all.extend(bad);
    assert_eq!(feeds.send("ledger", &all).await, (1, 0, 7));
    assert_eq!(account(&market, BUYERS[0]).await, "10 0 1010");
    assert_eq!(market.one::<i64>("select count(*) from ledger").await, 2);
    market.assert_proved().await;
}

#[tokio::test]
async fn i3_a_call_is_charged_once_and_refunded_for_no_more() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let (buyer, call) = (BUYERS[0], id(9));
    let (one, other) = (id(1), id(2));
    let holds = [hold(&market, &one, buyer, "20").await, hold(&market, &other, buyer, "20").await];
    feeds.all_new("ledger", &holds).await;
    let charge = capture(&call, &one, buyer, "20", ["10", "8.5", "1.5"]);
    let mut twice = capture(&call, &other, buyer, "20", ["10", "8.5", "1.5"]);
    twice["txn_id"] = json!(id(55));
    assert_eq!(feeds.send("ledger", &[charge, twice.clone()]).await, (1, 0, 1));
    // Under a key that would not be told as a second charge: the row's own constraint.
    twice["idempotency_key"] = json!("charge:again");
    assert_eq!(feeds.send("ledger", &[twice]).await.2, 1);
    let refund = |number: u32, amount: &str| {
        json!({"event_time": at("16:00:00"), "txn_id": id(600 + u64::from(number)),
            "kind": "refund", "idempotency_key": format!("refund:{call}:{number}"),
            "currency": "USD", "call_id": call, "buyer_id": buyer, "seller_id": SELLER,
            "reverses_txn_id": id(8),
            "legs": [{"account_id": buyer, "bucket": "posted", "amount": amount},
                     {"account_id": SELLER, "bucket": "posted", "amount": format!("-{amount}")}]})
    };
    feeds.all_new("ledger", &[refund(1, "6")]).await;
    assert_eq!(feeds.send("ledger", &[refund(2, "4.0001"), refund(3, "4")]).await, (1, 0, 1));
    let billed = "select concat_ws(' ', charges, trim_scale(charged), trim_scale(refunded)) \
                  from call_billing";
    assert_eq!(market.texts(billed).await, ["1 10 10"]);
    market.assert_proved().await;
}

#[tokio::test]
async fn i5_a_hold_is_ended_once_and_whole_and_by_its_owner() {
    let market = market().await;
    let mut feeds = Feeds::new(&market);
    let (buyer, other) = (BUYERS[0], BUYERS[1]);
    let release = |bid: &str, of: &str, amount: &str, txn: u64| {
        json!({"event_time": at("15:01:00"), "txn_id": id(txn), "kind": "hold_release",
            "idempotency_key": format!("release:{txn}"), "currency": "USD", "hold_id": bid,
            "legs": [{"account_id": of, "bucket": "held", "amount": format!("-{amount}")},
                     {"account_id": "memo:holds", "bucket": "held", "amount": amount}]})
    };
    let bid = id(1);
    // Before it was made; a part; by another; more than it; then right, and once more.
    assert_eq!(feeds.send("ledger", &[release(&bid, buyer, "10", 31)]).await.2, 1);
    feeds.all_new("ledger", &[hold(&market, &bid, buyer, "10").await]).await;
    let wrong = [
        release(&bid, buyer, "9", 32),
        release(&bid, other, "10", 33),
        capture(&id(5), &bid, buyer, "10", ["10.5", "9", "1.5"]),
        capture(&id(5), &bid, other, "10", ["10", "8.5", "1.5"]),
    ];
    assert_eq!(feeds.send("ledger", &wrong).await, (0, 0, 4));
    let ends = [release(&bid, buyer, "10", 34), release(&bid, buyer, "10", 35)];
    assert_eq!(feeds.send("ledger", &ends).await, (1, 0, 1));
    let late = capture(&id(5), &bid, buyer, "10", ["10", "8.5", "1.5"]);
    assert_eq!(feeds.send("ledger", &[late]).await, (0, 0, 1), "released, so not captured");
    assert_eq!(account(&market, buyer).await, "0 0 1000");
    market.assert_proved().await;
}

/// One batch and five hundred of one event each: the same verdicts.
#[tokio::test]
async fn w3_of_500_holds_at_once_exactly_416_fit_the_limit() {
    for cut in [500, 37] {
        let market = market().await;
        let mut feeds = Feeds::new(&market);
        let buyer = BUYERS[0];
        feeds.all_new("ledger", &[deposit(buyer, "250.00", "psp-1")]).await;
        let mut holds = Vec::new();
        for bid in 0..500 {
            holds.push(hold(&market, &id(1000 + bid), buyer, "3.00").await);
        }
        let mut told = (0, 0, 0);
        for batch in holds.chunks(cut) {
            let (rows, repeats, dead) = feeds.send("ledger", batch).await;
            told = (told.0 + rows, told.1 + repeats, told.2 + dead);
        }
        assert_eq!(told, (416, 0, 84));
        assert_eq!(account(&market, buyer).await, "250 1248 2");
        // The rerun of all keys: those that were accepted are repeats, the others refused again.
        assert_eq!(feeds.send("ledger", &holds).await, (0, 416, 84));
        assert_eq!(account(&market, buyer).await, "250 1248 2");
        market.assert_proved().await;
    }
}
