//! Batches that run beside others into streams that meet with theirs: whatever of them is open at
//! once, derived rollups are what follows from all events.

use std::time::Duration;

use howdah_testkit::wait_until;

use crate::derived::{Event, Model, SYSTEM, TABLES, accepting};
use crate::engine::{Engine, Feed};
use crate::rollups::Dice;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
/// The sources, and which events they bring ([`Event::source`]): two bring the same kind.
const SOURCES: [(&str, usize); 4] = [("prices", 0), ("stakes", 1), ("more", 1), ("placings", 2)];

async fn feeds(engine: &Engine) -> Vec<Feed> {
    let mut feeds = Vec::new();
    for (name, _) in SOURCES {
        feeds.push(engine.feed(name).await);
    }
    feeds
}

/// So many events of each source, and what the model takes of them.
fn roll(dice: &mut Dice, next: &mut u64, each: usize, model: &mut Model) -> Vec<Vec<String>> {
    let mut out = vec![Vec::new(); SOURCES.len()];
    for (texts, (_, kind)) in out.iter_mut().zip(SOURCES) {
        while texts.len() < each {
            *next += 1;
            let event = Event::random(dice, *next);
            if event.source() == kind {
                model.take(&event);
                texts.push(event.json());
            }
        }
    }
    out
}

/// Every writer waits for a lock: those that can be open at once are.
async fn all_wait(engine: &Engine) -> bool {
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    engine.one::<i64>(waiting).await == SOURCES.len() as i64
}

#[tokio::test]
async fn batches_that_are_open_at_once_derive_as_one_after_the_other() {
    let more = "\n[sources.more]\nfile = \"m.ndjson\"\ninto = \"stakes\"\n\
                map = { at = { field = \"at\", as = \"epoch s\" } }\n";
    let engine = Engine::applied(TABLES, &format!("{}{more}", accepting(SYSTEM))).await;
    let (mut dice, mut next, mut model) = (Dice(20_261_130), 0, Model::default());
    let mut feeds = feeds(&engine).await;
    // The first batches of a session are alone.
    for _ in 0..6 {
        let texts = roll(&mut dice, &mut next, 3, &mut model);
        for (feed, texts) in feeds.iter_mut().zip(&texts) {
            feed.commit(texts).await;
        }
    }
    model.assert_kept(&engine, "alone").await;
    let beside = |feeds: &[Feed]| feeds.iter().map(|feed| feed.writer.ways().beside).sum::<u64>();
    let before = beside(&feeds);
    let holder = engine.db.connect().await;
    for round in 0..25 {
        let each = 1 + dice.below(6) as usize;
        let texts = roll(&mut dice, &mut next, each, &mut model);
        // Held up just before their commits, with all that they changed.
        holder.batch_execute("begin; select from howdah.positions for update").await.unwrap();
        let [a, b, c, d] = &mut feeds[..] else { panic!("four sources") };
        let release = async {
            wait_until("all writers wait", LONG, async || all_wait(&engine).await).await;
            holder.batch_execute("commit").await.unwrap();
        };
        tokio::join!(
            a.commit(&texts[0]),
            b.commit(&texts[1]),
            c.commit(&texts[2]),
            d.commit(&texts[3]),
            release
        );
        model.assert_kept(&engine, &format!("round {round}")).await;
    }
    assert_eq!(beside(&feeds) - before, 25 * SOURCES.len() as u64, "all rounds ran side by side");
    engine.assert_fold_is_rebuild().await;
}
