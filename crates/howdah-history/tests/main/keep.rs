//! Retention: what is no longer kept goes, rollups stay, and nobody waits.

use howdah_archive::{Place, bring_back};
use howdah_error::Code;
use howdah_history::keep::{self, Archive, Asked, Kept, NoArchive};
use howdah_upkeep::{rebuild, verify};

use crate::late::{Feed, assert_proved, trade};
use crate::rig::{Rig, fine};
use crate::worked::{ALL, SYSTEM, TRADES};

/// The same with an age.
fn keeping() -> String {
    SYSTEM.replace("chunk = \"1 day\"", "chunk = \"1 day\"\nkeep = \"30 days\"")
}

async fn step(rig: &Rig, archive: &dyn Archive) -> Kept {
    let (catalog, system) = rig.model().await;
    fine(keep::step(&rig.client, &system, &catalog, &system.streams[0], archive).await)
}

/// Steps until nothing is due; gives what was done.
async fn drop_all(rig: &Rig, archive: &dyn Archive) -> Vec<String> {
    let mut done = Vec::new();
    loop {
        let kept = step(rig, archive).await;
        assert_eq!(kept.waits, None, "after {done:?}");
        match kept.did {
            Some(did) => done.push(did),
            None => return done,
        }
    }
}

async fn candles(rig: &Rig) -> Vec<String> {
    rig.texts("select c::text from candles_1h c order by tenant_id, symbol, bucket").await
}

async fn letters(rig: &Rig) -> Vec<String> {
    rig.texts("select code from howdah.dead_letters order by id").await
}

async fn rebuild(rig: &Rig) {
    let (_, system) = rig.model().await;
    fine(rebuild::rebuild_level(&rig.client, &system, "candles", 0, None, |_| {}).await);
}

async fn assert_positions(rig: &Rig) {
    let (_, system) = rig.model().await;
    for proof in fine(verify::positions(&rig.client, &system).await) {
        assert!(proof.problems.is_empty(), "{proof:?}");
    }
}

#[tokio::test]
async fn old_chunks_go_and_rollups_stay() {
    let rig = Rig::new(TRADES, &keeping()).await;
    let mut feed = Feed::open(&rig).await;
    // A chunk that is half in segments, and one that is not folded.
    let first = rig.chunks().await.remove(0);
    fine(rig.try_fold(&rig.client, &first).await);
    assert_eq!(feed.commit(&[trade(7, 3, "5"), trade(8, 3, "5")]).await.rows, 2);
    let before = candles(&rig).await;
    let done = drop_all(&rig, &NoArchive).await;
    assert!(done.iter().any(|did| did.starts_with("dropped trades_old (8")), "{done:?}");
    assert_eq!(rig.one::<i64>("select count(*) from trades_history").await, 0);
    let left: i64 = rig
        .one("select count(*) from pg_class where relname in ('trades_old', 'trades_late')")
        .await;
    assert_eq!(left, 0);
    assert_eq!(rig.one::<i64>("select count(*) from howdah.folded").await, 0);
    assert_eq!(candles(&rig).await, before);
    assert_proved(&rig).await;
    assert_positions(&rig).await;
    rebuild(&rig).await;
    assert_eq!(candles(&rig).await, before, "a rebuild never shrinks a rollup");
    // Nobody can tell whether a late event is a repetition.
    let outcome = feed.commit(&[trade(9, 0, "1"), trade(10, 5, "1")]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (0, 2));
    assert_eq!(letters(&rig).await, ["no_longer_kept", "no_longer_kept"]);
    assert_eq!(candles(&rig).await, before);
    assert_eq!(rig.chunks().await.iter().filter(|chunk| chunk.due).count(), 0);
    rig.assert_settled().await;
}

#[tokio::test]
async fn tenants_keep_as_long_as_they_say() {
    let migrations = TRADES.replace(
        "create table tenants (id uuid primary key);",
        "create table tenants (id uuid primary key, retention interval, held boolean);",
    );
    let system = SYSTEM.replace(
        "table = \"tenants\"",
        "table = \"tenants\"\nkeep = \"retention\"\nhold = \"held\"\nkeep_least = \"20 days\"",
    );
    let rig = Rig::new(&migrations, &system).await;
    rig.run("update tenants set retention = '1 day' where id::text like 'a%'").await;
    rig.run("update tenants set retention = '1 day', held = true where id::text like 'b%'").await;
    let mut feed = Feed::open(&rig).await;
    rig.fold_all().await;
    assert_eq!(feed.commit(&[trade(7, 3, "5")]).await.rows, 1);
    let before = candles(&rig).await;
    let done = drop_all(&rig, &NoArchive).await;
    assert!(done.iter().any(|did| did.starts_with("deleted")), "{done:?}");
    let left = rig
        .texts("select tenant_id || ' ' || count(*) from trades_history group by tenant_id")
        .await;
    assert_eq!(left, ["bbbbbbbb-0000-4000-8000-000000000002 8001"]);
    assert_eq!(candles(&rig).await, before);
    assert_proved(&rig).await;
    assert_positions(&rig).await;
    rebuild(&rig).await;
    assert_eq!(candles(&rig).await, before);
    let of_b = |event: String| event.replace("aaaaaaaa", "bbbbbbbb").replace("001\"", "002\"");
    let outcome = feed.commit(&[trade(9, 4, "1"), of_b(trade(9, 4, "1"))]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (1, 1));
    assert_eq!(letters(&rig).await, ["no_longer_kept"]);
    assert_proved(&rig).await;
    // Without the hold the rest goes: then nobody has anything in those chunks any more.
    rig.run("update tenants set held = false").await;
    let after = candles(&rig).await;
    drop_all(&rig, &NoArchive).await;
    assert_eq!(rig.one::<i64>("select count(*) from trades_history").await, 0);
    assert_eq!(
        rig.one::<i64>("select count(*) from pg_class where relname = 'trades_old'").await,
        0
    );
    assert_eq!(candles(&rig).await, after);
    assert_proved(&rig).await;
}

#[tokio::test]
async fn a_long_reader_delays_it_and_nobody_waits_for_it() {
    let rig = Rig::new(TRADES, &keeping()).await;
    let mut feed = Feed::open(&rig).await;
    let old = rig.db.connect().await;
    old.batch_execute(
        "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read; \
         select count(*) from trades",
    )
    .await
    .unwrap();
    let before = candles(&rig).await;
    let mut waited = 0;
    // It gives up for now, again and again; others go on.
    while waited < 2 {
        let kept = step(&rig, &NoArchive).await;
        waited += usize::from(kept.waits.is_some());
        let now = feed.now(&rig).await;
        assert_eq!(feed.commit(&[now]).await.rows, 1);
    }
    let seen: i64 = old.query_one("select count(*) from trades", &[]).await.unwrap().get(0);
    assert_eq!(seen, 16_002, "who looked before sees it still");
    old.batch_execute("commit").await.unwrap();
    drop_all(&rig, &NoArchive).await;
    let present: i64 =
        rig.one("select count(*) from trades where executed_at < '2026-02-01'").await;
    assert_eq!(present, 0);
    assert_eq!(candles(&rig).await[..before.len().min(2)], before[..before.len().min(2)]);
    assert_proved(&rig).await;
}

#[tokio::test]
async fn what_was_exported_comes_back_and_goes_again() {
    let rig = Rig::new(TRADES, &keeping()).await;
    let folder = tempfile::tempdir().unwrap();
    let place = fine(Place::open(folder.path().to_str().unwrap()));
    let first = rig.chunks().await.remove(0);
    fine(rig.try_fold(&rig.client, &first).await);
    let all = rig.texts(&ALL.replace("{}", "trades_history")).await;
    let rollups = candles(&rig).await;
    let done = drop_all(&rig, &place).await;
    assert_eq!(done.iter().filter(|did| did.starts_with("exported")).count(), 2, "{done:?}");
    let stream = rig.stream().await;
    let parts = fine(keep::finished(&rig.client, &stream).await);
    assert_eq!(parts.iter().filter_map(|part| part.events).sum::<i64>(), 16_002);
    for part in &parts {
        fine(bring_back(&place, &rig.client, &stream, part, "30 days").await);
    }
    assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all);
    assert_eq!(candles(&rig).await, rollups);
    assert_positions(&rig).await;
    assert_proved(&rig).await;
    // It may stay, and be folded again, until its time is over.
    assert_eq!(drop_all(&rig, &place).await, Vec::<String>::new());
    assert_eq!(rig.fold_all().await, 16_002);
    assert_eq!(rig.texts(&ALL.replace("{}", "trades_history")).await, all);
    rig.run("update howdah.drops set kept_until = now()").await;
    let done = drop_all(&rig, &place).await;
    assert!(done.iter().all(|did| !did.starts_with("exported")), "{done:?}");
    assert_eq!(rig.one::<i64>("select count(*) from trades_history").await, 0);
    assert_eq!(candles(&rig).await, rollups);
}

#[tokio::test]
async fn a_damaged_export_is_refused_whole() {
    let rig = Rig::new(TRADES, &keeping()).await;
    let folder = tempfile::tempdir().unwrap();
    let place = fine(Place::open(folder.path().to_str().unwrap()));
    drop_all(&rig, &place).await;
    let stream = rig.stream().await;
    let part = fine(keep::finished(&rig.client, &stream).await).remove(0);
    let manifest = std::path::PathBuf::from(part.archive.clone().unwrap());
    let file = manifest.with_file_name("events-00000.parquet");
    let good = std::fs::read(&file).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    std::fs::write(&file, &bad).unwrap();
    let refused = async || {
        let result = bring_back(&place, &rig.client, &stream, &part, "1 day").await;
        result.expect_err("refused").get_code()
    };
    assert_eq!(refused().await, Some(Code::ExportDamaged));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(refused().await, Some(Code::ExportDamaged));
    std::fs::write(&file, &good).unwrap();
    // A manifest that says something else than the events are.
    let text = std::fs::read_to_string(&manifest).unwrap();
    let other = text.replacen("\"row_hashes\": \"", "\"row_hashes\": \"1", 1);
    std::fs::write(&manifest, other).unwrap();
    assert_eq!(refused().await, Some(Code::ExportDamaged));
    assert_eq!(rig.one::<i64>("select count(*) from trades").await, 0);
    fine(howdah_history::drop_views(&rig.client).await);
    rig.run("alter table trades alter column note type text").await;
    std::fs::write(&manifest, text).unwrap();
    assert_eq!(refused().await, Some(Code::CannotBringBack));
    let tables: i64 =
        rig.one("select count(*) from pg_class where relname like 'trades%back'").await;
    assert_eq!(tables, 0);
}

/// By hand, and killed at each step: the data are in place, or in an export that can be brought
/// back.
#[tokio::test]
async fn a_kill_at_any_step_leaves_the_data_or_an_export() {
    let rig = Rig::new(TRADES, &keeping()).await;
    let all = rig.texts(&ALL.replace("{}", "trades")).await;
    rig.fold_all().await;
    let folder = tempfile::tempdir().unwrap();
    let place = fine(Place::open(folder.path().to_str().unwrap()));
    for failpoint in [
        "keep.begun",
        "keep.written",
        "keep.exported",
        "keep.bitten",
        "keep.detached",
        "keep.dropped",
    ] {
        crate::killed::killed_keeping(&rig, folder.path(), failpoint).await;
    }
    drop_all(&rig, &place).await;
    let stream = rig.stream().await;
    for part in &fine(keep::finished(&rig.client, &stream).await) {
        fine(bring_back(&place, &rig.client, &stream, part, "30 days").await);
    }
    assert_eq!(rig.texts(&ALL.replace("{}", "trades")).await, all);
    assert_proved(&rig).await;
}

#[tokio::test]
async fn what_is_asked_by_hand_is_told_before() {
    let rig = Rig::new(TRADES, SYSTEM).await;
    let (_, system) = rig.model().await;
    let stream = &system.streams[0];
    let due = async |asked: &Asked| fine(keep::due(&rig.client, &system, stream, asked).await);
    assert_eq!(due(&Asked::default()).await, []);
    let old = Asked { older_than: Some("30 days".to_owned()), tenant: None };
    assert_eq!(due(&old).await.len(), 2);
    let of_one =
        Asked { tenant: Some("aaaaaaaa-0000-4000-8000-000000000001".to_owned()), ..old.clone() };
    let parts = due(&of_one).await;
    assert!(parts.len() == 2 && parts.iter().all(|part| part.tenant == of_one.tenant));
    loop {
        let kept = fine(keep::step_for(&rig.client, &system, stream, (&of_one, &NoArchive)).await);
        if kept.did.is_none() {
            break;
        }
    }
    let left: i64 = rig.one("select count(distinct tenant_id) from trades").await;
    assert_eq!(left, 1);
    assert_proved(&rig).await;
}
