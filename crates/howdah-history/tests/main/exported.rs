//! Random rows of every type through Parquet: what comes back is what went, bit for bit.

use std::collections::BTreeSet;

use howdah_archive::{Place, bring_back};
use howdah_history::keep::{Archive as _, Part};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::lossless::{RESET, SYSTEM, TABLE, bits, rows};
use crate::rig::{Rig, fine};

async fn holds(
    rig: &Rig,
    place: &Place,
    (id, seed, count): (i64, u64, u64),
    kinds: &mut BTreeSet<String>,
) -> Result<(), String> {
    rig.run(&rows(seed, count)).await;
    let before = bits(rig, "events").await;
    if seed % 2 == 0 {
        // From segments, and from what came late.
        rig.fold_every().await;
        rig.run("insert into events (n, at) values (-1, '2026-01-01')").await;
    }
    let stream = rig.stream().await;
    let chunk = rig.chunks().await.remove(0);
    let mut part = Part {
        id,
        chunk: chunk.table,
        from_us: chunk.from_us,
        to_us: chunk.to_us,
        tenant: None,
        events: None,
        archive: None,
    };
    part.archive = fine(place.store(&rig.client, &stream, &part).await);
    let manifest = std::fs::read_to_string(part.archive.clone().unwrap()).unwrap();
    let manifest: howdah_archive::Manifest = serde_json::from_str(&manifest).unwrap();
    kinds.extend(manifest.columns.iter().map(|column| format!("{:?}", column.stored)));
    let tables = rig
        .texts("select 'drop table ' || relation || ';' from howdah.layouts order by layout")
        .await;
    if tables.is_empty() {
        rig.run("truncate events").await;
    } else {
        rig.run(&format!("{RESET} {}", tables.concat())).await;
    }
    fine(bring_back(place, &rig.client, &stream, &part, "1 day").await);
    let after = bits(rig, "(select * from events where n >= 0) e").await;
    let more: i64 = rig.one("select count(*) from events where n < 0").await;
    rig.run("truncate events").await;
    if more != i64::from(seed % 2 == 0) {
        return Err("a late event is lost".to_owned());
    }
    match (0..before.len()).find(|at| after.get(*at) != before.get(*at)) {
        Some(at) => Err(format!("row {at} differs\n{:?}\n{:?}", before[at], after.get(at))),
        None if after.len() != before.len() => Err("there are more rows".to_owned()),
        None => Ok(()),
    }
}

#[test]
fn what_was_exported_comes_back_bit_for_bit() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rig = runtime.block_on(Rig::new(TABLE, SYSTEM));
    let folder = tempfile::tempdir().unwrap();
    let place = fine(Place::open(folder.path().to_str().unwrap()));
    let kinds = std::cell::RefCell::new(BTreeSet::new());
    let ids = std::cell::Cell::new(0);
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let cases = (any::<u64>(), prop_oneof![1..20_u64, 300..900_u64]);
    let result = runner.run(&cases, |(seed, count)| {
        ids.set(ids.get() + 1);
        let case = (ids.get(), seed, count);
        runtime
            .block_on(holds(&rig, &place, case, &mut kinds.borrow_mut()))
            .map_err(TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let kinds = kinds.into_inner();
    for kind in
        ["Boolean", "Small", "Double", "Date", "Timestamptz", "Uuid", "Bytes", "Json", "Text"]
    {
        assert!(kinds.contains(kind), "no case has kept a column as {kind}: {kinds:?}");
    }
    assert!(kinds.iter().any(|kind| kind.starts_with("Decimal")), "{kinds:?}");
}
