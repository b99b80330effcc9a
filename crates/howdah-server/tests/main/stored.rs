//! Requests that are stored: every notation and compression, with the tenant of the key.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::client::Client;
use crate::site::{Sender, Site};

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Events from one number up to another as lines.
pub fn lines(from: u32, to: u32) -> String {
    let line =
        |id| format!("{{\"id\":{id},\"at\":\"2026-11-20T01:00:00Z\",\"p\":{{\"amount\":1.5}}}}\n");
    (from..to).map(line).collect()
}

#[tokio::test]
async fn every_notation_and_compression_is_stored() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let array = format!("[{}]", lines(10, 20).trim().replace('\n', ","));
    let csv: String = (20..30).fold("id,at,p.amount,ignored\n".to_owned(), |text, id| {
        text + &format!("{id},2026-11-20T01:00:00Z,1.5,\"x\ny\"\r\n")
    });
    let json = ("content-type", "application/json; charset=utf-8");
    for (headers, body) in [
        (vec![], lines(0, 10).into_bytes()),
        (vec![json], array.into_bytes()),
        (vec![("content-type", "text/csv")], csv.into_bytes()),
        (vec![("content-encoding", "gzip")], gzip(lines(30, 40).as_bytes())),
        (
            vec![("content-encoding", "zstd")],
            zstd::encode_all(lines(40, 50).as_bytes(), 3).unwrap(),
        ),
        (vec![("content-encoding", "identity")], lines(50, 60).into_bytes()),
    ] {
        let reply = sender.post("events", &headers, body).await;
        assert_eq!(reply.status, 200, "{headers:?}: {reply:?}");
        assert_eq!(reply.json(), json!({ "accepted": 10, "duplicates": 0 }));
        assert!(reply.header("x-request-id").is_some());
    }
    let one = sender.post("events", &[json], lines(60, 61)).await;
    assert_eq!(one.json(), json!({ "accepted": 1, "duplicates": 0 }));
    let sql = "select count(*) from events where tenant_id = 'a' and price = 1.5";
    assert_eq!(site.number(sql).await, 61);
    assert_eq!(site.number("select sum(events)::bigint from days_1d").await, 61);
    assert_eq!(site.number("select count(*) from howdah.http_requests").await, 7);
    assert!(site.stop().await.is_ok());
}

#[tokio::test]
async fn repeated_events_are_counted_for_whoever_sends_them() {
    let site = Site::start_with("linger = \"50 ms\"").await;
    let sender = site.key_of_a().await;
    assert_eq!(sender.post("events", &[], lines(0, 10)).await.status, 200);
    // Four requests that share a transaction, two of them with events that are there already.
    let bodies = [lines(100, 110), lines(5, 15), lines(110, 120), lines(0, 10)];
    let replies = futures_util::future::join_all(bodies.iter().map(|body| {
        let sender = sender.clone();
        async move { sender.post("events", &[], body).await.json() }
    }));
    let counts = |accepted, duplicates| json!({ "accepted": accepted, "duplicates": duplicates });
    assert_eq!(replies.await, [counts(10, 0), counts(5, 5), counts(10, 0), counts(0, 10)]);
    assert_eq!(site.number("select count(*) from events").await, 35);
    assert_eq!(site.number("select sum(events)::bigint from days_1d").await, 35);
    let sql = "select sum(accepted)::bigint from howdah.http_requests";
    assert_eq!(site.number(sql).await, 35);
}

#[tokio::test]
async fn a_request_may_go_into_several_streams_and_stands_or_falls_with_its_legs() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let tick = "{\"kind\":\"tick\",\"id\":1,\"at\":\"2026-11-20T00:00:00Z\"}\n";
    let transfer = |name: &str, from: &str, to: &str, amount: i64| {
        let leg = |account: &str, leg: u8, amount: i64| {
            format!("{{\"account\":\"{account}\",\"txn\":\"{name}-{leg}\",\"amount\":{amount}}}")
        };
        format!(
            "{{\"kind\":\"transfer\",\"at\":\"2026-11-20T00:00:00Z\",\"legs\":[{},{}]}}\n",
            leg(from, 0, -amount),
            leg(to, 1, amount)
        )
    };
    let open = transfer("open", "x", "bank", 0) + &transfer("fill", "y", "bank", -7);
    let reply = sender.post_to_source("mixed", &format!("{tick}{open}{tick}")).await;
    // The account of the bank would be drawn below nothing.
    assert_eq!((reply.status, &reply.json()["rows"][0]["line"]), (422, &3.into()), "{reply:?}");
    assert_eq!(site.number("select count(*) from ticks").await, 0);
    assert_eq!(site.number("select count(*) from postings").await, 0);

    let fill = "{\"kind\":\"transfer\",\"at\":\"2026-11-20T00:00:00Z\",\
                \"legs\":[{\"account\":\"bank\",\"txn\":\"f\",\"amount\":9}]}\n";
    let good = format!("{tick}{fill}{}{tick}", transfer("pay", "bank", "x", 4));
    let reply = sender.post_to_source("mixed", &good).await;
    assert_eq!(reply.json(), json!({ "accepted": 4, "duplicates": 0 }), "{reply:?}");
    assert_eq!(site.number("select count(*) from ticks").await, 2);
    assert_eq!(site.number("select count(*) from postings").await, 3);
    let sql = "select balance::bigint from balances where account = 'bank'";
    assert_eq!(site.number(sql).await, 5);
    let again = sender.post_to_source("mixed", &transfer("pay", "bank", "x", 4)).await;
    assert_eq!(again.json(), json!({ "accepted": 0, "duplicates": 1 }), "{again:?}");

    let reply = sender.post_to_source("mixed", "{\"kind\":\"other\"}\n").await;
    assert_eq!((reply.status, &reply.json()["rows"][0]["code"]), (422, &"no_route".into()));
    let ticks = Sender { address: site.address, secret: site.key("write:ticks", Some("a")).await };
    assert_eq!(ticks.post_to_source("mixed", tick).await.status, 403);
    let csv = [("content-type", "text/csv")];
    let reply = sender.post("mixed", &csv, "id\n1\n").await;
    assert_eq!(reply.status, 404, "a source of two streams has no stream of its own");
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let mut client = Client::connect(site.address).await;
    for id in 0..20 {
        client.write(sender.request("events", &[], lines(id, id + 1).as_bytes())).await;
        assert_eq!(client.read().await.unwrap().status, 200);
    }
    // Pipelined: the answers come in the order of the requests.
    for id in 20..25 {
        client.write(sender.request("events", &[], lines(id, id + 1).as_bytes())).await;
    }
    for _ in 20..25 {
        assert_eq!(client.read().await.unwrap().status, 200);
    }
    // In chunks, of any size.
    let body = lines(25, 26);
    let head = String::from_utf8(sender.request("events", &[], b"")).unwrap();
    client.write(head.replace("content-length: 0", "transfer-encoding: chunked")).await;
    for piece in body.as_bytes().chunks(7) {
        client.write(format!("{:x}\r\n", piece.len())).await;
        client.write(piece).await;
        client.write("\r\n").await;
    }
    client.write("0\r\n\r\n").await;
    assert_eq!(client.read().await.unwrap().status, 200);
    assert_eq!(site.number("select count(*) from events").await, 26);
}

#[tokio::test]
async fn a_drained_server_has_answered_everything() {
    let site = Site::start_with("linger = \"200 ms\"").await;
    let sender = site.key_of_a().await;
    let mut open = Vec::new();
    for id in 0..10 {
        let mut client = Client::connect(site.address).await;
        client.write(sender.request("events", &[], lines(id, id + 1).as_bytes())).await;
        open.push(client);
    }
    let mut idle = Client::connect(site.address).await;
    let held = "select count(*) from howdah.api_keys";
    while site.number(held).await == 0 {}
    let mut slow = Client::connect(site.address).await;
    let request = sender.request("events", &[], lines(10, 11).as_bytes());
    let (early, late) = request.split_at(request.len() - 5);
    slow.write(early).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let address = site.address;
    let client = site.db.connect().await;
    let stopping = tokio::spawn(site.stop());
    for mut client in open {
        let reply = client.read().await.expect("an answer");
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")), "{reply:?}");
    }
    assert!(idle.read().await.is_none(), "an idle connection is closed");
    slow.write(late).await;
    assert_eq!(slow.read().await.expect("an answer").status, 200);
    stopping.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let row = client.query_one("select count(*) from events", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 11);
}
