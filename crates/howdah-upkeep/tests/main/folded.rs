//! Folded in memory equals folded by the server equals computed again: table for table, digit for
//! digit, over random rollups, events and cuts.
//!
//! A failure names its seed; `HOWDAH_SEED=n` runs that one alone.

use std::collections::BTreeSet;

use bytes::Bytes;
use howdah_fold::{Elements, Folder, LevelDelta, RollupDelta, TupleColumn, ZoneProbe};
use howdah_pg::BinaryArray;
use howdah_rollup::delta::{delta_columns, upsert_arrays};
use howdah_stream::decode::staged_as_text;
use howdah_stream::{Body, Decoded, Decoder, Position, Raw};
use howdah_system::{Rollup, Stream, System};
use tokio_postgres::types::ToSql;

use crate::engine::{Engine, fine};
use crate::expressions::{self, TABLE};
use crate::rollups::Dice;

pub fn seeds(these: &[u64]) -> Vec<u64> {
    match std::env::var("HOWDAH_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => these.to_vec(),
    }
}

fn system(dice: &mut Dice, rollups: u64) -> String {
    let mut text = "[system]\nname = \"{db}\"\n[streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
         order = [\"seq\"]\nchunk = \"1 month\"\naccept = { past = \"10 years\" }\n\
         [sources.events]\nfile = \"e.ndjson\"\ninto = \"events\"\n\
         [sources.events.map]\nat = { field = \"at\", as = \"epoch s\" }\n"
        .to_owned();
    for n in 0..rollups {
        text.push_str(&expressions::rollup(dice, &format!("r{n}")));
    }
    text
}

pub fn decode(decoder: &mut Decoder, event: &str) -> Bytes {
    let body = Body::Text(Bytes::copy_from_slice(event.as_bytes()));
    let mut found = Decoded::default();
    decoder.decode(Raw { position: Position(String::new()), body }, &mut found);
    found.rows.remove(0).copy
}

pub fn layout(decoder: &Decoder, stream: &Stream) -> Vec<TupleColumn> {
    let as_text = |name| staged_as_text(stream.column(name).unwrap());
    let columns = decoder.columns(0).iter();
    columns.map(|name| TupleColumn { name: name.clone(), as_text: as_text(name) }).collect()
}

pub async fn merge(engine: &Engine, system: &System, deltas: &[RollupDelta]) {
    for delta in deltas {
        let rollup = &system.rollups[delta.rollup];
        let stream = system.stream_of(rollup);
        for (index, level) in delta.levels.iter().enumerate() {
            if level.rows > 0 {
                merge_level(engine, stream, rollup, index, level).await;
            }
        }
    }
}

/// The columns as parameters.
pub fn arrays(columns: &[Elements]) -> Vec<BinaryArray<'_>> {
    columns
        .iter()
        .map(|column| BinaryArray {
            len: column.len,
            elements: &column.bytes,
            has_nulls: column.has_nulls,
        })
        .collect()
}

async fn merge_level(
    engine: &Engine,
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    level: &LevelDelta,
) {
    let names = delta_columns(stream, rollup, &rollup.levels[index]);
    assert_eq!(names.len(), level.columns.len());
    let arrays = arrays(&level.columns);
    let parameters: Vec<&(dyn ToSql + Sync)> =
        arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
    let sql = upsert_arrays(stream, rollup, index);
    let written = engine.client.execute(&sql, &parameters).await;
    let written = written.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    assert_eq!(written, level.rows as u64);
}

async fn tables(engine: &Engine, system: &System) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    for level in system.rollups.iter().flat_map(|rollup| &rollup.levels) {
        let table = level.table.to_string();
        let rows = engine.texts(&format!("select t::text from {table} t order by 1")).await;
        out.push((table, rows));
    }
    out
}

async fn check(seed: u64, lively: bool) {
    let mut dice = Dice(seed);
    let engine = Engine::applied(TABLE, &system(&mut dice, 6)).await;
    let (_, system) = engine.model().await;
    let events: Vec<String> =
        (0..220).map(|id| expressions::event(&mut dice, id, lively)).collect();
    let mut feed = engine.feed("events").await;
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at((dice.below(60) as usize + 1).min(rest.len()));
        feed.commit(batch).await;
        rest = after;
    }
    let accepted: BTreeSet<u64> = engine
        .texts("select id::text from events")
        .await
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();

    let rollups: Vec<&Rollup> = system.rollups.iter().collect();
    let stream = &system.streams[0];
    let folder = Folder::compile(stream, &layout(&feed.decoder, stream), &rollups);
    let unsupported: Vec<String> = folder.unsupported().iter().map(ToString::to_string).collect();
    assert!(unsupported.is_empty(), "seed {seed}: {unsupported:?}\n{}", engine.text);
    let tuples: Vec<Bytes> = events.iter().map(|event| decode(&mut feed.decoder, event)).collect();
    let mut kept = Vec::new();
    for (id, tuple) in tuples.iter().enumerate() {
        if accepted.contains(&(id as u64)) {
            kept.push(tuple.as_ref());
        } else {
            let alone = folder.fold(&[tuple.as_ref()]);
            assert!(alone.is_err(), "seed {seed}: the server refused event {id}\n{}", engine.text);
        }
    }
    println!("seed {seed}: {} of {} events accepted", kept.len(), tuples.len());
    assert!(!kept.is_empty(), "seed {seed}: every event was refused");

    let by_server = tables(&engine, &system).await;
    for (table, _) in &by_server {
        engine.run(&format!("truncate {table}")).await;
    }
    let mut rest = kept.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at((dice.below(90) as usize + 1).min(rest.len()));
        let deltas = folder.fold(batch);
        let deltas = deltas.unwrap_or_else(|fault| panic!("seed {seed}: {fault}\n{}", engine.text));
        merge(&engine, &system, &deltas).await;
        rest = after;
    }
    for ((table, server), (_, memory)) in by_server.iter().zip(tables(&engine, &system).await) {
        let differ: Vec<_> = server.iter().zip(&memory).filter(|(a, b)| a != b).take(3).collect();
        assert!(
            differ.is_empty() && server.len() == memory.len(),
            "seed {seed}: {table}: {} and {} rows, {differ:#?}\n{}",
            server.len(),
            memory.len(),
            engine.text
        );
    }
    for proof in fine(howdah_upkeep::verify::rollups(&engine.client, &system, &[], |_| {}).await) {
        assert!(proof.holds(), "seed {seed}: {proof:?}\n{}", engine.text);
    }
}

#[tokio::test]
async fn a_time_zone_is_asked_for_before_it_is_relied_on() {
    let rollup = "[rollups.r]\nfrom = \"events\"\nby = [\"k\"]\nevery = [\"1 hour\", \"1 day\"]\n\
                  timezone = \"America/Havana\"\nn = \"count(*)\"\n";
    let text = system(&mut Dice(1), 0) + rollup;
    let engine = Engine::applied(TABLE, &text).await;
    let (_, system) = engine.model().await;
    let decoder = engine.feed("events").await.decoder;
    let stream = &system.streams[0];
    let mut folder = Folder::compile(stream, &layout(&decoder, stream), &[&system.rollups[0]]);
    let [probe] = &folder.zones()[..] else { panic!("one zone") };
    let asked = engine.client.query_one(ZoneProbe::SQL, &[&probe.moments, &probe.zone]).await;
    let offsets: Vec<i32> = asked.unwrap().get(0);
    assert!(probe.agrees(&offsets), "the zones of this machine and of its PostgreSQL differ");
    let other = engine.client.query_one(ZoneProbe::SQL, &[&probe.moments, &"America/Lima"]).await;
    assert!(!probe.agrees(&other.unwrap().get::<_, Vec<i32>>(0)));
    folder.leave_zone("America/Havana");
    assert_eq!((folder.supported().count(), folder.unsupported().len()), (0, 1));
}

#[tokio::test]
async fn folded_in_memory_equals_folded_by_the_server() {
    for seed in seeds(&[1, 2, 3]) {
        check(seed, false).await;
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_not_folded_in_memory() {
    for seed in seeds(&[11, 12]) {
        check(seed, true).await;
    }
}
