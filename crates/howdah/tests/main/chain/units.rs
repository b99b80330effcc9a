//! Cases U1 to U9 of the brief, §9: formats of the messages.

use howdah_feed::chain::{ChainEvent, SIGNATURES, counter_term, hex, message};

use super::events::{On, term};
use super::rig::{ChainRig, ONE_STREAM, of_one};

/// One event with parts of its message replaced.
fn changed(event: &ChainEvent, changes: &[(&str, &str)]) -> String {
    let mut json = of_one(event);
    for (from, to) in changes {
        assert!(json.contains(from), "{from} is in {json}");
        json = json.replacen(from, to, 1);
    }
    json
}

#[tokio::test]
async fn cases_u1_and_u2_quantities_are_hexadecimal_or_decimal() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let logs = [
        ("\"0x1b778a\"", "1800074"),
        ("\"0xd6\"", "214"),
        ("\"0x10\"", "16"),
        ("\"0x0\"", "0"),
        ("\"0xff\"", "255"),
        ("\"31\"", "31"),
        ("7", "7"),
    ];
    for (at, (written, _)) in logs.into_iter().enumerate() {
        let event = On::chain(1).d(1000 + at as u64, 1, 1, 1);
        chain
            .send(
                ONE_STREAM,
                &changed(&event, &[("\"log_index\":\"0x0\"", &format!("\"log_index\":{written}"))]),
            )
            .await;
    }
    for (at, (written, _)) in [("0x68b18674", 0), ("0x61d23100", 1)].into_iter().enumerate() {
        let event = On::chain(2).d(2000 + at as u64, 1, 1, 1);
        let time = format!("{:#x}", event.place.block_time);
        chain.send(ONE_STREAM, &changed(&event, &[(&time, written)])).await;
    }
    let mut block = On::chain(3).d(28_801_186, 1, 1, 1);
    block.place.block_time = 1_760_000_000;
    chain.send(ONE_STREAM, &changed(&block, &[(":28801186,", ":\"0x1b778a2\",")])).await;
    chain.run().await;
    let found = "select log_index from stakes where chain_id = 1 order by block_number";
    assert_eq!(chain.value(found).await, logs.map(|(_, number)| number).join(" "));
    let times = "select extract(epoch from block_timestamp)::bigint from stakes \
                 where chain_id = 2 order by 1";
    assert_eq!(chain.value(times).await, "1641165056 1756464756");
    let number = "select block_number from stakes where chain_id = 3";
    assert_eq!(chain.value(number).await, "28801186");
    assert_eq!(chain.letters().await, "");
}

#[tokio::test]
async fn cases_u3_and_u4_addresses_and_counter_ids() {
    let chain = ChainRig::new(&[ONE_STREAM]).await;
    for (address, shown) in [
        ("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("742d35cc6634c0532925a3b844bc9e7595f0beb0", "0x742D35CC6634c0532925A3b844BC9E7595F0BEb0"),
        ("fb6916095ca1df60bb79ce92ce3ea74c37c5d359", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"),
    ] {
        let sql = format!("select eip55('\\x{address}')");
        assert_eq!(chain.value(&sql).await, shown);
    }
    for (number, counter) in [
        (0x01, "0x0b86efbf634ba3d302c173167c9f6a87498dfda2184b85ca5f3edb71245d75e5"),
        (0x10, "0xddcbc2d49c0bc83574ed18fb962154a4772b19d8f40ab3c059a461a435255243"),
    ] {
        let sql = format!("select hex0x(counter_term('\\x{}'))", hex(&term(number)));
        assert_eq!(chain.value(&sql).await, counter);
        assert_eq!(format!("0x{}", hex(&counter_term(&term(number)))), counter);
        assert_eq!(counter.len(), 66);
    }
    let mut chain = chain;
    let triple = On::chain(1).term(term(0x10)).triple(1000, [term(1), term(2), term(3)]);
    let id = format!("\"termId\":\"{}\"", hex(&term(0x10)));
    let with_prefix = format!("\"termId\":\"0x{}\"", hex(&term(0x10)));
    chain.send(ONE_STREAM, &changed(&triple, &[(&id, &with_prefix)])).await;
    let short = changed(
        &On::chain(1).d(1001, 1, 1, 1),
        &[("\"receiver\":\"0x742d35cc6634c0532925a3b844bc9e7595f0beb0\"", "\"receiver\":\"1234\"")],
    );
    chain.send(ONE_STREAM, &short).await;
    chain.run().await;
    let counter = "select encode(counter_term_id, 'hex') from triple";
    assert_eq!(chain.value(counter).await, hex(&counter_term(&term(0x10))));
    assert_eq!(chain.letters().await, "\"bad_address 1\"");
}

#[tokio::test]
async fn case_u5_events_are_counted_not_entries() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(1);
    let two = [on.d(1000, 1, 1, 1).json(), on.d(1001, 1, 1, 2).json()];
    chain.send(ONE_STREAM, &message(2, &two, (1000, 1001), 0)).await;
    chain.send_as(ONE_STREAM, "data", &of_one(&on.d(1002, 1, 1, 3))).await;
    let bare = of_one(&on.d(1003, 1, 1, 4));
    let bare = bare.replacen("\"event_data\":[", "\"event_data\":", 1).replacen(
        "}],\"event_name",
        "},\"event_name",
        1,
    );
    chain.send_as(ONE_STREAM, "event_data", &bare).await;
    chain.run().await;
    let counts = "select events, rows, duplicates, dead_letters from howdah.positions";
    assert_eq!(chain.value(counts).await, "4,4,0,0");
    assert_eq!(chain.value("select shares from positions").await, "4");
}

#[tokio::test]
async fn cases_u6_and_u7_keys_are_folded_once_and_each_kind_is_counted() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(1);
    // Three terms in five events: three rows of term_totals, each once.
    let terms = [1, 2, 1, 3, 1];
    let mut all: Vec<ChainEvent> = Vec::new();
    for (at, number) in terms.into_iter().enumerate() {
        all.push(on.term(term(number)).p(1000 + at as u64, 5));
    }
    all.push(on.atom(1100));
    all.push(on.term(term(0x10)).triple(1101, [term(1), term(2), term(3)]));
    all.push(on.d(1102, 1, 1, 1));
    all.push(on.r(1103, 1, 1, 0));
    let mut messages: Vec<String> = all.iter().map(of_one).collect();
    let failed = changed(&on.d(1104, 1, 1, 1), &[("\"assets\":\"1\"", "\"assets\":\"-1\"")]);
    messages.push(failed);
    chain.send_all(messages.iter().map(|json| (ONE_STREAM, json.as_str()))).await;
    chain.run().await;
    chain.holds(&all).await;
    let terms = "select count(*) from term_totals where sides = 0";
    assert_eq!(chain.value(terms).await, "3");
    let counts = "select (select count(*) from share_prices), \
                  (select count(*) from atoms_created), \
                  (select count(*) from triples_created where not is_counter), \
                  (select count(*) from stakes where kind = 'Deposited'), \
                  (select count(*) from stakes where kind = 'Redeemed')";
    assert_eq!(chain.value(counts).await, "5,1,1,1,1");
    assert_eq!(chain.letters().await, "\"bad_uint256 1\"");
}

#[tokio::test]
async fn case_u8_prefixes_are_optional_and_canonical() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let event = On::chain(1).d(1000, 1, 1, 1);
    let id = hex(&term(1));
    for (at, written) in
        [id.clone(), format!("0x{id}"), format!("0X{}", id.to_uppercase())].into_iter().enumerate()
    {
        let later = On::chain(1).d(1000 + at as u64, 1, 1, 1 + at as u128);
        let from = format!("\"termId\":\"{id}\"");
        chain
            .send(ONE_STREAM, &changed(&later, &[(&from, &format!("\"termId\":\"{written}\""))]))
            .await;
    }
    drop(event);
    chain.run().await;
    assert_eq!(chain.value("select count(*), max(shares) from positions").await, "1,3");
    assert_eq!(
        chain.value("select distinct hex0x(term_id) from positions").await,
        format!("0x{id}")
    );
    assert_eq!(chain.value("select hex0x('\\x1234')").await, "0x1234");
}

#[tokio::test]
async fn case_u9_other_events_are_kept_and_derive_nothing() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let other = |data: &str| {
        format!(
            "{{\"event_data\":{data},\"event_name\":\"FeesChanged\",\
             \"event_signature_hash\":\"{}\",\"network\":\"n\"}}",
            SIGNATURES[0]
        )
    };
    chain.send(ONE_STREAM, &other("[{\"any\":{\"thing\":[1,2]}},{\"other\":null}]")).await;
    chain.send(ONE_STREAM, &other("{\"any\":{\"thing\":[1,2]}}")).await;
    chain.run().await;
    assert_eq!(chain.letters().await, "");
    let kept = "select count(*), min(event_name), \
                count(*) filter (where content::text = '{\"any\":{\"thing\":[1,2]}}') \
                from other_events";
    assert_eq!(chain.value(kept).await, "2,FeesChanged,1", "the same content is the same event");
    assert_eq!(chain.value("select count(*) from term_totals").await, "0");
    assert_eq!(chain.letters().await, "");
}
