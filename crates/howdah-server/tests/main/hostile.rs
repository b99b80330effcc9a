//! Clients that keep the rules of HTTP, and are hostile all the same: answers that nobody reads,
//! archives in archives, texts that open a thousand brackets.

use crate::client::Client;
use crate::site::{Site, TICK};
use crate::stored::{gzip, lines};

#[tokio::test]
async fn odd_encodings_have_their_status() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let gz = ("content-encoding", "gzip");
    let packed = gzip(format!("{TICK}\n").as_bytes());
    let twice = [packed.clone(), packed.clone()].concat();
    let trailing = [packed.clone(), b"junk".to_vec()].concat();
    let nested = gzip(&packed);
    let utf16: Vec<u8> = TICK.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (what, headers, body, status, code) in [
        (
            "another charset",
            vec![("content-type", "application/json; charset=utf-16")],
            utf16.clone(),
            415,
            "unknown_charset",
        ),
        ("UTF-16 without saying so", vec![], utf16, 422, "bad_events"),
        ("what is not gzip behind gzip", vec![gz], trailing, 400, "bad_compression"),
        ("gzip in gzip", vec![gz], nested, 422, "bad_events"),
        (
            "two codings",
            vec![("content-encoding", "gzip, zstd")],
            packed.clone(),
            415,
            "unknown_coding",
        ),
    ] {
        let reply = sender.post("ticks", &headers, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{what}: {reply:?}");
        site.assert_well().await;
    }
    // Two members are one body (RFC 1952, 2.2).
    let reply = sender.post("ticks", &[gz], &twice).await;
    assert_eq!((reply.status, &reply.json()["accepted"]), (200, &2.into()), "{reply:?}");
}

#[tokio::test]
async fn odd_events_are_told_by_their_line() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let deep = format!("{{\"id\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"id\":1,\"at\":\"2026-11-20\",\"x\":\"{}\"}}", "x".repeat(1_100_000));
    let number = format!(
        "{{\"id\":1,\"at\":\"2026-11-20T00:00:00Z\",\"p\":{{\"amount\":1{}}}}}",
        "0".repeat(50_000)
    );
    let exponent = "{\"id\":1,\"at\":\"2026-11-20T00:00:00Z\",\"p\":{\"amount\":1e999999999}}";
    let zero = "{\"id\":1,\"at\":\"2026-11-20T00:00:00Z\",\"note\":\"a\\u0000b\"}";
    for (what, event) in [
        ("brackets in brackets", deep.as_str()),
        ("an event beyond event_bytes", &large),
        ("a number of 50,000 digits", &number),
        ("a number of a billion digits", exponent),
        ("a zero byte in a text", zero),
        ("a line of blanks and a zero byte", " \0 "),
    ] {
        let body = format!("{}{event}\n", lines(0, 1));
        let reply = sender.post("events", &[], &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "bad_events"), "{what}: {reply:?}");
        let rows = &reply.json()["rows"];
        assert_eq!((rows.as_array().unwrap().len(), &rows[0]["line"]), (1, &2.into()), "{what}");
        site.assert_well().await;
    }
    assert_eq!(site.number("select count(*) from events").await, 0);
}

#[tokio::test]
async fn a_client_that_asks_first_is_answered_before_its_body() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let mut client = Client::connect(site.address).await;
    let request = sender.request("ticks", &[("expect", "100-continue")], TICK.as_bytes());
    let head = request.len() - TICK.len();
    client.write(&request[..head]).await;
    client.write(&request[head..]).await;
    assert_eq!(client.read().await.unwrap().status, 200);
    // Who may not send is told so, however large the body that he announces.
    let stranger = String::from_utf8(request).unwrap().replace(&sender.secret, "hd_nobody");
    let mut client = Client::connect(site.address).await;
    client.write(&stranger[..stranger.len() - TICK.len()]).await;
    assert_eq!(client.read().await.unwrap().status, 401);
    site.assert_well().await;
}

/// Answers fill the client's buffer, then the server's, and nobody reads: the server must neither
/// keep what it cannot send nor stop for the others.
#[tokio::test]
async fn clients_that_never_read_their_answers_do_not_stop_the_others() {
    let site = Site::start_with("connections = 64").await;
    let sender = site.key_of_a().await;
    let bad = sender.request("events", &[], "{}\n".repeat(1_000).as_bytes());
    let mut deaf = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(site.address).await;
        // Far more answers than the buffers of both sides hold, as long as the server takes more.
        let all = bad.repeat(400);
        let written = tokio::time::timeout(std::time::Duration::from_secs(2), client.write(&all));
        let _ = written.await;
        deaf.push(client);
    }
    site.assert_well().await;
    assert_eq!(sender.post("events", &[], lines(0, 100)).await.status, 200);
    assert_eq!(site.number("select count(*) from events").await, 100);
    drop(deaf);
    site.assert_well().await;
}

/// Everything at once, from many: each kind of refusal beside good requests, and the good ones are
/// there, each once.
#[tokio::test]
async fn good_requests_among_hostile_ones_are_stored_each_once() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let bomb = gzip(&vec![b' '; 64 << 20]);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..120_u32 {
        let (sender, bomb) = (sender.clone(), bomb.clone());
        clients.spawn(async move {
            let reply = match number % 6 {
                0 => sender.post("events", &[("content-encoding", "gzip")], &bomb).await,
                1 => sender.post("events", &[], "{\"id\":").await,
                2 => sender.post("events", &[], lines(0, 2_001)).await,
                3 => sender.post("nothing", &[], TICK).await,
                4 => {
                    let mut gone = Client::connect(sender.address).await;
                    let request = sender.request("events", &[], lines(0, 10).as_bytes());
                    gone.write(&request[..request.len() / 2]).await;
                    drop(gone);
                    return (number, 0);
                }
                _ => sender.post("events", &[], lines(number * 100, number * 100 + 10)).await,
            };
            (number, reply.status)
        });
    }
    for (number, status) in clients.join_all().await {
        let expected = [413, 422, 413, 404, 0, 200][number as usize % 6];
        assert_eq!(status, expected, "request {number}");
    }
    assert_eq!(site.number("select count(*) from events").await, 20 * 10);
    assert_eq!(site.number("select sum(events)::bigint from days_1d").await, 20 * 10);
    site.assert_well().await;
}
