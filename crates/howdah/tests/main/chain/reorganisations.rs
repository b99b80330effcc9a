//! Reorganisations: cases B7 and B8 of the brief, and blocks that are replaced under load.

use howdah_feed::chain::{ChainEvent, keccak256, reorganisation};

use super::events::{On, account};
use super::load::load;
use super::rig::{ChainRig, ONE_STREAM};

/// The event in a block of another hash.
pub fn in_other_block(event: &ChainEvent) -> ChainEvent {
    let mut event = event.clone();
    event.place.block_hash = keccak256(&[b"other", &event.place.block_hash]);
    event
}

const RETRACTED: &str = "select (select count(*) from stakes_retracted), \
                         (select count(*) from share_prices_retracted)";

#[tokio::test]
async fn case_b7_a_transaction_that_is_mined_again_counts_once() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let first = On::chain(1).log(3).d(10, 5, 5, 5);
    let mut again = On::chain(1).log(7).d(11, 5, 5, 5);
    again.place.transaction_hash = first.place.transaction_hash;
    chain.send_events(std::slice::from_ref(&first)).await;
    chain.run().await;
    chain.send_events(&[again.clone()]).await;
    chain.run().await;
    chain.holds(&[again.clone()]).await;
    assert_eq!(chain.value(RETRACTED).await, "1,0");
    // The old block's event comes once more: it derives nothing.
    chain.send_events(&[first]).await;
    chain.run().await;
    chain.holds(&[again]).await;
    assert_eq!(chain.value(RETRACTED).await, "1,0");
    assert_eq!(chain.letters().await, "");
}

#[tokio::test]
async fn case_b8_an_announced_reorganisation_takes_blocks_back_once() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    // The deployment of the label that the announcement names.
    let on = On::chain(1155);
    let before: Vec<ChainEvent> = (95..100).map(|at| on.d(at, 10, 10, u128::from(at))).collect();
    let stale: Vec<ChainEvent> = (100..104)
        .flat_map(|at| [on.by(account(7)).d(at, 10, 10, 10), on.log(1).p(at, u128::from(at))])
        .collect();
    let fresh: Vec<ChainEvent> = (101..106)
        .map(|at| in_other_block(&on.by(account(8)).d(at, 20, 20, u128::from(at) * 20)))
        .collect();
    chain.send_events(&before).await;
    chain.send_events(&stale).await;
    chain.run().await;
    chain.holds(&[&before[..], &stale].concat()).await;
    for _ in 0..5 {
        chain.send(ONE_STREAM, &reorganisation(100, 4)).await;
    }
    chain.run().await;
    chain.holds(&before).await;
    assert_eq!(chain.value(RETRACTED).await, "4,4");
    chain.send_events(&fresh).await;
    chain.run().await;
    chain.holds(&[&before[..], &fresh].concat()).await;
    // What was taken back and is of a replaced block stays so.
    chain.send_events(&stale[2..]).await;
    chain.run().await;
    chain.holds(&[&before[..], &fresh].concat()).await;
    let counts = "select count(*) from reorganisations";
    assert_eq!(chain.value(counts).await, "1", "five announcements are one");
    assert_eq!(chain.letters().await, "");
}

#[tokio::test]
async fn a_second_hash_of_a_block_replaces_all_its_events() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let on = On::chain(3);
    let old = [on.d(50, 5, 5, 5), on.log(1).p(50, 4), on.log(2).by(account(2)).d(50, 6, 6, 6)];
    let base = on.p(49, 2);
    let new = in_other_block(&on.by(account(3)).d(50, 9, 9, 9));
    chain.send_events(std::slice::from_ref(&base)).await;
    chain.send_events(&old).await;
    chain.send_events(std::slice::from_ref(&new)).await;
    chain.run().await;
    chain.holds(&[base.clone(), new.clone()]).await;
    assert_eq!(chain.value(RETRACTED).await, "2,1");
    // Too deep below the head: refused, and nothing changes.
    let head = on.p(49 + 200, 7);
    let deep = in_other_block(&on.p(49, 3));
    chain.send_events(&[head.clone(), deep]).await;
    chain.run().await;
    chain.holds(&[base, new, head]).await;
    assert_eq!(chain.letters().await, "\"reorg_too_deep 1\"");
}

#[tokio::test]
async fn load_l6_with_reorganisations_is_exact() {
    let mut system = ChainRig::new(&[ONE_STREAM]).await;
    let (messages, live) = load(16_000, "L6");
    // One stream, so that announcements stand where the producer put them.
    let sent = messages.iter().map(|message| (ONE_STREAM, message.json.as_str()));
    system.send_all(sent).await;
    system.run().await;
    let taken = system.value("select count(*) > 0 from stakes_retracted").await;
    assert_eq!(taken, "t");
    system.holds(&live).await;
    system.rig.fine(&["verify"]).await;
}
