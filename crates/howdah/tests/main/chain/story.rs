//! G1: the brief's story in 200 random orders, chunkings and duplications.

use howdah_feed::chain::{self, ChainEvent, message};
use howdah_testkit::Cuts;

use super::rig::{ChainRig, ONE_STREAM};

#[tokio::test]
async fn case_g1_is_the_same_in_200_orders_chunkings_and_duplications() {
    let mut system = ChainRig::new(&[ONE_STREAM]).await;
    let mut dice = Cuts::new(41);
    let mut all: Vec<ChainEvent> = Vec::new();
    let mut messages = Vec::new();
    for number in 1..=200 {
        // Each order is a deployment of its own, so one run takes them all.
        let mut events = chain::story();
        for event in &mut events {
            event.place.chain_id = number;
        }
        messages.extend(shuffled(&mut dice, &events));
        all.extend(events);
    }
    let sent = messages.iter().map(|json| (ONE_STREAM, json.as_str()));
    system.send_all(sent).await;
    system.run().await;
    system.holds(&all).await;
    let alice = "select distinct shares, total_deposit_assets_after_total_fees as d, \
                 total_redeem_assets_for_receiver as r from positions \
                 where account = '\\x58dace9c756cf11862827a479ee5014b756dcbd1'";
    assert_eq!(system.value(alice).await, "54000000000000000,94000000000000000,39617021276591309");
    let bob = "select distinct shares from positions \
               where account = '\\x5ef43ce0d3115f2e738be18a7e0f878f1d4c03fb'";
    assert_eq!(system.value(bob).await, "188000000000000000");
    let vault = "select distinct current_share_price, total_assets, total_shares, market_cap, \
                 position_count from vault where vault_type = 'Atom'";
    assert_eq!(
        system.value(vault).await,
        "1010638297872227253,54574468086110910,54000000001000000,54574468086110910,1"
    );
    let triple = "select distinct total_shares, total_assets, market_cap, position_count \
                  from triple_vault";
    assert_eq!(
        system.value(triple).await,
        "188000000002000000,188000000002000000,188000000002000000,1"
    );
    let pairs = "select distinct triple_count, total_position_count, total_market_cap \
                 from predicate_object";
    assert_eq!(system.value(pairs).await, "1,1,188000000002000000");
    let terms = "select type, count(*) from term group by 1 order by 1";
    assert_eq!(system.value(terms).await, "Atom,200 Triple,400");
    assert_eq!(system.letters().await, "");
    // The vaults of the story leave out what follows and bob, so I7 holds for those that are there.
    let advisory = include_str!("../../../../../systems/chain/invariants/I7.sql");
    assert_eq!(super::rig::broken(&system.connection, advisory).await, [""; 0]);
}

/// Messages with each event once or twice, in any order, alone or with neighbours of its kind.
fn shuffled(dice: &mut Cuts, events: &[ChainEvent]) -> Vec<String> {
    let mut pool: Vec<&ChainEvent> = events.iter().collect();
    for event in events {
        if dice.below(3) == 0 {
            pool.push(event);
        }
    }
    let mut messages = Vec::new();
    while !pool.is_empty() {
        let first = pool.swap_remove(dice.below(pool.len() as u64) as usize);
        let mut chunk = vec![first];
        while dice.below(2) == 0 {
            let same = pool.iter().position(|event| event.kind() == first.kind());
            let Some(at) = same else { break };
            chunk.push(pool.swap_remove(at));
        }
        let json: Vec<String> = chunk.iter().map(|event| event.json()).collect();
        let block = first.place.block_number;
        messages.push(message(first.kind(), &json, (block, block), 0));
    }
    messages
}
