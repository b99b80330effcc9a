//! The feed through the system: every shift, day, order and machine as computed from the raw
//! events, over night shifts and both changes of the clock, late and repeated events, resets and
//! corrections.

use howdah_feed::{Event, Expected, Options, entities_sql, events};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::plant::{Factory, parsed};
use super::queries::questions;
use super::reference::{Plant, moment};
use crate::rig::texts;

const DAY_MS: i64 = 24 * 3_600_000;

/// A feed that ends at a moment, of one company with four sites.
pub fn options(until: &str, days: i64, many: u64) -> Options {
    let until_ms = moment(until) / 1_000;
    Options {
        tenants: 50,
        span_ms: days * DAY_MS,
        duplicates_per_million: 20_000,
        broken_per_million: 10_000,
        ..Options::new(many, 11, until_ms)
    }
}

/// The first and the last day for which the entities of a feed have shifts.
pub fn days(options: &Options) -> (Date, Date) {
    let day = |ms: i64| {
        let at = Timestamp::from_millisecond(ms).unwrap();
        at.to_zoned(TimeZone::UTC).date()
    };
    (day(options.until_ms - options.span_ms - 2 * DAY_MS), day(options.until_ms + 2 * DAY_MS))
}

/// Whether a store must refuse an event, found without asking the feed.
fn is_refused(event: &Value, until_ms: i64) -> bool {
    let missing = |field: &str| event.get(field).is_none();
    missing("equipment")
        || missing("ts")
        || event["org"] == "nobody"
        || event["total_cum"].as_i64().is_some_and(|total| total < 0)
        || moment(event["ts"].as_str().unwrap()) / 1_000 > until_ms + DAY_MS
}

/// Takes all events that count.
pub fn take(plant: &mut Plant, lines: &[String], until_ms: i64) {
    for event in parsed(lines).iter().filter(|event| !is_refused(event, until_ms)) {
        plant.take(event);
    }
}

/// Stores a feed and gives its events.
async fn play(factory: &Factory, options: &Options) -> (Vec<String>, Expected) {
    play_and(factory, options, async || {}).await
}

/// The same with something behind each of its parts.
pub async fn play_and(
    factory: &Factory,
    options: &Options,
    behind: impl AsyncFn(),
) -> (Vec<String>, Expected) {
    factory.run(&entities_sql("factory", options).unwrap()).await;
    let mut feed = events("factory", options).unwrap();
    let all: Vec<Event> = feed.by_ref().collect();
    let lines: Vec<String> = all.into_iter().map(|event| event.json).collect();
    // Three runs: what comes late finds what was committed before.
    for part in lines.chunks(lines.len().div_ceil(3)) {
        factory.feed(part).await;
        behind().await;
    }
    (lines, feed.expected().clone())
}

#[tokio::test]
async fn i2_every_shift_and_day_is_as_computed_over_both_changes_of_the_clock() {
    let factory = Factory::empty().await;
    let spring = options("2025-03-31T12:00:00Z", 3, 7_000);
    let (mut lines, expected) = play(&factory, &spring).await;
    for claim in expected.claims() {
        assert_eq!(factory.row(&claim.sql).await, claim.is, "{}: {}", claim.what, claim.sql);
    }
    let total = expected.total();
    let counts = "select events, rows, duplicates, dead_letters from howdah.positions";
    let all = total.rows + total.duplicates + total.broken;
    let wanted = format!("{all},{},{},{}", total.rows, total.duplicates, total.broken);
    assert_eq!(factory.row(counts).await, wanted);
    let (first, last) = days(&spring);
    let mut plant = factory.entities("org-%", first, last).await;
    take(&mut plant, &lines, spring.until_ms);
    factory.equals(&plant).await;

    // The same machines half a year later: a silence of that length is nobody's state.
    let autumn = options("2025-10-27T12:00:00Z", 3, 7_000);
    let (later, _) = play(&factory, &autumn).await;
    let (first, last) = days(&autumn);
    let also = factory.entities("org-%", first, last).await;
    plant.shifts.extend(also.shifts);
    take(&mut plant, &later, autumn.until_ms);
    factory.equals(&plant).await;
    clocks(&factory, &plant).await;
    invariants(&factory).await;
    factory.rig.fine(&["verify"]).await;

    // The same events again, from the last to the first, change nothing.
    let figures = "select * from machine_day_kpi order by org_id, equipment_id, day";
    let before = texts(&factory.connection, figures).await;
    lines.reverse();
    factory.feed(&lines).await;
    assert_eq!(before, texts(&factory.connection, figures).await, "I7");
    questions(&factory).await;
}

/// The night shift of Lyon is an hour shorter in spring and longer in autumn, and so is its day;
/// Pune knows nothing of it.
async fn clocks(factory: &Factory, plant: &Plant) {
    let sql = "select extract(epoch from upper(period) - lower(period))::int \
               from shift_instances where work_center_id = 'lyon-l1' and shift_id in \
               ('20250328-3', '20250329-3', '20251025-3') order by shift_id";
    assert_eq!(factory.row(sql).await, "28800) (25200) (32400");
    let sql = "select extract(epoch from upper(period) - lower(period))::int from site_days \
               where day in ('2025-03-30', '2025-10-26') and site_id in ('lyon', 'pune') \
               order by site_id, day";
    assert_eq!(factory.row(sql).await, "82800) (90000) (86400) (86400");
    let hours =
        |hours: i64| plant.by_shift().values().any(|sums| sums.pot == hours * 3_600_000_000);
    assert!(hours(7) && hours(9));
}

/// Each of these gives no row.
const INVARIANTS: [(&str, &str); 8] = [
    (
        "I1: the elements are the shift",
        "select 1 from machine_shift_kpi where pot <> apt + aust + adet + adot + pdt + nst + unk \
         or unk < 0",
    ),
    (
        "I3: parts are good, scrap or to be reworked",
        "select 1 from machine_shift_kpi where pq <> gq + sq + rq or least(gq, sq, rq) < 0",
    ),
    (
        "I4: ratios are ratios",
        "select 1 from machine_day_kpi where availability not between 0 and 1 \
         or quality_ratio not between 0 and 1",
    ),
    (
        "I5: no machine produces longer than its shift",
        "select 1 from machine_shift_kpi where apt > pot",
    ),
    (
        "I6: steps of an epoch without a reset are last minus first",
        "select 1 from epochs e join (select org_id, equipment_id, counter_epoch, \
         max(total_cum) - min(total_cum) as made from production_count_history group by 1, 2, 3) c \
         using (org_id, equipment_id, counter_epoch) where e.resets = 0 and e.pq <> c.made",
    ),
    (
        "I13: an order is the sum of its machines",
        "select 1 from order_progress o join (select org_id, order_no, sum(pq) as pq, \
         sum(gq) as gq from order_machines group by 1, 2) m using (org_id, order_no) \
         where o.pq <> m.pq or o.gq <> m.gq",
    ),
    (
        "I14: now is the newest of its machine",
        "select 1 from machine_now n join (select distinct on (org_id, equipment_id) * \
         from machine_state order by org_id, equipment_id, ts desc, seq desc) s \
         using (org_id, equipment_id) where n.state <> s.state or n.since <> s.ts",
    ),
    (
        "I15: a figure names its standards",
        "select 1 from machine_shift_kpi where known_pq > 0 and standards is null",
    ),
];

pub async fn invariants(factory: &Factory) {
    for (what, sql) in INVARIANTS {
        let broken = texts(&factory.connection, &format!("{sql} limit 3")).await;
        assert!(broken.is_empty(), "{what}: {broken:?}");
    }
}
