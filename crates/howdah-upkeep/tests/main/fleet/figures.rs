//! Every derived figure of the fleet against a calculation of its own ([`super::plain`]), after a
//! feed with repeats, late files, gaps, faults and voided sessions.

use std::collections::BTreeMap;

use howdah_pg::Connection;

use super::plain::{
    Fleet, Id, Sample, Session, battery, motor_spread, percentile, quality, vibration_by_second,
};
use super::world::{Reader, UNTIL_MS, both, fed};

/// A key and its numbers.
type Rows = BTreeMap<String, Vec<Option<f64>>>;

/// The rows of a query for a key (text) and numbers (double precision).
pub async fn rows(client: &Connection, sql: &str) -> Rows {
    let rows = client.query(sql, &[]).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter()
        .map(|row| {
            let numbers = (1..row.len()).map(|column| row.get::<_, Option<f64>>(column));
            (row.get(0), numbers.collect())
        })
        .collect()
}

/// Holds the rows of a query against those computed apart: the same keys, the same numbers.
async fn same(fleet: &Reader, what: &str, sql: &str, apart: &Rows) {
    let found = rows(&fleet.client, sql).await;
    let (keys, wanted): (Vec<_>, Vec<_>) = (found.keys().collect(), apart.keys().collect());
    assert_eq!(keys, wanted, "{what}");
    assert!(!apart.is_empty(), "{what}: there is something to compare");
    for (key, numbers) in &found {
        for (place, (is, want)) in numbers.iter().zip(&apart[key]).enumerate() {
            let close = match (is, want) {
                (Some(is), Some(want)) => {
                    (is - want).abs() <= 2e-5 * want.abs().max(is.abs()).max(1e-3)
                }
                (is, want) => is.is_none() == want.is_none(),
            };
            assert!(close, "{what} of {key}, number {place}: is {is:?}, apart {want:?}");
        }
    }
}

fn key(id: &Id) -> String {
    format!("{}/{}", id.0, id.1)
}

/// Type and motors of each aircraft, from the registry.
pub async fn registry(fleet: &Reader) -> BTreeMap<String, (String, usize)> {
    let sql = "select org_id || '/' || aircraft_id, type::text, motors::integer from aircraft";
    let rows = fleet.client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get::<_, i32>(2) as usize))).collect()
}

/// Sessions with samples, and the type and motors of their aircraft.
fn recorded<'a>(
    plain: &'a Fleet,
    known: &'a BTreeMap<String, (String, usize)>,
) -> impl Iterator<Item = (&'a Id, &'a Session, &'a (String, usize))> {
    plain
        .sessions
        .iter()
        .filter(|(_, session)| !session.record().is_empty())
        .map(|(id, session)| (id, session, &known[&format!("{}/{}", id.0, session.aircraft)]))
}

#[tokio::test]
async fn j1_hours_and_cycles_are_those_of_the_flights_that_stand() {
    let (_, expected, plain) = fed();
    for fleet in Box::pin(both()).await {
        let hours = |sessions: &[(&Id, &Session)]| {
            let landed = sessions.iter().filter(|(_, session)| !session.legs().is_empty()).count();
            let cycles: usize = sessions.iter().map(|(_, session)| session.legs().len()).sum();
            let ms: i64 = sessions.iter().map(|(_, session)| session.airborne_ms()).sum();
            vec![Some(landed as f64), Some(cycles as f64), Some(ms as f64 / 1000.0)]
        };
        let apart = plain.of_aircraft();
        let apart = apart.iter().map(|(craft, sessions)| (key(craft), hours(sessions))).collect();
        let sql = "select org_id || '/' || aircraft_id, flights::float8, cycles::float8, \
                   airborne_s::float8 from aircraft_hours where flights > 0";
        same(&fleet, "hours of aircraft", sql, &apart).await;
        let mut pilots: BTreeMap<String, Vec<(&Id, &Session)>> = BTreeMap::new();
        for (id, session) in plain.sessions.iter().filter(|(_, session)| !session.void()) {
            if !session.pilot.is_empty() && !session.legs().is_empty() {
                pilots
                    .entry(format!("{}/{}", id.0, session.pilot))
                    .or_default()
                    .push((id, session));
            }
        }
        let apart =
            pilots.iter().map(|(pilot, sessions)| (pilot.clone(), hours(sessions))).collect();
        let sql = sql.replace("aircraft_id", "pilot").replace("aircraft_hours", "pilot_hours");
        same(&fleet, "hours of pilots", &sql, &apart).await;
        for claim in expected.claims() {
            let sql = format!(
                "select (s::numeric = {}::numeric)::text from ({}) q (s)",
                claim.is, claim.sql
            );
            assert_eq!(fleet.texts(&sql).await, ["true"], "{}", claim.what);
        }
    }
}

/// J3: what a part flew is what its aircraft flew meanwhile, and nothing gets lost at a swap.
#[tokio::test]
async fn j3_hours_of_parts_are_those_of_their_aircraft_while_installed() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let sql = "select org_id || '/' || component_id, org_id, aircraft_id, \
                   (extract(epoch from lower(period)) * 1000)::bigint, \
                   (extract(epoch from upper(period)) * 1000)::bigint from installation";
        let crafts = plain.of_aircraft();
        let mut apart = Rows::new();
        for row in fleet.client.query(sql, &[]).await.unwrap() {
            let craft = (row.get::<_, String>(1), row.get::<_, String>(2));
            let (from, to) =
                (row.get::<_, i64>(3), row.get::<_, Option<i64>>(4).unwrap_or(i64::MAX));
            let (mut cycles, mut ms) = (0.0, 0);
            for (_, session) in crafts.get(&craft).into_iter().flatten() {
                let legs = session.legs();
                if legs.first().is_some_and(|leg| (from..to).contains(&leg.takeoff)) {
                    cycles += legs.len() as f64;
                    ms += session.airborne_ms();
                }
            }
            let sum = apart.entry(row.get(0)).or_insert_with(|| vec![Some(0.0), Some(0.0)]);
            sum[0] = sum[0].map(|sum| sum + cycles);
            sum[1] = sum[1].map(|sum| sum + ms as f64 / 1000.0);
        }
        let found = "select org_id || '/' || component_id, cycles::float8, airborne_s::float8 \
                     from component_hours";
        same(&fleet, "hours of parts", found, &apart).await;
        let lost = "select count(*) from (select i.org_id, i.aircraft_id, i.position, \
                    sum(c.airborne_s) as parts from installation i join component_hours c \
                    using (org_id, component_id) group by 1, 2, 3) p join aircraft_hours h \
                    using (org_id, aircraft_id) where parts <> h.airborne_s";
        assert_eq!(fleet.count(lost).await, 0, "a position's parts have the airframe's hours");
    }
}

#[tokio::test]
async fn r5_quality_is_that_of_the_formula() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let known = registry(&fleet).await;
        let apart: Rows = recorded(plain, &known)
            .map(|(id, session, (kind, motors))| {
                let score = quality(session, kind, *motors);
                (key(id), vec![Some((score * 10_000.0).round() / 10_000.0)])
            })
            .collect();
        let found = rows(
            &fleet.client,
            "select org_id || '/' || session_id, quality::float8 from session_quality",
        )
        .await;
        assert_eq!(found.keys().collect::<Vec<_>>(), apart.keys().collect::<Vec<_>>());
        for (key, score) in &found {
            let (is, want) = (score[0].unwrap(), apart[key][0].unwrap());
            // Half of the last digit may be rounded the other way.
            assert!((is - want).abs() < 1.01e-4, "{key}: {is} {want}");
            assert!((0.0..=1.0).contains(&is));
        }
        let worst = found.values().filter_map(|score| score[0]).fold(1.0, f64::min);
        assert!(worst < 0.9999, "the dirt of the feed shows: {worst}");
    }
}

#[tokio::test]
async fn envelopes_and_percentiles_leave_out_what_cannot_be_and_count_no_second_twice() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let known = registry(&fleet).await;
        let (mut extremes, mut exact) = (Rows::new(), Rows::new());
        for (id, session, _) in recorded(plain, &known) {
            let counted = session.counted();
            let heights: Vec<f64> = counted.iter().filter_map(|s| s.height()).collect();
            let speeds: Vec<f64> = counted.iter().filter_map(|s| s.get("groundspeed")).collect();
            let banks: Vec<f64> =
                counted.iter().filter_map(|s| s.get("roll")).map(f64::abs).collect();
            let volts: Vec<f64> = counted.iter().filter_map(|s| s.get("batt_v")).collect();
            let highest = |values: &[f64]| values.iter().copied().reduce(f64::max);
            let lowest = |values: &[f64]| values.iter().copied().reduce(f64::min);
            extremes.insert(
                key(id),
                vec![
                    Some(counted.len() as f64),
                    lowest(&heights),
                    highest(&heights),
                    Some(heights.iter().sum::<f64>() / heights.len() as f64),
                    highest(&speeds),
                    highest(&banks),
                    lowest(&volts),
                ],
            );
            let of = |values: &[f64], p| percentile(values.to_vec(), p);
            exact.insert(
                key(id),
                vec![
                    of(&heights, 0.05),
                    of(&heights, 0.5),
                    of(&heights, 0.95),
                    of(&heights, 0.99),
                    of(&speeds, 0.95),
                    of(&banks, 0.99),
                ],
            );
        }
        let sql = "select org_id || '/' || session_id, n::float8, alt_min::float8, \
                   alt_max::float8, alt::float8, groundspeed_max::float8, bank_max::float8, \
                   batt_v_min::float8 from session_envelope";
        same(&fleet, "envelopes", sql, &extremes).await;
        let sql = "select org_id || '/' || session_id, alt_m[1], alt_m[2], alt_m[3], alt_m[4], \
                   groundspeed[3], bank[4] from session_percentiles";
        same(&fleet, "percentiles", sql, &exact).await;
        let both = plain.sessions.values().filter(|s| !s.live.is_empty() && !s.file.is_empty());
        assert!(both.count() > 2, "sessions that came live and as a file");
    }
}

#[tokio::test]
async fn batteries_vibration_and_motors_are_those_of_the_formulas() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let known = registry(&fleet).await;
        let (mut shakes, mut spreads, mut packs) = (Rows::new(), Rows::new(), Rows::new());
        for (id, session, (kind, motors)) in recorded(plain, &known) {
            let rms = vibration_by_second(session);
            if !rms.is_empty() {
                let of = |p| percentile(rms.clone(), p);
                shakes.insert(key(id), vec![Some(rms.len() as f64), of(0.5), of(0.95), of(0.99)]);
            }
            let spread = motor_spread(session.record(), *motors);
            spreads.insert(key(id), vec![spread]);
            if !session.void() && !session.legs().is_empty() {
                let cells = if kind == "vtol" { 6.0 } else { 4.0 };
                let pack = battery(session.record(), cells);
                packs.insert(
                    key(id),
                    vec![
                        Some(pack.discharged_ah),
                        Some(pack.used_pct),
                        pack.ohm,
                        pack.sag_v,
                        (pack.used_pct >= 30.0)
                            .then_some(100.0 * pack.discharged_ah / (pack.used_pct / 100.0) / 4.0),
                    ],
                );
            }
        }
        let sql = "select org_id || '/' || session_id, seconds::float8, p50, p95, p99 \
                   from session_vibration";
        same(&fleet, "vibration", sql, &shakes).await;
        let sql = "select m.org_id || '/' || m.session_id, m.spread from session_motors m \
                   where m.source = 'file' or not exists (select from session_source o \
                   where o.session_id = m.session_id and o.source = 'file')";
        same(&fleet, "motors", sql, &spreads).await;
        let sql = "select org_id || '/' || session_id, discharged_ah::float8, used_pct::float8, \
                   ohm::float8, sag_v::float8, soh::float8 from session_battery";
        same(&fleet, "batteries", sql, &packs).await;
        assert!(packs.values().any(|pack| pack[4].is_some()), "some flights use 30 % of the pack");
    }
}

#[tokio::test]
async fn distance_gaps_and_phases_are_those_between_samples() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let mut apart = Rows::new();
        for (id, session) in &plain.sessions {
            for (source, samples) in [("live", &session.live), ("file", &session.file)] {
                if samples.len() > 1 {
                    apart.insert(format!("{}/{source}", key(id)), steps(samples));
                }
            }
        }
        let sql = "select org_id || '/' || session_id || '/' || source, covered_s::float8, \
                   gaps::float8, gap_excess_s::float8, km::float8, taxi_s::float8, \
                   climb_s::float8, \
                   descent_s::float8, (cruise_s + hover_s + transition_s)::float8 from step_state";
        same(&fleet, "steps", sql, &apart).await;
    }
}

/// Seconds, gaps, distance and phases of samples that follow each other.
fn steps(samples: &[Sample]) -> Vec<Option<f64>> {
    let mut sums = [0.0; 8];
    for pair in samples.windows(2) {
        let [now, next] = [&pair[0], &pair[1]];
        let gap = (next.ms - now.ms) as f64 / 1000.0;
        let seconds = gap.min(10.0);
        sums[0] += seconds;
        sums[1] += f64::from(u8::from(gap > 10.0));
        sums[2] += (gap - 2.0 / now.hz).max(0.0);
        if let (Some(a), Some(b)) = (now.place(), next.place()) {
            let east = (b.1 - a.1) * a.0.to_radians().cos();
            sums[3] += 111.195 * ((b.0 - a.0).powi(2) + east.powi(2)).sqrt();
        }
        let climb = now.get("climb_ms").unwrap();
        let phase = match now.value["mode"].as_str() {
            Some("GROUND") => 4,
            Some("TRANSITION") => 7,
            _ if climb > 0.5 => 5,
            _ if climb < -0.5 => 6,
            _ => 7,
        };
        sums[phase] += seconds;
    }
    sums.map(Some).to_vec()
}

/// R6: quantiles of a month, and of the calls of a key, are within 2 % of the exact ones.
#[tokio::test]
async fn r6_percentiles_of_sketches_are_within_two_per_cent() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let near = |what: &str, is: f64, mut values: Vec<f64>, p: f64| {
            values.sort_by(f64::total_cmp);
            // Between the neighbours of the place, and two per cent around.
            let place = p * (values.len() - 1) as f64;
            let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
            let slack = 0.02 * high.abs().max(low.abs()) + 1e-9;
            assert!(is >= low - slack && is <= high + slack, "{what} p{p}: {is}, {low} to {high}");
        };
        let crafts = plain.of_aircraft();
        let (craft, sessions) = crafts.iter().max_by_key(|(_, sessions)| sessions.len()).unwrap();
        let month = |session: &&&(&Id, &Session)| {
            let first = session.1.record().first().map_or(0, |sample| sample.ms);
            (NOVEMBER_MS..NOVEMBER_MS + 30 * 86_400_000).contains(&first)
        };
        let of: Vec<&(&Id, &Session)> = sessions.iter().filter(|s| month(&s)).collect();
        let all = || of.iter().flat_map(|(_, session)| session.record());
        let sql = format!(
            "select 'm', flights::float8, alt[1], alt[4], groundspeed[3], batt_a[2] \
             from aircraft_month('{}', '{}', '2026-11-01')",
            craft.0, craft.1
        );
        let found = &rows(&fleet.client, &sql).await["m"];
        assert_eq!(found[0], Some(of.len() as f64));
        near("alt", found[1].unwrap(), all().filter_map(Sample::height).collect(), 0.05);
        near("alt", found[2].unwrap(), all().filter_map(Sample::height).collect(), 0.99);
        near(
            "speed",
            found[3].unwrap(),
            all().filter_map(|s| s.get("groundspeed")).collect(),
            0.95,
        );
        near("amps", found[4].unwrap(), all().filter_map(|s| s.get("batt_a")).collect(), 0.5);
        let busiest = "select 'k', p50, p95, p99, ms_max::float8, calls::float8 from api_usage_1d \
                       where org_id = 'org-000' order by calls desc limit 1";
        let found = &rows(&fleet.client, busiest).await["k"];
        assert!(found[0] <= found[1] && found[1] <= found[2], "{found:?}");
        assert!(found[2] <= found[3].map(|most| most * 1.02), "{found:?}");
    }
}

/// 2026-11-01 00:00 UTC.
const NOVEMBER_MS: i64 = 1_793_491_200_000;

/// The moment before which flights count.
fn since(days: i64) -> i64 {
    UNTIL_MS - days * 86_400_000
}

fn born(id: &Id) -> i64 {
    i64::from_str_radix(&id.1.replace('-', "")[..12], 16).unwrap()
}

#[tokio::test]
async fn r6_r44_risk_is_one_figure_a_flight() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let known = registry(&fleet).await;
        let mut types: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
        let mut critical: BTreeMap<String, u64> = BTreeMap::new();
        for (id, session) in plain.sessions.iter().filter(|(_, session)| !session.void()) {
            if session.aircraft.is_empty() || born(id) <= since(30) {
                continue;
            }
            let name = format!("{}/{}", id.0, known[&format!("{}/{}", id.0, session.aircraft)].0);
            if let Some(run) = plain.current(id, "risk") {
                types.entry(name.clone()).or_default().push((run.risk, born(id) > since(7)));
            }
            if let Some(run) = plain.current(id, "anomaly") {
                let found = plain.anomalies.get(&(id.clone(), run.analysis.clone()));
                *critical.entry(name).or_default() += found.map_or(0, |found| found.values().sum());
            }
        }
        let apart = types
            .iter()
            .map(|(name, flights)| {
                let scores: Vec<f64> = flights.iter().map(|(risk, _)| *risk).collect();
                let mean = |late: bool| {
                    let part: Vec<f64> = flights
                        .iter()
                        .filter(|(_, is)| *is == late)
                        .map(|(risk, _)| *risk)
                        .collect();
                    (part.len() >= 5).then_some(part.iter().sum::<f64>() / part.len() as f64)
                };
                let high = scores.iter().filter(|risk| **risk > 0.7).count();
                let trend = mean(true).zip(mean(false)).map(|(late, early)| late - early);
                (
                    name.clone(),
                    vec![
                        Some(scores.len() as f64),
                        Some(scores.iter().sum::<f64>() / scores.len() as f64),
                        Some(high as f64),
                        Some(critical.get(name).copied().unwrap_or(0) as f64),
                        percentile(scores.clone(), 0.5),
                        percentile(scores.clone(), 0.99),
                        trend,
                    ],
                )
            })
            .collect();
        let sql = format!(
            "select org_id || '/' || type, flights::float8, mean_risk::float8, high_risk::float8, \
             critical_anomalies::float8, p50, p99, trend::float8 \
             from risk_profile(to_timestamp({UNTIL_MS} / 1000.0), 30)"
        );
        same(&fleet, "risk", &sql, &apart).await;
        let reruns = plain.runs.values().filter(|runs| runs.len() > 1).count();
        assert!(reruns > 0, "the feed has reruns or trials");
    }
}

#[tokio::test]
async fn r6_moving_averages_are_those_of_the_flights() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let mut apart = Rows::new();
        for (_, mut sessions) in plain.of_aircraft() {
            sessions.retain(|(id, _)| plain.current(id, "risk").is_some());
            sessions.sort_by_key(|(id, _)| (born(id), id.1.clone()));
            let risk = |id: &Id| plain.current(id, "risk").unwrap().risk;
            let mut ewma = None;
            for (id, _) in &sessions {
                let mean = |days: i64| {
                    let near = sessions.iter().filter(|(other, _)| {
                        (born(id) - days * 86_400_000..=born(id)).contains(&born(other))
                    });
                    let near: Vec<f64> = near.map(|(other, _)| risk(other)).collect();
                    near.iter().sum::<f64>() / near.len() as f64
                };
                let smooth = ewma.map_or(risk(id), |before: f64| 0.3 * risk(id) + 0.7 * before);
                ewma = Some(smooth);
                apart.insert(key(id), vec![Some(mean(7)), Some(mean(30)), Some(smooth)]);
            }
        }
        let sql = "select org_id || '/' || session_id, mean_7d::float8, mean_30d::float8, \
                   ewma::float8 from risk_averages";
        same(&fleet, "moving averages", sql, &apart).await;
    }
}

/// A task of an aircraft: hours, landings and days between two times, and when it began.
type Task = (String, [f64; 3], i64);

async fn tasks(fleet: &Reader) -> BTreeMap<Id, Task> {
    let sql = "select org_id, aircraft_id, task_code, interval_h::float8, \
               interval_cycles::float8, interval_days::float8, \
               (extract(epoch from starts_at) * 1000)::bigint from maintenance_task";
    let rows = fleet.client.query(sql, &[]).await.unwrap();
    let task = |row: &tokio_postgres::Row| {
        let every = [row.get(3), row.get(4), row.get(5)];
        ((row.get(0), row.get(1)), (row.get(2), every, row.get(6)))
    };
    rows.iter().map(task).collect()
}

/// In how many days a task is due, which was last done at `last`.
fn due_days(sessions: &[(&Id, &Session)], last: i64, [hours, cycles, days]: [f64; 3]) -> f64 {
    let flown = |from: i64| {
        let (mut h, mut c) = (0.0, 0.0);
        for (_, session) in sessions {
            let legs = session.legs();
            if legs.first().is_some_and(|leg| (from..=UNTIL_MS).contains(&leg.takeoff)) {
                h += session.airborne_ms() as f64 / 3_600_000.0;
                c += legs.len() as f64;
            }
        }
        (h, c)
    };
    let ((used_h, used_c), (late_h, late_c)) = (flown(last), flown(since(60) + 1));
    let by = |every: f64, used: f64, rate: f64| match rate {
        _ if used >= every => 0.0,
        rate if rate > 0.0 => (every - used) / rate,
        _ => f64::MAX,
    };
    ((last - UNTIL_MS) as f64 / 86_400_000.0 + days).min(by(hours, used_h, late_h / 60.0)).min(by(
        cycles,
        used_c,
        late_c / 60.0,
    ))
}

/// The score of an aircraft, §4.7, to two digits.
fn maintenance(plain: &Fleet, sessions: &[(&Id, &Session)], due_days: f64) -> f64 {
    let mut score = match due_days {
        days if days <= 0.0 => 40.0,
        days if days <= 7.0 => 25.0,
        days if days <= 30.0 => 15.0,
        days if days <= 60.0 => 5.0,
        _ => 0.0,
    };
    for (id, _) in sessions.iter().filter(|(id, _)| born(id) > since(30)) {
        for category in plain.categories(id) {
            score += match category.as_str() {
                "motor" => 8.0,
                "control_surface" => 6.0,
                "battery" => 5.0,
                "vibration" => 7.0,
                "temperature" => 4.0,
                _ => 0.0,
            };
        }
    }
    let risks = |days: i64| {
        let chosen = sessions.iter().filter(move |(id, _)| born(id) > since(days));
        chosen.filter_map(|(id, _)| plain.current(id, "risk")).map(|run| run.risk)
    };
    let week: Vec<f64> = risks(7).collect();
    if !week.is_empty() {
        score += 30.0 * week.iter().sum::<f64>() / week.len() as f64;
    }
    score += 3.0 * risks(14).filter(|risk| *risk > 0.7).count() as f64;
    let hours: f64 = sessions.iter().map(|(_, s)| s.airborne_ms() as f64 / 3_600_000.0).sum();
    score += match hours {
        hours if hours > 1000.0 => 10.0,
        hours if hours > 500.0 => 5.0,
        _ => 0.0,
    };
    (score.min(100.0) * 100.0).round() / 100.0
}

#[tokio::test]
async fn maintenance_scores_are_those_of_the_formula_for_every_aircraft() {
    let (_, _, plain) = fed();
    for fleet in Box::pin(both()).await {
        let crafts = plain.of_aircraft();
        let mut apart = BTreeMap::new();
        for (craft, (task, every, starts)) in tasks(&fleet).await {
            let sessions = crafts.get(&craft).map_or(&[][..], Vec::as_slice);
            let done = plain.tasks.iter().filter(|(of, code, _)| *of == craft && *code == task);
            let last = done.map(|(_, _, ms)| *ms).max().unwrap_or(starts).max(starts);
            let due = due_days(sessions, last, every);
            apart.insert(key(&craft), maintenance(plain, sessions, due));
        }
        let sql = format!(
            "select org_id || '/' || aircraft_id, score::float8 \
             from maintenance_score(to_timestamp({UNTIL_MS} / 1000.0))"
        );
        let found = rows(&fleet.client, &sql).await;
        assert_eq!(found.len(), apart.len(), "an aircraft that never flew has a score too");
        for (key, score) in &found {
            let (is, want) = (score[0].unwrap(), apart[key]);
            assert!((is - want).abs() < 0.011, "{key}: {is} {want}");
        }
        assert!(found.values().any(|score| score[0] > Some(20.0)));
    }
}
