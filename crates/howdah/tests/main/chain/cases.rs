//! Cases A1 to A18 of the brief, §9, each as a deployment of its own in one run, and some again in
//! every order.

use howdah_feed::chain::{ChainEvent, ONE, VaultKind, counter_term, hex};

use super::events::{A, On, account, term};
use super::rig::{ChainRig, ONE_STREAM, of_one};

/// A case: its events in the order of arrival, and queries (about the case's chain `$c`) with what
/// they must give.
struct Case {
    name: &'static str,
    events: Vec<ChainEvent>,
    expected: Vec<(&'static str, String)>,
}

const SUMS: &str = "select shares, total_deposit_assets_after_total_fees as d, \
                    total_redeem_assets_for_receiver as r from position_of_account \
                    where chain_id = $c";
const HOLDERS: &str = "select position_count from vault where chain_id = $c";
const ROWS: &str = "select (select count(*) from atoms_created where chain_id = $c) + \
                    (select count(*) from triples_created where chain_id = $c and not is_counter) \
                    + (select count(*) from stakes where chain_id = $c) \
                    + (select count(*) from share_prices where chain_id = $c)";
const CAP: &str = "select market_cap from vault where chain_id = $c";
const TERM: &str =
    "select type, total_assets, total_market_cap from term where chain_id = $c order by 1";
const TRIPLES: &str = "select string_agg(encode(term_id, 'hex') || ' ' || type, ' ' \
                       order by is_counter) from term where chain_id = $c and type = 'Triple'";

fn case<const N: usize, T: Into<String>>(
    name: &'static str,
    events: Vec<ChainEvent>,
    expected: [(&'static str, T); N],
) -> Case {
    Case { name, events, expected: expected.map(|(sql, value)| (sql, value.into())).into() }
}

fn a1() -> Case {
    let on = On::chain(1);
    let events = vec![
        on.atom(1000),
        on.d(1005, 5000, 5000, 5000),
        on.d(1001, 1000, 1000, 1000),
        on.d(1003, 3000, 3000, 3000),
    ];
    let last = "select last_deposit_block, last_deposit_log from position_of_account \
                where chain_id = $c";
    case("A1", events, [(SUMS, "5000,9000,0"), (last, "1005,0"), (HOLDERS, "1"), (ROWS, "4")])
}

fn a2() -> Case {
    let on = On::chain(2);
    let events = vec![
        on.atom(1000),
        on.d(1001, 10_000, 10_000, 10_000),
        on.p(1008, 2 * ONE),
        on.p(1002, 6 * ONE / 5),
        on.p(1005, 3 * ONE / 2),
    ];
    let price = "select current_share_price, last_price_block, last_price_log, position_count, \
                 market_cap from vault where chain_id = $c";
    let figures = "2000000000000000000,1008,0,1,2000000000000000000";
    case("A2", events, [(price, figures), (ROWS, "5")])
}

fn ten_accounts(on: On) -> Vec<ChainEvent> {
    let mut events = vec![on.atom(1000)];
    for number in 0..10 {
        events.push(on.by(account(number)).d(1001 + u64::from(number), 1000, 1000, 1000));
    }
    events
}

fn a3() -> Case {
    let each = "select count(*), min(shares), max(shares), \
                min(total_deposit_assets_after_total_fees), \
                max(total_deposit_assets_after_total_fees) from positions where chain_id = $c";
    let expected = [(HOLDERS, "10"), (each, "10,1000,1000,1000,1000")];
    case("A3", ten_accounts(On::chain(3)), expected)
}

fn a4() -> Case {
    let on = On::chain(4);
    let events = vec![
        on.atom(1000),
        on.d(1001, 5000, 5000, 5000),
        on.d(1002, 3000, 3000, 3000),
        on.d(1003, 2000, 2000, 2000),
        on.r(1004, 4000, 4000, 4000),
        on.r(1005, 2000, 2000, 2000),
    ];
    case("A4", events, [(SUMS, "2000,10000,6000")])
}

fn a5() -> Case {
    let on = On::chain(5);
    let mut events = ten_accounts(on);
    events.truncate(6);
    for number in [0, 1] {
        events.push(on.by(account(number)).r(1010 + u64::from(number), 1000, 0, 0));
    }
    let held = "select count(*) from positions where chain_id = $c and shares > 0";
    case("A5", events, [(HOLDERS, "3"), (held, "3")])
}

fn a6() -> Case {
    let on = On::chain(6);
    let events = vec![
        on.atom(999),
        on.d(1000, 5000, 5000, 5000),
        on.r(1005, 6000, 6000, 3000),
        on.d(1003, 4000, 4000, 9000),
    ];
    case("A6", events, [(SUMS, "3000,9000,6000")])
}

fn a7() -> Case {
    let on = On::chain(7);
    let events = vec![
        on.atom(999),
        on.log(1).d(999, 10_000, 10_000, 10_000),
        on.log(2).d(1000, 1000, 1000, 8000),
        on.log(5).d(1000, 1000, 1000, 9000),
        on.log(1).r(1000, 3000, 3000, 7000),
    ];
    let redeemed = "select last_redeem_block, last_redeem_log from position_of_account \
                    where chain_id = $c";
    case("A7", events, [(SUMS, "9000,12000,3000"), (redeemed, "1000,1")])
}

fn a8_events(on: On) -> Vec<ChainEvent> {
    vec![
        on.d(1007, 3000, 3000, 5000),
        on.d(1003, 3000, 3000, 4000),
        on.r(1010, 4000, 4000, 1000),
        on.d(1001, 1000, 1000, 1000),
        on.r(1005, 2000, 2000, 2000),
    ]
}

fn a8() -> Case {
    case("A8", a8_events(On::chain(8)), [(SUMS, "1000,7000,6000")])
}

fn a9() -> Case {
    let on = On::chain(9);
    let events = vec![
        on.atom(999),
        on.d(1000, 10_000, 10_000, 10_000),
        on.r(1005, 5000, 5000, 0),
        on.r(1003, 5000, 5000, 5000),
    ];
    case("A9", events, [(SUMS, "0,10000,10000"), (HOLDERS, "0")])
}

fn a10() -> Case {
    let on = On::chain(10);
    let events = vec![on.atom(999), on.r(1000, 3000, 3000, 7000), on.d(1005, 2000, 2000, 9000)];
    case("A10", events, [(SUMS, "9000,2000,3000"), (HOLDERS, "1")])
}

fn a11() -> Case {
    let creator = "select eip55(creator) from atom where chain_id = $c";
    let shown = "0x742D35CC6634c0532925A3b844BC9E7595F0BEb0";
    case("A11", vec![On::chain(11).atom(1000)], [(creator, shown), (TERM, "Atom,0,0")])
}

fn atoms_and_triple(on: On) -> Vec<ChainEvent> {
    let mut events: Vec<ChainEvent> =
        (1..=3).map(|number| on.term(term(number)).atom(999 + u64::from(number))).collect();
    events.push(on.term(term(0x10)).triple(1003, [term(1), term(2), term(3)]));
    events
}

/// The triple of the cases and its counter, as [`TRIPLES`] gives them.
fn both_sides() -> String {
    let counter = hex(&counter_term(&term(0x10)));
    format!("\"{} Triple {counter} Triple\"", hex(&term(0x10)))
}

fn a12() -> Case {
    let row = "select encode(subject_id, 'hex') from triple where chain_id = $c";
    let expected = [(TRIPLES, both_sides()), (row, hex(&term(1)))];
    case("A12", atoms_and_triple(On::chain(12)), expected)
}

fn a13() -> Case {
    let on = On::chain(13);
    let events = vec![on.atom(1000), on.d(1001, 10_000, 10_000, 10_000), on.p(1002, 10_000)];
    case("A13", events, [(TERM, "Atom,1000000000000000000,10000")])
}

fn a14() -> Case {
    let on = On::chain(14);
    let events = vec![on.atom(1000), on.d(1001, 10_000, 10_000, 10_000), on.p(1002, 2 * ONE)];
    case("A14", events, [(TERM, "Atom,1000000000000000000,2000000000000000000")])
}

fn a15() -> Case {
    let on = On::chain(15);
    let mut events = atoms_and_triple(on);
    for (number, curve, price) in [(1, 0, 1_000_000), (2, 2, 2_000_000), (3, 0, 3_000_000)] {
        let on = on.term(term(number)).curve(curve);
        events.push(on.d(1010 + u64::from(number), 10_000, 10_000, 10_000));
        events.push(on.p(1020 + u64::from(number), price));
    }
    let on = on.term(term(0x10));
    events.push(On::of_kind(on.d(1030, 40_000, 40_000, 40_000), VaultKind::Triple));
    events.push(On::of_kind(on.p(1031, 4_000_000), VaultKind::Triple));
    let row = "select count(*), min(encode(triple_id, 'hex')), \
               min(encode(counter_term_id, 'hex')), min(curve_id), sum(total_shares), \
               sum(total_assets), sum(market_cap), sum(position_count) \
               from triple_vault where chain_id = $c";
    let counter = hex(&counter_term(&term(0x10)));
    let one = format!("1,{},{counter},0,{ONE},{ONE},4000000,1", hex(&term(0x10)));
    let none = "select count(*) from triple_vault where chain_id = $c and total_shares = 0 \
                and total_assets = 0 and position_count = 0";
    case("A15", events, [(row, one), (none, "0".to_owned()), (ROWS, "12".to_owned())])
}

fn a16() -> Case {
    let touched = "select (select count(*) from sides where chain_id = $c), \
                   (select count(*) from triple_vault where chain_id = $c)";
    let expected = [(TRIPLES, both_sides()), (touched, "2,0".to_owned())];
    case("A16", atoms_and_triple(On::chain(16)), expected)
}

fn a17() -> Case {
    let on = On::chain(17);
    let events = vec![
        on.atom(1000),
        on.d(1001, ONE, 9 * ONE / 10, 9 * ONE / 10),
        on.p(1002, ONE),
        on.r(1003, ONE / 10, 95 * ONE / 1000, ONE / 10),
        on.p(1004, 95 * ONE / 100),
    ];
    let sums = "100000000000000000,1000000000000000000,95000000000000000";
    case("A17", events, [(SUMS, sums), (CAP, "950000000000000000")])
}

fn a18() -> Case {
    let on = On::chain(18);
    let mut other = A;
    (other[0], other[19]) = (0x84, 0xb1);
    let events = vec![
        on.atom(1000),
        on.d(1001, ONE, 9 * ONE / 10, 9 * ONE / 10),
        on.by(other).d(1002, 2 * ONE, 18 * ONE / 10, 18 * ONE / 10),
        on.p(1003, 28 * ONE / 10),
        on.r(1004, ONE / 10, 95 * ONE / 1000, ONE / 10),
    ];
    let people = "select count(*) from positions where chain_id = $c";
    case("A18", events, [(people, "2"), (HOLDERS, "2"), (CAP, "2800000000000000000")])
}

const CASES: [fn() -> Case; 18] =
    [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18];

#[tokio::test]
async fn cases_a1_to_a18_give_the_figures_of_the_brief() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let cases = CASES.map(|case| case());
    for case in &cases {
        chain.send_events(&case.events).await;
    }
    chain.run().await;
    for case in &cases {
        let number = case.events[0].place.chain_id.to_string();
        for (sql, expected) in &case.expected {
            let found = chain.value(&sql.replace("$c", &number)).await;
            assert_eq!(found, *expected, "{}: {sql}", case.name);
        }
    }
    let all: Vec<ChainEvent> = cases.into_iter().flat_map(|case| case.events).collect();
    chain.holds(&all).await;
    assert_eq!(chain.letters().await, "");
}

/// Every order of a slice, by Heap's algorithm.
fn permutations<T: Clone>(items: &mut [T], many: usize, each: &mut impl FnMut(&[T])) {
    if many <= 1 {
        return each(items);
    }
    for at in 0..many {
        permutations(items, many - 1, each);
        let other = if many.is_multiple_of(2) { at } else { 0 };
        items.swap(other, many - 1);
    }
}

#[tokio::test]
async fn case_a8_gives_one_row_in_all_its_120_orders() {
    let mut chain = ChainRig::new(&[ONE_STREAM]).await;
    let mut orders: Vec<Vec<ChainEvent>> = Vec::new();
    let mut next = 0;
    permutations(&mut [0, 1, 2, 3, 4], 5, &mut |order| {
        next += 1;
        let events = a8_events(On::chain(next));
        orders.push(order.iter().map(|at| events[*at].clone()).collect());
    });
    assert_eq!(orders.len(), 120);
    for order in &orders {
        chain.send_events(order).await;
    }
    chain.run().await;
    let all: Vec<ChainEvent> = orders.concat();
    chain.holds(&all).await;
    let rows = "select distinct shares, total_deposit_assets_after_total_fees as d, \
                total_redeem_assets_for_receiver as r, last_deposit, last_redeem from positions";
    let marks = |block: u64| block << 24;
    let expected = format!("1000,7000,6000,{},{}", marks(1007), marks(1010));
    assert_eq!(chain.value(rows).await, expected);
    assert_eq!(chain.value("select count(*) from positions").await, "120");
}

/// Spreads events over streams; each stream is a shard with a writer of its own.
async fn with_writers(writers: usize, events: &[ChainEvent]) -> String {
    let names: Vec<String> = (0..writers).map(|n| format!("s{n}")).collect();
    let streams: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut chain = ChainRig::new(&streams).await;
    let messages: Vec<String> = events.iter().map(of_one).collect();
    let spread = messages.iter().zip(streams.iter().cycle());
    chain.send_all(spread.map(|(json, stream)| (*stream, json.as_str()))).await;
    chain.run().await;
    chain.holds(events).await;
    chain.value("select position_count, (select sum(shares) from positions) from vault").await
}

#[tokio::test]
async fn case_a3_is_the_same_with_1_4_and_16_writers() {
    let events = ten_accounts(On::chain(3));
    for writers in [1, 4, 16] {
        assert_eq!(with_writers(writers, &events).await, "10,10000", "{writers} writers");
    }
}
