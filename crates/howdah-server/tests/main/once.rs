//! Exactly once: repetitions, two processes, connections and replies that are lost, and accounts
//! that many clients draw on at once.

use std::time::Duration;

use futures_util::future::join_all;
use howdah_testkit::{Cuts, wait_until};
use serde_json::json;

use crate::client::{Client, PATIENCE};
use crate::site::{Sender, Site, TICK, fine};
use crate::stored::{gzip, lines};

const STORED: &str = "select count(*) from ticks";

#[tokio::test]
async fn a_repetition_is_answered_alike_and_stores_nothing() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let named = ("idempotency-key", "order 1");
    let first = sender.post("ticks", &[named], TICK).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    let quoted = ("idempotency-key", "\"order 1\"");
    let coding = ("content-encoding", "gzip");
    for (headers, body) in
        [(vec![named], TICK.as_bytes().to_vec()), (vec![quoted, coding], gzip(TICK.as_bytes()))]
    {
        let again = sender.post("ticks", &headers, body).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    let other = TICK.replace(":1,", ":2,");
    for (headers, body) in [(vec![named], other.as_str()), (vec![named], &format!("{TICK}\n\n"))] {
        let reply = sender.post("ticks", &headers, body).await;
        assert_eq!((reply.status, reply.code().as_str()), (409, "other_request"));
    }
    assert_eq!(sender.post("events", &[named], lines(0, 1)).await.status, 409);
    assert_eq!(site.number(STORED).await, 1);
    // The names of another key are its own.
    let others = site.key_of_a().await;
    assert_eq!(others.post("ticks", &[named], other).await.status, 200);
    assert_eq!(site.number(STORED).await, 2);
    // What upkeep has forgotten is new again.
    let forget = howdah_upkeep::requests::forget;
    assert_eq!(fine(forget(&site.client, Duration::from_secs(60)).await), 0);
    assert_eq!(fine(forget(&site.client, Duration::ZERO).await), 2);
    assert_eq!(sender.post("ticks", &[named], TICK).await.header("idempotency-replayed"), None);
    assert_eq!(site.number(STORED).await, 3);
}

#[tokio::test]
async fn of_equal_requests_at_once_one_is_stored_and_all_are_told() {
    let site = Site::start().await;
    let here = site.key_of_a().await;
    let there = Sender { address: site.another().await, ..here.clone() };
    for round in 0..15 {
        let name = format!("round {round}");
        let replies = join_all((0..8).map(|client| {
            let sender = if client % 2 == 0 { here.clone() } else { there.clone() };
            let name = name.clone();
            async move { sender.post("ticks", &[("idempotency-key", &name)], TICK).await }
        }))
        .await;
        for reply in &replies {
            assert_eq!(reply.json(), json!({ "accepted": 1, "duplicates": 0 }), "{reply:?}");
        }
        let first = replies.iter().filter(|r| r.header("idempotency-replayed").is_none()).count();
        assert_eq!(first, 1, "round {round}");
        assert_eq!(site.number(STORED).await, round + 1);
    }
    // The same names in opposite orders, so that two processes meet in the middle.
    let names: Vec<String> = (0..40).map(|n| format!("name {n}")).collect();
    let send = |sender: &Sender, name: &str| {
        let (sender, name) = (sender.clone(), name.to_owned());
        async move { sender.post("ticks", &[("idempotency-key", &name)], TICK).await.status }
    };
    let both = join_all(
        names
            .iter()
            .map(|name| send(&here, name))
            .chain(names.iter().rev().map(|name| send(&there, name))),
    );
    assert!(both.await.iter().all(|status| *status == 200));
    assert_eq!(site.number(STORED).await, 55);
}

/// Ticks have no key: what is stored twice is there twice.
#[tokio::test]
async fn lost_commit_replies_and_cut_connections_double_nothing() {
    let (site, proxy) = Site::start_behind("wait = \"30 s\"").await;
    let sender = site.key_of_a().await;
    assert_eq!(sender.post("ticks", &[], TICK).await.status, 200);
    let mut dice = Cuts::new(71);
    for round in 0..20_u32 {
        let held = proxy.held_bytes();
        let commits = round % 2 == 0;
        if commits {
            proxy.hold_commits();
        }
        let name = format!("round {round}");
        let requests = join_all((0..5).map(|client| {
            let sender = sender.clone();
            let name = format!("{name} {client}");
            let headers = if client == 0 { None } else { Some(name) };
            async move {
                let named: Vec<(&str, &str)> =
                    headers.iter().map(|name| ("idempotency-key", name.as_str())).collect();
                sender.post("ticks", &named, TICK).await
            }
        }));
        let wait = dice.after(Duration::from_millis(1), Duration::from_millis(20));
        let strike = async {
            if commits {
                wait_until("a commit's reply is held", PATIENCE, || async {
                    proxy.held_bytes() > held
                })
                .await;
            } else {
                tokio::time::sleep(wait).await;
            }
            proxy.cut();
            proxy.hold_replies(false);
        };
        let (replies, ()) = tokio::join!(requests, strike);
        for reply in replies {
            assert_eq!(reply.status, 200, "round {round}: {reply:?}");
            assert_eq!(reply.header("idempotency-replayed"), None);
        }
        assert_eq!(site.number(STORED).await, i64::from(round + 1) * 5 + 1, "round {round}");
    }
}

#[tokio::test]
async fn a_repetition_that_meets_a_broken_connection_is_told_that_it_is_one() {
    let (site, proxy) = Site::start_behind("wait = \"30 s\"").await;
    let sender = site.key_of_a().await;
    let named = ("idempotency-key", "once");
    assert_eq!(sender.post("ticks", &[named], TICK).await.status, 200);
    // The next try fails, and the one behind it finds what was stored before it.
    proxy.cut();
    let again = sender.post("ticks", &[named], TICK).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
}

#[tokio::test]
async fn a_client_that_is_gone_before_its_answer_repeats_and_is_stored_once() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let mut dice = Cuts::new(72);
    for round in 0..40 {
        let name = format!("round {round}");
        let request = sender.request("ticks", &[("idempotency-key", &name)], TICK.as_bytes());
        for _ in 0..dice.below(3) {
            let mut client = Client::connect(site.address).await;
            let sent = if dice.below(2) == 0 { request.len() } else { request.len() - 10 };
            client.write(&request[..sent]).await;
            tokio::time::sleep(dice.after(Duration::ZERO, Duration::from_millis(8))).await;
            drop(client);
        }
        let mut client = Client::connect(site.address).await;
        client.write(&request).await;
        assert_eq!(client.read().await.unwrap().status, 200);
        assert_eq!(site.number(STORED).await, round + 1);
    }
}

/// Eighty clients draw random amounts from one account until it is empty; some repeat themselves.
#[tokio::test]
async fn no_number_of_clients_overdraws_an_account() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let posting = |txn: &str, amount: i64| {
        format!(
            "{{\"account\":\"hot\",\"txn\":\"{txn}\",\"at\":\"2026-11-20T00:00:00Z\",\
             \"amount\":\"{amount}\"}}"
        )
    };
    assert_eq!(sender.post("postings", &[], posting("opening", 1_000)).await.status, 200);
    let drawn = join_all((0..80_u64).map(|client| {
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut dice = Cuts::new(1_000 + client);
            let mut accepted = 0;
            for turn in 0..6 {
                let amount = 1 + dice.below(9) as i64;
                let txn = format!("{client}-{turn}");
                let named = [("idempotency-key", txn.as_str())];
                let body = posting(&txn, -amount);
                let mut reply = sender.post("postings", &named, &body).await;
                if dice.below(4) == 0 {
                    let again = sender.post("postings", &named, &body).await;
                    // What was refused may be accepted when it comes again, never the reverse.
                    assert!(again.status == 200 || reply.status == 422, "{again:?}");
                    reply = again;
                }
                match reply.status {
                    200 => {
                        assert_eq!(reply.json(), json!({ "accepted": 1, "duplicates": 0 }));
                        accepted += amount;
                    }
                    422 => assert_eq!(reply.json()["rows"][0]["code"], "check_refused"),
                    _ => panic!("{reply:?}"),
                }
            }
            accepted
        })
    }))
    .await;
    let drawn: i64 = drawn.into_iter().map(Result::unwrap).sum();
    let balance = site.number("select balance::bigint from balances").await;
    assert_eq!(balance, 1_000 - drawn, "every accepted request is stored once");
    assert!((0..9).contains(&balance), "drawn to the end and not beyond: {balance}");
    let sum = site.number("select sum(amount)::bigint from postings").await;
    assert_eq!(sum, balance);
}
