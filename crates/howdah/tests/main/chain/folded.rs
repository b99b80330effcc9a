//! The system when its months are folded: whatever comes late, again, contradicts or replaces what
//! is in segments, every answer and invariant is that of a system that never folds.

use howdah_feed::chain::{ChainEvent, QUESTIONS, reorganisation};

use super::delivery::{mend_and_replay, send_without_time};
use super::events::{On, account, term};
use super::load::load;
use super::reorganisations::in_other_block;
use super::rig::{ChainRig, ONE_STREAM};
use crate::rig::texts;

/// A chain whose folded past is repeated, contradicted, added to, mined again and replaced.
#[tokio::test]
async fn what_comes_late_again_or_in_other_blocks_finds_folded_events() {
    let mut chain = ChainRig::folding(&[ONE_STREAM]).await;
    let on = On::chain(1155);
    let mut live: Vec<ChainEvent> = vec![
        on.atom(90),
        on.term(term(0x10)).triple(91, [term(1), term(2), term(3)]),
        on.d(92, 10, 10, 10),
        on.p(93, 7),
        on.by(account(7)).d(94, 5, 5, 5),
        on.log(1).p(95, 8),
        on.by(account(7)).d(100, 6, 6, 11),
        on.log(1).p(100, 9),
        on.r(101, 4, 4, 6),
    ];
    chain.send_events(&live).await;
    chain.run().await;
    chain.fold().await;
    chain.holds(&live).await;
    // Again, and with other content.
    chain.send_events(&live).await;
    chain.send_events(&[on.d(92, 11, 10, 10)]).await;
    chain.run().await;
    assert_eq!(chain.letters().await, "\"conflicting_content 1\"");
    chain.holds(&live).await;
    chain.fold().await;
    // Late: between and before what is folded, of a known and of a new key.
    let late = [on.log(2).d(93, 3, 3, 13), on.by(account(8)).d(89, 1, 1, 1), on.log(3).p(99, 3)];
    live.extend(late.clone());
    chain.send_events(&late).await;
    chain.run().await;
    chain.holds(&live).await;
    chain.fold().await;
    chain.holds(&live).await;
    // A transaction that is mined again, in a later block; then its first block's event once more.
    let mut again = live[4].clone();
    (again.place.block_number, again.place.block_hash) = (102, live[8].place.block_hash);
    again.place.block_hash[0] ^= 1;
    again.place.block_time = 1_760_000_000 + 2 * 102;
    let first = std::mem::replace(&mut live[4], again.clone());
    chain.send_events(&[again, first]).await;
    chain.run().await;
    chain.holds(&live).await;
    chain.fold().await;
    // Block 100 has another hash: both its events go, all that they caused with them.
    let new = in_other_block(&on.by(account(9)).d(100, 9, 9, 9));
    live.retain(|event| event.place.block_number != 100);
    live.push(new.clone());
    chain.send_events(&[new]).await;
    chain.run().await;
    chain.holds(&live).await;
    chain.fold().await;
    // Announced: from block 101 on nothing counts until it comes anew.
    chain.send(ONE_STREAM, &reorganisation(101, 2)).await;
    chain.run().await;
    live.retain(|event| event.place.block_number < 101);
    chain.holds(&live).await;
    chain.fold().await;
    chain.holds(&live).await;
    assert_eq!(chain.letters().await, "\"conflicting_content 1\"");
    assert_eq!(chain.value("select count(*) from stakes_retracted").await, "4");
    chain.rig.fine(&["verify"]).await;
}

/// The last deposits and redeems of accounts, as the events themselves say.
#[tokio::test]
async fn q8_and_q12_give_the_folded_events_of_an_account() {
    let mut system = ChainRig::folding(&[ONE_STREAM]).await;
    let (messages, live) = load(8_000, "L2");
    let cut = messages.len() * 3 / 4;
    let send = |part: &[howdah_feed::Event]| -> Vec<String> {
        part.iter().map(|message| message.json.clone()).collect()
    };
    let (early, recent) = (send(&messages[..cut]), send(&messages[cut..]));
    system.send_all(early.iter().map(|json| (ONE_STREAM, json.as_str()))).await;
    system.run().await;
    system.fold().await;
    system.send_all(recent.iter().map(|json| (ONE_STREAM, json.as_str()))).await;
    system.run().await;
    system.holds(&live).await;
    let part = "select (select count(*) from stakes) between 1 and \
                (select count(*) from stakes_history) / 2";
    assert_eq!(system.value(part).await, "t");
    let accounts = "(select account from stakes_history group by 1 order by count(*) desc, 1 \
                    limit 5) union (select sender from stakes_history where sender <> account \
                    group by 1 order by count(*) desc, 1 limit 5)";
    let (q8, q12) = (&QUESTIONS[7], &QUESTIONS[13]);
    assert_eq!((q8.name, q12.name), ("Q8", "Q12"));
    for row in system.connection.query(accounts, &[]).await.unwrap() {
        let who = format!("'\\x{}'::bytea", howdah_feed::chain::hex(row.get::<_, &[u8]>(0)));
        let found = texts(&system.connection, &q8.of(std::slice::from_ref(&who))).await;
        let plain = format!(
            "select block_timestamp, block_number, log_index, kind, sender, account, term_id, \
             assets, shares from stakes_history where account = {who} or sender = {who} \
             order by block_timestamp desc, block_number desc, log_index desc limit 50"
        );
        assert_eq!(found, texts(&system.connection, &plain).await, "{who}");
        let held = format!(
            "select term_id, curve_id from positions where account = {who} order by 1, 2 limit 3"
        );
        for row in system.connection.query(&held, &[]).await.unwrap() {
            let term = format!("'\\x{}'::bytea", howdah_feed::chain::hex(row.get::<_, &[u8]>(0)));
            let curve = format!("'{}'", row.get::<_, &str>(1));
            let found = q12.of(&[who.clone(), term.clone(), curve.clone()]);
            let counted = format!(
                "select (select count(*) from ({found}) q) = (select count(*) from stakes_history \
                 where account = {who} and term_id = {term} and curve_id = {curve})"
            );
            assert_eq!(system.value(&counted).await, "t", "{who} {term} {curve}");
        }
    }
}

/// B13 with a block that was folded meanwhile.
#[tokio::test]
async fn an_event_without_its_time_finds_it_in_a_folded_block() {
    let mut chain = ChainRig::folding(&[ONE_STREAM]).await;
    let (event, neighbour) = (On::chain(1).d(1000, 5, 5, 5), On::chain(1).log(1).p(1000, 9));
    chain.send_events(std::slice::from_ref(&neighbour)).await;
    chain.run().await;
    chain.fold().await;
    send_without_time(&mut chain, &event).await;
    let replay = mend_and_replay(&chain).await;
    assert_eq!(replay.code, Some(0), "{}", replay.stderr);
    assert_eq!(chain.letters().await, "");
    chain.holds(&[event, neighbour]).await;
}
