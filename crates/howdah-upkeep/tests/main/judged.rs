//! Judged in memory, batch by batch, equals judged by the server, event by event.
//!
//! A failure names its seed; `HOWDAH_SEED=n` runs that one alone.

use std::collections::BTreeSet;

use bytes::Bytes;
use howdah_fold::{Folder, Hearing, Judge, Leg, Repeats, refused};
use howdah_pg::RawValue;
use howdah_plan::foreign_columns;
use howdah_rollup::delta::states;
use howdah_rollup::judge::ForeignColumn;
use howdah_stream::Decoder;
use howdah_system::{Rollup, System};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::engine::Engine;
use crate::expressions::{self, TABLE, condition};
use crate::folded::{arrays, decode, layout, merge, seeds};
use crate::rollups::Dice;

fn system(dice: &mut Dice, checked: bool) -> String {
    let mut text = "[system]\nname = \"{db}\"\n[streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
         chunk = \"1 month\"\naccept = { past = \"10 years\" }\n\
         [sources.events]\nfile = \"e.ndjson\"\ninto = \"events\"\n\
         [sources.events.map]\nat = { field = \"at\", as = \"epoch s\" }\n"
        .to_owned();
    for n in 0..3 {
        let by = dice.pick(&["\"k\"", "\"k\", \"g\"", "\"side\", \"nd\"", "\"iso\""]);
        text.push_str(&format!("[rollups.s{n}]\nfrom = \"events\"\nby = [{by}]\n"));
        if dice.below(2) == 0 {
            text.push_str(&format!("where = \"{}\"\n", condition(dice, 1)));
        }
        let amount = dice.pick(&["nd", "nu - 500", "case when ok then nu else -nd end"]);
        text.push_str(&format!(
            "total = \"sum({amount})\"\nn = \"count(*)\"\nlittle = \"sum(i2) filter (where ok)\"\n\
             low = \"min(nu)\"\nfree = \"total - little\"\n"
        ));
        let check = dice.pick(&[
            "total >= -credit",
            "side <> 'sell' or total - little > -50 or total is null",
            "n <= 6 and (little between -30 and 40 or i4 = 7)",
            "free >= -credit or k = 'a' or low > 400",
            "coalesce(total, 0) <= credit * 100 and n < 12",
        ]);
        if checked {
            text.push_str(&format!("check = \"{check}\"\n"));
        }
    }
    text
}

/// Events that stand or fall together, or the legs of one event.
struct Group<'e> {
    events: &'e [String],
    legs: bool,
}

/// Commits the groups one by one, and tells which the server refused.
async fn judged_by_server(engine: &Engine, groups: &[Group<'_>]) -> Vec<u32> {
    let mut feed = engine.feed("events").await;
    let mut out = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        if feed.commit_together(group.events, group.legs).await.dead_letters > 0 {
            out.push(number as u32);
        }
    }
    out
}

struct Memory<'a> {
    engine: &'a Engine,
    system: &'a System,
    foreign: Vec<Vec<ForeignColumn>>,
    judge: Judge,
    folder: Folder,
    repeats: Repeats,
}

impl Memory<'_> {
    /// Judges and folds a batch: tuples with event and group; gives the groups refused.
    async fn commit(&self, rows: &[(Bytes, u32, u32)]) -> Vec<u32> {
        let tuples: Vec<&[u8]> = rows.iter().map(|(tuple, ..)| tuple.as_ref()).collect();
        let keys = self.repeats.number(&tuples).unwrap();
        let legs: Vec<Leg<'_>> = rows
            .iter()
            .zip(&keys)
            .map(|((tuple, event, group), key)| Leg {
                tuple,
                event: *event,
                group: *group,
                key: *key,
            })
            .collect();
        let present = self.present(&tuples).await;
        let present: Vec<Vec<Vec<Option<&[u8]>>>> =
            present.iter().map(|rows| rows.iter().map(values).collect()).collect();
        let hearing = Hearing { judge: &self.judge, present: &present, legs: &legs };
        let out: Vec<u32> = refused(&[hearing]).unwrap().iter().map(|one| one.group).collect();
        let mut seen = BTreeSet::new();
        let new: Vec<&[u8]> = legs
            .iter()
            .filter(|leg| !out.contains(&leg.group) && seen.insert(leg.key))
            .map(|leg| leg.tuple)
            .collect();
        merge(self.engine, self.system, &self.folder.fold(&new).unwrap()).await;
        out
    }

    async fn present(&self, tuples: &[&[u8]]) -> Vec<Vec<Row>> {
        let mut out = Vec::new();
        for (state, keys) in self.judge.states().iter().zip(self.judge.touched(tuples).unwrap()) {
            let rollup = &self.system.rollups[state.rollup()];
            let foreign = &self.foreign[state.rollup()];
            let sql = states(self.system.stream_of(rollup), rollup, foreign, &state.wanted());
            let arrays = arrays(&keys.columns);
            let parameters: Vec<&(dyn ToSql + Sync)> =
                arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
            let rows = self.engine.client.query(&sql, &parameters).await;
            out.push(rows.unwrap_or_else(|error| panic!("{sql}: {error:?}")));
        }
        out
    }
}

fn values(row: &Row) -> Vec<Option<&[u8]>> {
    (0..row.len()).map(|at| row.get::<_, RawValue<'_>>(at).0).collect()
}

/// A database whose states have a column of their own, and checks.
async fn engine(dice: &mut Dice) -> Engine {
    let mut again = Dice(dice.0);
    let mut engine = Engine::applied(TABLE, &system(dice, false)).await;
    for n in 0..3 {
        engine.run(&format!("alter table s{n} add credit numeric(10,2) not null default 50")).await;
    }
    engine.text = system(&mut again, true).replace("{db}", engine.db.name());
    engine.apply().await;
    engine
}

/// Events, some of which come twice.
fn events(dice: &mut Dice) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for id in 0..160 {
        let repeated = (id > 0 && dice.below(6) == 0).then(|| dice.below(id) as usize);
        let event = match repeated {
            Some(earlier) => out[earlier].clone(),
            None => expressions::event(dice, id, false),
        };
        out.push(event);
    }
    out
}

fn groups<'e>(dice: &mut Dice, mut rest: &'e [String]) -> Vec<Group<'e>> {
    let mut out = Vec::new();
    while !rest.is_empty() {
        let count = if dice.below(3) == 0 { dice.below(4) as usize + 1 } else { 1 };
        let (events, after) = rest.split_at(count.min(rest.len()));
        out.push(Group { events, legs: dice.below(2) == 0 });
        rest = after;
    }
    out
}

/// The groups that memory refuses, in random batches.
async fn judged_in_memory(
    memory: &Memory<'_>,
    decoder: &mut Decoder,
    groups: &[Group<'_>],
    dice: &mut Dice,
) -> Vec<u32> {
    let mut found = Vec::new();
    let mut stored: BTreeSet<Bytes> = BTreeSet::new();
    let mut at = 0;
    while at < groups.len() {
        let end = (at + dice.below(40) as usize + 1).min(groups.len());
        let mut rows: Vec<(Bytes, u32, u32)> = Vec::new();
        for (number, group) in groups.iter().enumerate().take(end).skip(at) {
            for (place, event) in group.events.iter().enumerate() {
                let tuple = decode(decoder, event);
                let place = if group.legs { 0 } else { place };
                if !stored.contains(&tuple) {
                    rows.push((tuple, (4 * number + place) as u32, number as u32));
                }
            }
        }
        let out = memory.commit(&rows).await;
        let kept = rows.into_iter().filter(|(.., group)| !out.contains(group));
        stored.extend(kept.map(|(tuple, ..)| tuple));
        found.extend(out);
        at = end;
    }
    found
}

async fn check(seed: u64) {
    let mut dice = Dice(seed);
    let engine = engine(&mut dice).await;
    let (catalog, system) = engine.model().await;
    let events = events(&mut dice);
    let groups = groups(&mut dice, &events);
    let server = judged_by_server(&engine, &groups).await;
    println!("seed {seed}: {} of {} groups refused", server.len(), groups.len());
    let mut by_server = Vec::new();
    for n in 0..3 {
        by_server.push(engine.table(&format!("s{n}")).await);
        engine.run(&format!("truncate s{n}")).await;
    }

    let mut decoder = engine.feed("events").await.decoder;
    let stream = &system.streams[0];
    let layout = layout(&decoder, stream);
    let rollups: Vec<&Rollup> = system.rollups.iter().collect();
    let foreign: Vec<Vec<ForeignColumn>> = rollups
        .iter()
        .map(|rollup| {
            let relation = catalog.relation(&rollup.levels[0].table).unwrap();
            foreign_columns(stream, rollup, &rollup.levels[0], relation)
        })
        .collect();
    let with: Vec<(&Rollup, &[ForeignColumn])> =
        rollups.iter().zip(&foreign).map(|(rollup, foreign)| (*rollup, &foreign[..])).collect();
    let judge = Judge::compile(stream, &layout, &with)
        .unwrap_or_else(|why| panic!("seed {seed}: {why:?}\n{}", engine.text));
    let memory = Memory {
        engine: &engine,
        system: &system,
        judge,
        folder: Folder::compile(stream, &layout, &rollups),
        repeats: Repeats::compile(stream, &layout).unwrap(),
        foreign,
    };
    let found = judged_in_memory(&memory, &mut decoder, &groups, &mut dice).await;
    assert_eq!(found, server, "seed {seed}\n{}", engine.text);
    for (n, server) in by_server.iter().enumerate() {
        assert_eq!(&engine.table(&format!("s{n}")).await, server, "seed {seed}: s{n}");
    }
}

#[tokio::test]
async fn judged_in_memory_equals_judged_by_the_server() {
    for seed in seeds(&[1, 2, 3]) {
        check(seed).await;
    }
}
