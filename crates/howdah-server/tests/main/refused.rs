//! Requests with a bad event: 422 that says which, and nothing of the request stored.

use serde_json::json;

use crate::client::Reply;
use crate::site::{Sender, Site};
use crate::stored::lines;

const JSON: (&str, &str) = ("content-type", "application/json");
const CSV: (&str, &str) = ("content-type", "text/csv");

/// Lines or elements and their codes.
type Bad = &'static [(i64, &'static str)];

fn rows(reply: &Reply) -> Vec<(i64, String)> {
    let rows = reply.json()["rows"].as_array().unwrap().clone();
    rows.iter()
        .map(|row| {
            let number = row["line"].as_i64().or(row["element"].as_i64()).unwrap();
            (number, row["code"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn every_bad_event_is_told_by_its_line() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let good = lines(0, 1);
    let bodies: [(_, Vec<u8>, Bad); 8] = [
        (vec![], format!("{good}\n{{\"secret\":\n{good}").into(), &[(3, "bad_json")]),
        (
            vec![],
            format!("{{}}\n{good}{{\"id\":\"secret\",\"at\":\"2026-11-20T00:00:00Z\"}}").into(),
            &[(1, "missing_field"), (3, "wrong_type")],
        ),
        (vec![], b"{\"id\":\"\xff\"}".to_vec(), &[(1, "bad_utf8")]),
        (vec![JSON], format!("[{good},7,{{}}]").into(), &[(1, "bad_json"), (2, "missing_field")]),
        (vec![CSV], b"id,when\n1,2\n".to_vec(), &[(1, "bad_csv")]),
        (vec![CSV], b"id,id,at\n".to_vec(), &[]),
        (vec![CSV], b"id,at\n1,2026-11-20,9\n".to_vec(), &[(2, "bad_csv")]),
        (
            vec![CSV],
            b"id,at,note\n1,2026-11-20T00:00:00Z,\"much too long a note, over\ntwo lines\"\n2,x,y"
                .to_vec(),
            &[(2, "too_long"), (4, "wrong_type")],
        ),
    ];
    for (headers, body, expected) in bodies {
        let reply = sender.post("events", &headers, &body).await;
        if expected.is_empty() {
            assert_eq!(reply.status, 400, "{reply:?}");
            continue;
        }
        assert_eq!((reply.status, reply.code().as_str()), (422, "bad_events"), "{reply:?}");
        let expected: Vec<_> = expected.iter().map(|(n, code)| (*n, (*code).to_owned())).collect();
        assert_eq!(rows(&reply), expected, "{reply:?}");
        assert_eq!(reply.json()["bad_rows"], expected.len());
        assert_eq!(reply.json()["stored"], "no");
        for row in reply.json()["rows"].as_array().unwrap() {
            let of_column = ["missing_field", "wrong_type", "too_long"];
            let blames = of_column.contains(&row["code"].as_str().unwrap());
            assert_eq!(row["column"].is_string(), blames, "{row}");
        }
        assert!(!reply.body.contains("secret"), "{reply:?}");
    }
    let many = "{}\n".repeat(1_500);
    let reply = sender.post("events", &[], many).await;
    assert_eq!((rows(&reply).len(), &reply.json()["bad_rows"]), (100, &json!(1_500)));
    assert_eq!(site.number("select count(*) from events").await, 0);
    assert_eq!(site.number("select count(*) from howdah.http_requests").await, 0);
    site.assert_well().await;
}

#[tokio::test]
async fn what_the_database_refuses_is_told_too() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let good = lines(0, 3);
    let forbidden = "{\"id\":9,\"at\":\"2026-11-20T00:00:00Z\",\"note\":\"forbidden\"}\n";
    let late = "{\"id\":9,\"at\":\"2099-01-01T00:00:00Z\"}\n";
    for (bad, code) in [(forbidden, "23514"), (late, "time_not_accepted")] {
        let reply = sender.post("events", &[], format!("{good}{bad}{good}")).await;
        assert_eq!(reply.status, 422, "{reply:?}");
        assert_eq!(rows(&reply), [(4, code.to_owned())]);
        assert!(!reply.body.contains("forbidden"), "{reply:?}");
    }
    let secret = site.key("write:events", Some("nobody")).await;
    let stranger = Sender { address: site.address, secret };
    let reply = stranger.post("events", &[], &good).await;
    assert_eq!((reply.status, rows(&reply)), (422, vec![(1, "unknown_tenant".to_owned())]));
    assert_eq!(site.number("select count(*) from events").await, 0);
    assert_eq!(site.number("select count(*) from howdah.dead_letters").await, 0);
    // The name of a refused request is free again.
    let named = [("idempotency-key", "n")];
    let both = format!("{good}{forbidden}");
    assert_eq!(sender.post("events", &named, both).await.status, 422);
    assert_eq!(sender.post("events", &named, good).await.status, 200);
    site.assert_well().await;
}

#[tokio::test]
async fn a_bad_request_does_not_harm_those_it_shares_a_transaction_with() {
    let site = Site::start_with("linger = \"50 ms\"").await;
    let sender = site.key_of_a().await;
    let body = |id: u32| {
        let bad = "{\"id\":9999,\"at\":\"2026-11-20T00:00:00Z\",\"note\":\"forbidden\"}";
        let more = if id.is_multiple_of(3) { bad } else { "" };
        format!("{}{more}", lines(id * 10, id * 10 + 10))
    };
    let replies = futures_util::future::join_all((0..20).map(|id| {
        let sender = sender.clone();
        async move { sender.post("events", &[], body(id)).await }
    }));
    for (id, reply) in replies.await.into_iter().enumerate() {
        if id.is_multiple_of(3) {
            assert_eq!((reply.status, rows(&reply)), (422, vec![(11, "23514".to_owned())]));
        } else {
            assert_eq!(reply.json(), json!({ "accepted": 10, "duplicates": 0 }), "{reply:?}");
        }
    }
    assert_eq!(site.number("select count(*) from events").await, 130);
    assert_eq!(site.number("select sum(events)::bigint from days_1d").await, 130);
    assert_eq!(site.number("select count(*) from howdah.http_requests").await, 13);
}
