//! Who may send what, for whom, and how soon a revoked key is out.

use howdah_server::keys;
use howdah_testkit::wait_until;

use crate::client::{Client, PATIENCE, request};
use crate::site::{Sender, Site, TICK, fine};
use crate::stored::lines;

async fn sender(site: &Site, scopes: &str, tenant: Option<&str>) -> Sender {
    Sender { address: site.address, secret: site.key(scopes, tenant).await }
}

#[tokio::test]
async fn without_a_valid_key_it_is_401() {
    let site = Site::start().await;
    let good = site.key_of_a().await;
    let secret = &good.secret;
    let near = format!("{}{}", &secret[..secret.len() - 1], u8::from(secret.ends_with('0')));
    for bearer in [
        None,
        Some("Bearer ".to_owned()),
        Some("Bearer hwd_".to_owned()),
        Some(format!("Bearer {near}")),
        Some(format!("Bearer {}", secret.to_uppercase())),
        Some(format!("Basic {secret}")),
        Some(secret.clone()),
    ] {
        for path in ["/v1/streams/ticks", "/v1/streams/nothing", "/v1/sources/raw_ticks"] {
            let mut headers = vec![("content-type", "application/x-ndjson")];
            headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
            let mut client = Client::connect(site.address).await;
            client.write(request("POST", path, &headers, TICK.as_bytes())).await;
            let reply = client.read().await.unwrap();
            assert_eq!(reply.status, 401, "{bearer:?} {path}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert!(!reply.body.contains(&secret[4..]));
        }
    }
    let mut client = Client::connect(site.address).await;
    let twice = good.request("ticks", &[("authorization", "Bearer hwd_other")], TICK.as_bytes());
    client.write(twice).await;
    assert_eq!(client.read().await.unwrap().status, 400);
    site.assert_well().await;
}

#[tokio::test]
async fn scopes_and_tenants_are_held() {
    let site = Site::start().await;
    let named = |tenant: &str| {
        format!("{{\"id\":1,\"at\":\"2026-11-20T01:00:00Z\",\"tenant_id\":\"{tenant}\"}}\n")
    };
    let of_a = sender(&site, "write:events", Some("a")).await;
    let reply = of_a.post("ticks", &[], TICK).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "no_scope"));
    let nobody = sender(&site, "write:events", None).await;
    let reply = nobody.post("events", &[], named("a")).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "no_tenant"));
    let metrics = sender(&site, "metrics", None).await;
    assert_eq!(metrics.post("ticks", &[], TICK).await.status, 403);

    // A key's tenant is filled in, and no other is taken.
    assert_eq!(of_a.post("events", &[], lines(1, 2)).await.status, 200);
    assert_eq!(of_a.post("events", &[], named("a")).await.json()["duplicates"], 1);
    let reply = of_a.post("events", &[], format!("{}{}", lines(2, 9), named("b"))).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "other_tenant"));
    assert_eq!(reply.json()["rows"][0]["line"], 8);
    assert_eq!(site.number("select count(*) from events").await, 1);

    // One for any tenant has to say whose each event is.
    let any = sender(&site, "write:events,any-tenant", None).await;
    let reply = any.post("events", &[], format!("{}{}", named("a"), named("b"))).await;
    assert_eq!(reply.json()["accepted"], 1);
    let reply = any.post("events", &[], lines(3, 4)).await;
    assert_eq!((reply.status, &reply.json()["rows"][0]["code"]), (422, &"missing_field".into()));
    let sql = "select count(*) from events where tenant_id = 'b'";
    assert_eq!(site.number(sql).await, 1);
    site.assert_well().await;
}

#[tokio::test]
async fn a_revoked_or_expired_key_is_out_within_seconds() {
    let site = Site::start().await;
    let (revoked, expiring) = (site.key_of_a().await, site.key_of_a().await);
    for sender in [&revoked, &expiring] {
        assert_eq!(sender.post("ticks", &[], TICK).await.status, 200, "a new key works at once");
    }
    let all = fine(keys::list(&site.client).await);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|key| key.valid && revoked.secret.len() > key.shown.len() + 50));
    assert!(fine(keys::revoke(&site.client, &all[0].shown).await).id == all[0].id);
    assert!(keys::revoke(&site.client, "hwd_0").await.is_err());
    let expire = "update howdah.api_keys set expires_at = now() where revoked_at is null";
    site.client.batch_execute(expire).await.unwrap();
    for sender in [&revoked, &expiring] {
        wait_until("the key is out", PATIENCE, || async {
            sender.post("ticks", &[], TICK).await.status == 401
        })
        .await;
    }
    let stored = site.number("select count(*) from ticks").await;
    assert_eq!(revoked.post("ticks", &[], TICK).await.status, 401);
    assert_eq!(site.number("select count(*) from ticks").await, stored);
    let hashes = "select count(*) from howdah.api_keys where octet_length(hash) = 32";
    assert_eq!(site.number(hashes).await, 2);
    site.assert_well().await;
}
