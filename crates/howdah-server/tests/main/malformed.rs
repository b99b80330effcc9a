//! Whatever a client sends: its clear status, and a server that is well afterwards.

use crate::client::{Client, Reply};
use crate::site::{Sender, Site, TICK};
use crate::stored::gzip;

const JSON: (&str, &str) = ("content-type", "application/json");
const CSV: (&str, &str) = ("content-type", "text/csv");

async fn raw(site: &Site, bytes: impl AsRef<[u8]>) -> Option<Reply> {
    let mut client = Client::connect(site.address).await;
    client.write(bytes).await;
    client.read().await
}

#[tokio::test]
async fn broken_bodies_are_400_and_leave_the_server_well() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let packed = gzip(TICK.as_bytes());
    let packed_zstd = zstd::encode_all(TICK.as_bytes(), 3).unwrap();
    let (gz, zst) = (("content-encoding", "gzip"), ("content-encoding", "zstd"));
    for (headers, body, code) in [
        (vec![], b"".to_vec(), "no_events"),
        (vec![], b"\n \r\n".to_vec(), "no_events"),
        (vec![JSON], b"".to_vec(), "no_events"),
        (vec![JSON], b"[]".to_vec(), "no_events"),
        (vec![CSV], b"id,at\n".to_vec(), "no_events"),
        (vec![JSON], b"{\"id\":1,".to_vec(), "bad_body"),
        (vec![JSON], b"[{\"id\":1}".to_vec(), "bad_body"),
        (vec![JSON], b"[{\"id\":1}] trailing".to_vec(), "bad_body"),
        (vec![JSON], b"\"secret\"".to_vec(), "bad_body"),
        (vec![JSON], b"{\"id\":\"\xff\"}".to_vec(), "bad_body"),
        (vec![JSON], "[".repeat(500_000).into_bytes(), "bad_body"),
        (vec![gz], packed[..packed.len() - 3].to_vec(), "bad_compression"),
        (vec![gz], TICK.as_bytes().to_vec(), "bad_compression"),
        (vec![gz], b"".to_vec(), "bad_compression"),
        (vec![zst], packed_zstd[..packed_zstd.len() - 3].to_vec(), "bad_compression"),
        (vec![zst], packed.clone(), "bad_compression"),
    ] {
        let reply = sender.post("ticks", &headers, &body).await;
        assert_eq!(reply.status, 400, "{headers:?} {code}: {reply:?}");
        assert_eq!(reply.code(), code, "{headers:?}: {reply:?}");
        assert_eq!(reply.json()["stored"], "no");
        assert!(!reply.body.contains("secret"));
        site.assert_well().await;
    }
}

#[tokio::test]
async fn bombs_and_large_bodies_are_413() {
    let site = Site::start_with("body_bytes = \"8 MiB\"").await;
    let sender = site.key_of_a().await;
    let blank = vec![b' '; 256 << 20];
    let bombs = [("gzip", gzip(&blank)), ("zstd", zstd::encode_all(&blank[..], 3).unwrap())];
    for (coding, bomb) in &bombs {
        let reply = sender.post("ticks", &[("content-encoding", coding)], bomb).await;
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_is_bomb"), "{coding}");
        assert_eq!(reply.header("connection"), Some("close"));
        site.assert_well().await;
    }
    let long: String = (0..400_000_u64)
        .map(|id| format!("{{\"id\":{},\"at\":\"2026-11-20\"}}\n", id.wrapping_mul(id) % 999_983))
        .collect();
    assert!(long.len() > 8 << 20);
    for (coding, body) in [("identity", long.clone().into_bytes()), ("gzip", gzip(long.as_bytes()))]
    {
        // Whoever sends all of it may be cut off before he reads the answer: some of it is enough.
        let request = sender.request("ticks", &[("content-encoding", coding)], &body);
        let reply = raw(&site, &request[..request.len().min(2_000_000)]).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"), "{coding}");
        site.assert_well().await;
    }
    // The same without a length beforehand.
    let head = String::from_utf8(sender.request("ticks", &[], b"")).unwrap();
    let mut client = Client::connect(site.address).await;
    client.write(head.replace("content-length: 0", "transfer-encoding: chunked")).await;
    for piece in long.as_bytes().chunks(1 << 20) {
        client.write(format!("{:x}\r\n", piece.len())).await;
        client.write(piece).await;
        client.write("\r\n").await;
    }
    // The server may have closed before all of it was written; then the answer can be lost.
    if let Some(reply) = client.read().await {
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
    }
    site.assert_well().await;
    let many = format!("{TICK}\n").repeat(2_001);
    let reply = sender.post("ticks", &[], many).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "too_many_events"));
    site.assert_well().await;
}

#[tokio::test]
async fn broken_framing_and_heads_are_told_or_closed() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let head = |more: &str| {
        let request = String::from_utf8(sender.request("ticks", &[], b"")).unwrap();
        request.replace("content-length: 0", more)
    };
    let chunked = head("transfer-encoding: chunked");
    let long = "x".repeat(40_000);
    let many: String = (0..100).map(|n| format!("x-{n}: 1\r\n")).collect();
    for (what, bytes, status) in [
        ("a chunk without a size", format!("{chunked}zz\r\n{{}}\r\n0\r\n\r\n"), 400),
        ("a chunk of an absurd size", format!("{chunked}ffffffffffffffffff\r\n"), 400),
        ("a chunk without its end", format!("{chunked}2\r\n{{}}XX0\r\n\r\n"), 400),
        ("a negative length", head("content-length: -1"), 400),
        ("a length in words", head("content-length: ten"), 400),
        ("two lengths", head("content-length: 1\r\ncontent-length: 2"), 400),
        ("no length", head("x-none: 1"), 411),
        ("a long header", head(&format!("content-length: 0\r\nx-long: {long}")), 431),
        ("many headers", head(&format!("content-length: 0\r\n{many}")), 431),
        ("a long path", format!("GET /{long} HTTP/1.1\r\n\r\n"), 431),
        ("no HTTP", "hello?\r\n\r\n".to_owned(), 400),
        ("another version", "GET /livez HTTP/3.7\r\n\r\n".to_owned(), 400),
        ("a header that is none", head("content-length: 0\r\nb@d name: 1"), 400),
    ] {
        let reply = raw(&site, &bytes).await.unwrap_or_else(|| panic!("{what}: closed"));
        assert_eq!(reply.status, status, "{what}: {reply:?}");
        site.assert_well().await;
    }
    for (what, bytes) in [
        ("TLS to a server without", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("half a head", b"POST /v1/streams/ticks HT".to_vec()),
        ("half a body", sender.request("ticks", &[], TICK.as_bytes())[..200].to_vec()),
        ("half a chunk", format!("{chunked}ff\r\n{{").into_bytes()),
    ] {
        let mut client = Client::connect(site.address).await;
        client.write(bytes).await;
        client.finish().await;
        let reply = client.read().await;
        assert!(reply.as_ref().is_none_or(|reply| reply.status == 400), "{what}: {reply:?}");
        site.assert_well().await;
    }
}

#[tokio::test]
async fn a_body_of_two_lengths_is_never_read_as_two_requests() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    let hidden = String::from_utf8(sender.request("ticks", &[], TICK.as_bytes())).unwrap();
    let body = format!("0\r\n\r\n{hidden}");
    let outer = String::from_utf8(sender.request("ticks", &[], b"")).unwrap();
    let both = format!("content-length: {}\r\ntransfer-encoding: chunked", body.len());
    let before = site.number("select count(*) from ticks").await;
    let mut client = Client::connect(site.address).await;
    client.write(format!("{}{body}", outer.replace("content-length: 0", &both))).await;
    assert_eq!(client.read().await.unwrap().status, 400);
    assert!(client.read().await.is_none(), "the connection must not go on");
    assert_eq!(site.number("select count(*) from ticks").await, before);
}

#[tokio::test]
async fn unknown_types_paths_and_methods_have_their_status() {
    let site = Site::start().await;
    let sender: Sender = site.key_of_a().await;
    for (headers, code) in [
        (vec![("content-type", "application/xml")], "unknown_content_type"),
        (vec![("content-type", "text/csv; header=absent")], "no_header_line"),
        (vec![("content-encoding", "br")], "unknown_coding"),
    ] {
        let reply = sender.post("ticks", &headers, TICK).await;
        assert_eq!((reply.status, reply.code().as_str()), (415, code));
        assert_eq!(reply.header("accept-encoding"), Some("gzip, zstd"));
    }
    for path in ["nothing", "", "ticks/x", "raw_ticks"] {
        assert_eq!(sender.post(path, &[], TICK).await.status, 404, "{path}");
    }
    let reply = site.get("/").await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "no_such_path"));
    let by_source = String::from_utf8(sender.request("x", &[], TICK.as_bytes())).unwrap();
    let by_source = by_source.replace("/v1/streams/x", "/v1/sources/raw_ticks");
    assert_eq!(raw(&site, by_source).await.unwrap().status, 200);
    let get = String::from_utf8(sender.request("ticks", &[], b"")).unwrap();
    let reply = raw(&site, get.replace("POST", "PUT")).await.unwrap();
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    let reply = raw(&site, "POST /livez HTTP/1.1\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET")));
    for name in ["", "\"\"", &"x".repeat(300)] {
        let reply = sender.post("ticks", &[("idempotency-key", name)], TICK).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad_header"));
    }
    site.assert_well().await;
}
