//! Cases B1 to B14 of the brief, §9: chunks, repeats, order, kills, odd data.

use howdah_feed::chain::{ChainEvent, VaultKind, counter_term, hex, message};

use super::events::{On, term};
use super::rig::{ChainRig, ONE_STREAM, of_one};
use crate::rig::Ended;

fn chunk(events: &[ChainEvent]) -> String {
    let json: Vec<String> = events.iter().map(ChainEvent::json).collect();
    message(events[0].kind(), &json, (1, 2), 0)
}

fn deposits(from: u64, many: u64) -> Vec<ChainEvent> {
    (from..from + many).map(|at| On::chain(1).d(at, 10, 10, u128::from(at) * 10)).collect()
}

#[tokio::test]
async fn case_b2_one_bad_event_of_ten_becomes_a_dead_letter_and_comes_back() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let events = deposits(1000, 10);
    let mut json: Vec<String> = events.iter().map(ChainEvent::json).collect();
    let receiver = "\"receiver\":\"0x742d35cc6634c0532925a3b844bc9e7595f0beb0\"";
    json[4] = json[4].replace(receiver, "\"receiver\":\"0x1234\"");
    chain.send(ONE_STREAM, &message(2, &json, (1000, 1009), 0)).await;
    chain.run().await;
    assert_eq!(chain.value("select count(*) from stakes").await, "9");
    assert_eq!(chain.letters().await, "\"bad_address 1\"");
    let counts = "select events, rows, duplicates, dead_letters from howdah.positions";
    assert_eq!(chain.value(counts).await, "10,9,0,1");
    // Corrected by hand, as an operator would; only the one event is applied again.
    let mend = "update howdah.dead_letters set payload = p, payload_bytes = length(p) \
                from (select convert_to(replace(convert_from(payload, 'UTF8'), '0x1234', \
                '0x742d35cc6634c0532925a3b844bc9e7595f0beb0'), 'UTF8') as p \
                from howdah.dead_letters) mended";
    chain.connection.batch_execute(mend).await.unwrap();
    chain.rig.fine(&["dead-letters", "replay"]).await;
    chain.holds(&events).await;
    assert_eq!(chain.letters().await, "");
}

#[tokio::test]
async fn case_b4_prices_may_come_before_their_terms() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(1);
    let (pro, counter) = (term(0x10), counter_term(&term(0x10)));
    let prices = [
        on.p(900, 7),
        On::of_kind(on.term(pro).p(901, 7), VaultKind::Triple),
        On::of_kind(on.term(counter).p(902, 7), VaultKind::CounterTriple),
    ];
    chain.send_events(&prices).await;
    chain.run().await;
    let types = "select type, count(*) from term group by 1 order by 1";
    assert_eq!(chain.value(types).await, "Unknown,3");
    let creations = [on.atom(1000), on.term(pro).triple(1001, [term(1), term(2), term(3)])];
    chain.send_events(&creations).await;
    chain.run().await;
    assert_eq!(chain.value(types).await, "Atom,1 Triple,2");
    chain.holds(&[&prices[..], &creations].concat()).await;
    let joined = "select market_cap, total_assets from triple_vault";
    assert_eq!(chain.value(joined).await, "14,2000000000000000000", "both sides, at creation");
}

#[tokio::test]
async fn case_b5_data_of_atoms_is_text_or_bytes() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let data = [vec![0x61, 0, 0x62, 0x0a], vec![0xff], Vec::new(), b"text".to_vec()];
    let mut all = Vec::new();
    for (number, bytes) in (1..).zip(data) {
        let mut event = On::chain(1).term(term(number)).atom(1000 + u64::from(number));
        if let howdah_feed::chain::Body::AtomCreated { data, .. } = &mut event.body {
            *data = bytes;
        }
        all.push(event);
    }
    chain.send_events(&all).await;
    chain.run().await;
    chain.holds(&all).await;
    let shown = "select string_agg(format('%s/%s', coalesce(data, '-'), \
                 coalesce(encode(raw_data, 'hex'), '-')), ' ' order by term_id) from atom";
    assert_eq!(chain.value(shown).await, "\"-/6100620a -/ff /- text/-\"");
}

#[tokio::test]
async fn case_b6_repeats_in_any_form_change_nothing() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let events = deposits(1000, 60);
    for many in [20, 20, 7, 60] {
        for part in events.chunks(many) {
            chain.send(ONE_STREAM, &chunk(part)).await;
        }
        chain.run().await;
        chain.holds(&events).await;
    }
    let counts = "select rows, duplicates, dead_letters from howdah.positions";
    assert_eq!(chain.value(counts).await, "60,180,0");
    // A new group from the beginning: the position is forgotten, the events are not.
    chain.connection.batch_execute("delete from howdah.positions").await.unwrap();
    chain.run().await;
    chain.holds(&events).await;
    assert_eq!(chain.value(counts).await, "0,240,0");
}

#[tokio::test]
async fn case_b12_spellings_of_an_id_are_one_position() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let mut id = term(1);
    id[0] = 0xab;
    let event = On::chain(1).term(id).d(1000, 1, 1, 1);
    let later = On::chain(1).term(id).d(1001, 1, 1, 2);
    let upper = of_one(&later).replace(&hex(&id), &format!("0x{}", hex(&id).to_uppercase()));
    chain.send(ONE_STREAM, &of_one(&event)).await;
    chain.send(ONE_STREAM, &upper).await;
    chain.run().await;
    chain.holds(&[event, later]).await;
    assert_eq!(chain.value("select count(*), max(shares) from positions").await, "1,2");
}

#[tokio::test]
async fn case_b14_the_largest_numbers_give_an_exact_cap() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    let json = of_one(&On::chain(1).p(1000, 1))
        .replace("\"sharePrice\":\"1\"", &format!("\"sharePrice\":\"{most}\""))
        .replace("\"totalShares\":\"1000000000000000000\"", &format!("\"totalShares\":\"{most}\""));
    let above = json.replace(most, &most.replace("9935", "9936")).replace(":1000,", ":1001,");
    let fine = On::chain(2).p(1000, 5);
    chain.send(ONE_STREAM, &json).await;
    chain.send(ONE_STREAM, &above).await;
    chain.send(ONE_STREAM, &of_one(&fine)).await;
    chain.run().await;
    let cap = "select length(market_cap::text), market_cap = \
               div(share_price * total_shares + 500000000000000000, 1000000000000000000) as exact \
               from vault_prices where chain_id = 1";
    assert_eq!(chain.value(cap).await, "137,t");
    assert_eq!(chain.letters().await, "\"bad_uint256 1\"");
    assert_eq!(chain.value("select market_cap from vault where chain_id = 2").await, "5");
    chain.invariants().await;
}

#[tokio::test]
async fn case_b11_the_same_event_with_other_content_is_refused() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let event = On::chain(1).d(1000, 5, 5, 5);
    let other = On::chain(1).d(1000, 6, 5, 5);
    chain.send_events(&[event.clone(), event.clone()]).await;
    chain.run().await;
    chain.send_events(&[other, event.clone()]).await;
    chain.run().await;
    assert_eq!(chain.letters().await, "\"conflicting_content 1\"");
    chain.holds(&[event]).await;
    let counts = "select events, rows, duplicates, dead_letters from howdah.positions";
    assert_eq!(chain.value(counts).await, "4,1,2,1");
}

/// Sends an event without its block's time, which nobody knows yet.
pub async fn send_without_time(chain: &mut ChainRig, event: &ChainEvent) {
    let time = format!("\"{:#x}\"", event.place.block_time);
    chain.send(ONE_STREAM, &of_one(event).replace(&time, "null")).await;
    chain.run().await;
    assert_eq!(chain.letters().await, "\"no_block_time 1\"");
}

/// What an operator runs for such events.
pub async fn mend_and_replay(chain: &ChainRig) -> Ended {
    let mend = include_str!("../../../../../systems/chain/mend/no_block_time.sql");
    chain.connection.batch_execute(mend).await.unwrap();
    chain.rig.howdah(&["dead-letters", "replay"]).await
}

#[tokio::test]
async fn case_b13_an_event_without_its_time_waits_for_another_of_its_block() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let event = On::chain(1).d(1000, 5, 5, 5);
    let neighbour = On::chain(1).log(1).p(1000, 9);
    send_without_time(&mut chain, &event).await;
    let replay = mend_and_replay(&chain).await;
    assert_eq!(replay.code, Some(1), "still nobody knows the time: {}", replay.stderr);
    chain.send_events(std::slice::from_ref(&neighbour)).await;
    chain.run().await;
    let replay = mend_and_replay(&chain).await;
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    assert_eq!(chain.letters().await, "");
    chain.holds(&[event.clone(), neighbour.clone()]).await;
    // With its time it is the same event.
    chain.send_events(std::slice::from_ref(&event)).await;
    chain.run().await;
    chain.holds(&[event, neighbour]).await;
}
