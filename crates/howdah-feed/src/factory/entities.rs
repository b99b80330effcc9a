//! The entities of the factory system as SQL.

use std::fmt::Write as _;

use crate::Options;
use crate::factory::machine::{DOWN_REASONS, PARAMETERS, PLANNED_REASONS};
use crate::factory::world::{ORDERS, PRI, PRODUCTS, Place, SITES, World, order_name, product_of};
use crate::json::{push_decimal, push_time};

/// Rows of one statement: long enough to be quick, short enough to be read.
const ROWS: usize = 1_000;
const DAY_MS: i64 = 24 * 3_600_000;

/// Inserts of all entities; see [`crate::entities_sql`].
pub(crate) fn entities_sql(options: &Options) -> String {
    let world = World::new(options);
    let mut out = String::new();
    places(&mut out, &world);
    products(&mut out, &world, options);
    calendar(&mut out, options);
    signals(&mut out, &world, options);
    out
}

/// Each value once, in the order of the machines.
fn distinct<K: PartialEq + Clone>(world: &World, key: impl Fn(&Place) -> K) -> Vec<K> {
    let mut all: Vec<K> = Vec::new();
    for place in &world.machines {
        let key = key(place);
        if all.last() != Some(&key) && !all.contains(&key) {
            all.push(key);
        }
    }
    all
}

fn orgs(world: &World) -> Vec<&str> {
    let mut orgs: Vec<&str> = world.machines.iter().map(|place| place.org.as_str()).collect();
    orgs.dedup();
    orgs
}

fn places(out: &mut String, world: &World) {
    let rows = orgs(world).into_iter().map(|org| format!("('{org}', 'Company {org}', 'UTC')"));
    insert(out, "orgs (org_id, name, default_tz)", rows);
    let zone = |site: &str| SITES.iter().find(|(name, _)| *name == site).map_or("UTC", |s| s.1);
    let sites = distinct(world, |place| (place.org.clone(), place.site));
    let rows = sites
        .iter()
        .map(|(org, site)| format!("('{org}', '{site}', 'Plant {site}', '{}')", zone(site)));
    insert(out, "sites (org_id, site_id, name, tz)", rows);
    let rows = sites.iter().map(|(org, site)| format!("('{org}', '{site}', 'main', 'Main hall')"));
    insert(out, "areas (org_id, site_id, area_id, name)", rows);
    let lines = distinct(world, |place| (place.org.clone(), place.site, place.line.clone()));
    let rows = lines
        .iter()
        .map(|(org, site, line)| format!("('{org}', '{line}', '{site}', 'main', 'Line {line}')"));
    insert(out, "work_centers (org_id, work_center_id, site_id, area_id, name)", rows);
    let types = ["press", "lathe", "mill", "robot"];
    let rows = world.machines.iter().enumerate().map(|(at, place)| {
        let Place { org, line, id, .. } = place;
        format!("('{org}', '{id}', 'Machine {id}', '{}', '{line}')", types[at % types.len()])
    });
    insert(out, "equipment (org_id, equipment_id, name, type, work_center_id)", rows);
}

fn products(out: &mut String, world: &World, options: &Options) {
    let each = |of: &'static [&'static str]| {
        let orgs = orgs(world).into_iter();
        orgs.flat_map(move |org| of.iter().map(move |code| (org, *code)))
    };
    let rows =
        each(&PRODUCTS).map(|(org, code)| format!("('{org}', '{code}', 'Part {code}', 2.415)"));
    insert(out, "products (org_id, product_code, name, standard_cost)", rows);
    // In the middle of the feed the first product's standard becomes a tenth shorter.
    let middle = time(options.until_ms - options.span_ms / 2);
    let rows = world.machines.iter().flat_map(|place| {
        let middle = middle.clone();
        let row = move |code: &str, valid: String, pri: i64| {
            let mut seconds = String::new();
            push_decimal(&mut seconds, pri, 4);
            format!("('{}', '{}', '{code}', {valid}, {seconds}, 0.02)", place.org, place.id)
        };
        (0..=PRODUCTS.len()).map(move |at| match at {
            0 => row(PRODUCTS[0], format!("tstzrange('2020-01-01Z', {middle})"), PRI[0]),
            3 => row(PRODUCTS[0], format!("tstzrange({middle}, null)"), PRI[0] * 9 / 10),
            at => row(PRODUCTS[at], "tstzrange('2020-01-01Z', null)".to_owned(), PRI[at]),
        })
    });
    insert(
        out,
        "production_standards \
         (org_id, equipment_id, product_code, valid, pri_s, planned_scrap_ratio)",
        rows,
    );
    let rows = each(&DOWN_REASONS[..3]).map(|(org, code)| {
        let failure = code.starts_with("BREAKDOWN");
        format!("('{org}', '{code}', '{code}', 'unplanned', 'ADOT', {failure})")
    });
    let planned = each(&PLANNED_REASONS)
        .map(|(org, code)| format!("('{org}', '{code}', '{code}', 'planned', 'PDT', false)"));
    insert(
        out,
        "stop_reasons (org_id, reason_code, text, level1, bucket, is_failure)",
        rows.chain(planned),
    );
    let rows = each(&["DIM-03", "SUR-01"])
        .map(|(org, code)| format!("('{org}', '{code}', 'Defect {code}', 3, 'scrap')"));
    insert(out, "defect_types (org_id, defect_code, name, severity, disposition)", rows);
    let lines = distinct(world, |place| (place.org.clone(), place.line.clone()));
    let rows = lines.iter().flat_map(|(org, line)| {
        (0..ORDERS).map(move |number| {
            let (name, product) = (order_name(line, number), PRODUCTS[product_of(number)]);
            format!("('{org}', '{name}', '{product}', '{line}', 2400, 'released')")
        })
    });
    insert(
        out,
        "production_orders (org_id, order_no, product_code, work_center_id, qty_planned, status)",
        rows,
    );
}

/// Days and shifts around the feed: three a day, by the clock of each site.
fn calendar(out: &mut String, options: &Options) {
    let day = |ms: i64| format!("({} at time zone 'UTC')::date", time(ms));
    let first = day(options.until_ms - options.span_ms - 2 * DAY_MS);
    let last = day(options.until_ms + 2 * DAY_MS);
    let _ = writeln!(
        out,
        "select count(make_days(org_id, site_id, {first}, {last})) from sites;\n\
         select count(make_shifts(org_id, work_center_id, {first}, {last}, \
         array['06:00', '14:00', '22:00']::time[], 1800)) from work_centers;"
    );
}

fn signals(out: &mut String, world: &World, options: &Options) {
    let rows = world.machines.iter().flat_map(|place| {
        PARAMETERS.iter().map(move |(name, unit, base)| {
            let Place { org, id, .. } = place;
            format!("('{org}', '{id}', '{name}', '{unit}', 0, {})", base * 10)
        })
    });
    insert(out, "signals (org_id, equipment_id, parameter, ucum_code, valid_min, valid_max)", rows);
    let since = time(options.until_ms - options.span_ms - DAY_MS);
    let rows = world.machines.iter().map(|place| {
        let Place { org, id, .. } = place;
        format!(
            "('{org}', '{id}', 'hole_d_mm', {since}, 'xbar_r', 5, 12, 11.983, 12.017, 0.0126, \
             12.05, 11.95, 'quality')"
        )
    });
    insert(
        out,
        "spc_charts (org_id, equipment_id, characteristic, frozen_at, chart, n, cl, lcl, ucl, \
         sigma, usl, lsl, frozen_by)",
        rows,
    );
}

/// Inserts, some rows at a time; rows that are there stay as they are.
fn insert(out: &mut String, into: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.collect();
    for chunk in rows.chunks(ROWS) {
        let _ = writeln!(
            out,
            "insert into {into} values\n{}\non conflict do nothing;",
            chunk.join(",\n")
        );
    }
}

/// A moment as a constant of SQL.
fn time(ms: i64) -> String {
    let mut text = String::from("timestamptz '");
    push_time(&mut text, ms);
    text.push('\'');
    text
}
