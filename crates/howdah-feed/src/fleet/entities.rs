//! The entities of the fleet as SQL: organisations, what they fly, and the planned sessions.

use std::fmt::Write as _;

use crate::Options;
use crate::dice::{Dice, hashed};
use crate::rows::insert;

use super::course::{Course, grounded_flight};
use super::flight::{FileFate, Flight};
use super::ids::{Kind, id};
use super::messages::{APPROVED, TRIAL, file_id, time};
use super::operators::{Aircraft, GROUNDED, PILOTS, Type, aircraft_of, org_name, orgs, pilot};

/// Entities are this much older than the feed.
const AGE_MS: i64 = 400 * 24 * 3_600_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// Inserts of all entities; see [`crate::entities_sql`].
pub(crate) fn entities_sql(options: &Options) -> String {
    let mut out = String::new();
    let start_ms = options.until_ms - options.span_ms;
    let since_ms = start_ms - AGE_MS;
    let count = orgs(options.tenants);
    organizations(&mut out, count);
    models(&mut out);
    aircraft(&mut out, count, since_ms);
    components(&mut out, count, (since_ms, start_ms + options.span_ms / 2));
    let mut flights = Course::new(options).flown();
    flights.push(grounded_flight(start_ms, &mut Dice::new(options.seed, 10)));
    sessions(&mut out, &flights);
    // After its session was planned: it never starts.
    let _ = write!(
        out,
        "update aircraft set status = 'grounded', status_from = '{}', row_version = 1\n\
         where org_id = '{}' and aircraft_id = '{}' and row_version = 0;\n",
        time(start_ms),
        org_name(GROUNDED.org),
        GROUNDED.name()
    );
    out
}

fn organizations(out: &mut String, count: u64) {
    insert(
        out,
        "organization (org_id, name, org_type, tier)",
        (0..count).map(|org| {
            let kind = ["enterprise", "commercial", "private", "government", "training"]
                [hashed(org, 5) as usize];
            format!("('{}', 'Operator {org}', '{kind}', 'professional')", org_name(org))
        }),
    );
    insert(
        out,
        "app_user (org_id, user_id, email, role, pseudonym)",
        (0..count).map(|org| {
            let name = org_name(org);
            format!("('{name}', 'u-0', 'admin@{name}.example', 'admin', '{}')", pilot(org, 0))
        }),
    );
    insert(
        out,
        "api_key (org_id, key_id, key_prefix, scopes)",
        (0..count)
            .map(|org| format!("('{}', 'k-1', 'fl{org:06}', '{{read,upload}}')", org_name(org))),
    );
    let people = (0..count).flat_map(|org| (0..PILOTS).map(move |index| (org, index)));
    insert(
        out,
        "person (of_org, person_id, pseudonym, sealed, key_ref)",
        people.map(|(org, index)| {
            format!(
                "('{}', '{}', '{}', '\\x{:016x}', 'vault/{org}/{index}')",
                org_name(org),
                id(Kind::Person, AGE_MS, org << 8 | index),
                pilot(org, index),
                hashed(org << 8 | index, u64::MAX)
            )
        }),
    );
}

fn models(out: &mut String) {
    let kinds = ["type_detection", "anomaly", "risk"];
    let all = kinds.map(|kind| (kind, APPROVED)).into_iter().chain([("risk", TRIAL)]);
    insert(
        out,
        "model_version (model_type, model_version, artefact_sha256, trained_on)",
        all.map(|(kind, version)| {
            let sum = hashed(kind.len() as u64, u64::MAX);
            format!("('{kind}', '{version}', '\\x{sum:064x}', 'flights of 2025')")
        }),
    );
    insert(
        out,
        "approved_model (model_type, model_version, approved_by)",
        kinds.into_iter().map(|kind| format!("('{kind}', '{APPROVED}', 'p-platform')")),
    );
}

fn every_aircraft(count: u64) -> impl Iterator<Item = Aircraft> {
    (0..count).flat_map(|org| (0..aircraft_of(org)).map(move |index| Aircraft { org, index }))
}

fn aircraft(out: &mut String, count: u64, since_ms: i64) {
    insert(
        out,
        "aircraft (org_id, aircraft_id, serial, type, motors, mtow_kg, status_from)",
        every_aircraft(count).map(|craft| {
            let (org, name, kind) = (org_name(craft.org), craft.name(), craft.kind());
            format!(
                "('{org}', '{name}', 'S-{name}', '{}', {}, 9.5, '{}')",
                kind.name(),
                kind.motors(),
                time(since_ms)
            )
        }),
    );
    insert(
        out,
        "maintenance_task (org_id, aircraft_id, task_code, interval_h, interval_cycles, \
         interval_days, starts_at)",
        every_aircraft(count).map(|craft| {
            let due = since_ms + (hashed(craft.org << 8 | craft.index, 500) as i64) * DAY_MS;
            format!(
                "('{}', '{}', 'INSP-50H', 50, 300, 180, '{}')",
                org_name(craft.org),
                craft.name(),
                time(due.min(since_ms + AGE_MS))
            )
        }),
    );
}

/// A pack before and one after the middle of the feed, and motors that stay.
fn components(out: &mut String, count: u64, (since_ms, swap_ms): (i64, i64)) {
    let motors = |craft: Aircraft| {
        let count = if craft.kind() == Type::Vtol { 5 } else { craft.kind().motors() };
        (1..=count).map(move |motor| (craft, motor))
    };
    insert(
        out,
        "component (org_id, component_id, kind, serial, nominal_ah, cells, new_ohm, life_limit_h)",
        every_aircraft(count).flat_map(|craft| ["A", "B"].map(|pack| (craft, pack))).map(
            |(craft, pack)| {
                let (org, name) = (org_name(craft.org), craft.name());
                let cells = craft.kind().cells();
                format!(
                    "('{org}', 'BAT-{name}-{pack}', 'battery', 'B-{name}-{pack}', 4, {cells}, \
                     0.012, 500)"
                )
            },
        ),
    );
    insert(
        out,
        "component (org_id, component_id, kind, serial, life_limit_h)",
        every_aircraft(count).flat_map(motors).map(|(craft, motor)| {
            let (org, name) = (org_name(craft.org), craft.name());
            format!("('{org}', 'MOT-{name}-{motor}', 'motor', 'M-{name}-{motor}', 300)")
        }),
    );
    let (since, swap) = (time(since_ms), time(swap_ms));
    let packs = every_aircraft(count).flat_map(|craft| {
        [
            (
                craft,
                "BAT",
                "A".to_owned(),
                "battery".to_owned(),
                format!("[\"{since}\",\"{swap}\")"),
            ),
            (craft, "BAT", "B".to_owned(), "battery".to_owned(), format!("[\"{swap}\",)")),
        ]
    });
    let all = packs.chain(every_aircraft(count).flat_map(motors).map(|(craft, motor)| {
        let open = format!("[\"{since}\",)");
        (craft, "MOT", motor.to_string(), format!("motor-{motor}"), open)
    }));
    insert(
        out,
        "installation (org_id, installation_id, component_id, aircraft_id, position, period)",
        all.enumerate().map(|(number, (craft, kind, which, position, period))| {
            let (org, name) = (org_name(craft.org), craft.name());
            let id = id(Kind::Installation, since_ms, number as u64);
            format!(
                "('{org}', '{id}', '{kind}-{name}-{which}', '{name}', '{position}', '{period}')"
            )
        }),
    );
}

fn sessions(out: &mut String, flights: &[Flight]) {
    insert(
        out,
        "flight_session (org_id, session_id, aircraft_id, pilot, flight_no, mission, planned, \
         takeoff_at, landing_at)",
        flights.iter().map(|flight| {
            let at = |t_ms: i64| time(flight.start_ms + t_ms);
            format!(
                "('{}', '{}', '{}', '{}', 'FL{}', 'survey', '[\"{}\",\"{}\")', '{}', '{}')",
                org_name(flight.aircraft.org),
                flight.session(),
                flight.aircraft.name(),
                flight.pilot,
                flight.number,
                at(-60_000),
                at(3_600_000),
                at(flight.takeoff_ms),
                at(flight.landing_ms)
            )
        }),
    );
    insert(
        out,
        "telemetry_file (org_id, file_id, sha256, name, bytes, format, session_id, declared_hz)",
        flights.iter().filter(|flight| flight.file != FileFate::None).map(|flight| {
            format!(
                "('{}', '{}', '\\x{:064x}', 'flight-{}.bin', 180000, 'bin', '{}', {})",
                org_name(flight.aircraft.org),
                file_id(flight),
                u128::from(hashed(flight.number, u64::MAX)) << 64 | u128::from(flight.number),
                flight.number,
                flight.session(),
                flight.hz
            )
        }),
    );
}
