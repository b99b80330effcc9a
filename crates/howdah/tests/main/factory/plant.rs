//! The system on a database of its own, fed from a file; what it says, beside what was computed.

use std::collections::BTreeMap;
use std::path::Path;

use howdah_pg::Connection;
use howdah_testkit::{Cluster, TestDatabase};
use jiff::civil::Date;
use serde_json::Value;

use super::reference::{Machine, Plant, Reason, Standard, Sums, three_shifts};
use crate::rig::{Ended, Rig, copy_folder};

/// A company with ten machines on a line in Lyon, a product of a minute, and reasons.
const COMPANY: &str = "
insert into orgs (org_id, name, default_tz) values ('ORG', 'Company', 'Europe/Paris');
insert into sites (org_id, site_id, name, tz) values ('ORG', 'lyon', 'Lyon', 'Europe/Paris');
insert into areas (org_id, site_id, area_id, name) values ('ORG', 'lyon', 'press', 'Press');
insert into work_centers (org_id, work_center_id, site_id, area_id, name)
    values ('ORG', 'ORG-l', 'lyon', 'press', 'Line 2');
insert into equipment (org_id, equipment_id, name, type, work_center_id)
    select 'ORG', 'ORG-' || n, 'Press', 'press', 'ORG-l' from generate_series(1, 10) n;
insert into products (org_id, product_code, name) values ('ORG', 'BRK', 'Bracket');
insert into production_standards
    (org_id, equipment_id, product_code, valid, pri_s, planned_scrap_ratio)
    select 'ORG', 'ORG-' || n, 'BRK', '[2020-01-01Z,)', 60, 0.02 from generate_series(1, 10) n;
insert into stop_reasons (org_id, reason_code, text, level1, bucket, is_failure) values
    ('ORG', 'BREAKDOWN', 'Breakdown', 'unplanned', 'ADOT', true),
    ('ORG', 'JAM', 'Jam', 'unplanned', 'ADOT', false),
    ('ORG', 'PM_WEEKLY', 'Weekly service', 'planned', 'PDT', false);
insert into defect_types (org_id, defect_code, name, severity, disposition)
    values ('ORG', 'DIM-03', 'Too wide', 3, 'scrap');
insert into production_orders
    (org_id, order_no, product_code, work_center_id, qty_planned, status)
    values ('ORG', 'WO-ORG', 'BRK', 'ORG-l', 400, 'released');
select make_days('ORG', 'lyon', '2025-06-01', '2025-06-30');
";

/// The system, applied.
pub struct Factory {
    pub rig: Rig,
    pub connection: Connection,
    _database: TestDatabase,
}

/// The text of the system file with these sources, for one database.
pub fn system_file(text: &str, database: &str) -> String {
    // Roles belong to the cluster; and the days of the tests are long ago: they are accepted, and
    // folded when a test says so, not when upkeep comes to it.
    let name = format!("name = \"factory_{database}\"");
    let text = text.replacen("name = \"factory\"", &name, 1).replace("45 days", "10 years");
    let rest = "[database]\nurl = \"env:HOWDAH_TEST_DATABASE\"\n[upkeep]\nenabled = false\n";
    format!("{text}\n{rest}")
}

/// The system file with what stands for its Redis.
pub fn with_source(source: &str) -> String {
    let text = include_str!("../../../../../systems/factory/howdah.toml");
    let (before, rest) = text.split_once("redis = { url").unwrap();
    let (_, after) = rest.split_once("] }\n").unwrap();
    format!("{before}{source}\n{after}")
}

impl Factory {
    /// Without any entity.
    pub async fn empty() -> Self {
        let database = Cluster::shared().await.database().await;
        let rig = Rig::new(&database);
        let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/factory");
        copy_folder(&rig, &system.join("migrations"), "migrations/");
        let text = with_source("file = \"plant.ndjson\"");
        rig.write("howdah.toml", system_file(&text, database.name()));
        rig.write("plant.ndjson", "");
        rig.fine(&["apply"]).await;
        let connection = rig.connect().await;
        Self { rig, connection, _database: database }
    }

    /// A system that was applied elsewhere.
    pub fn of(rig: Rig, connection: Connection, database: TestDatabase) -> Self {
        Self { rig, connection, _database: database }
    }

    /// A company more, with these shifts of its line: name, from, to.
    pub async fn acme(&mut self, org: &str, shifts: &[(&str, &str, &str)]) {
        self.run(&COMPANY.replace("ORG", org)).await;
        for (name, from, to) in shifts {
            let sql = format!(
                "insert into shift_instances \
                 (org_id, work_center_id, shift_id, shift_code, period) \
                 values ('{org}', '{org}-l', '{name}', 'S', '[{from},{to})')"
            );
            self.run(&sql).await;
        }
    }

    /// Runs statements as the owner.
    pub async fn run(&self, sql: &str) {
        let done = self.connection.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Stores events.
    pub async fn feed(&self, lines: &[String]) -> Ended {
        let mut text = lines.join("\n");
        text.push('\n');
        self.rig.append("plant.ndjson", text);
        self.rig.fine(&["run", "--once"]).await
    }

    /// The one row of a query, as a text; `-` for null.
    pub async fn row(&self, sql: &str) -> String {
        let rows = crate::rig::texts(&self.connection, sql).await;
        rows.join(" ").trim_matches(['(', ')']).to_owned()
    }

    /// The entities that a calculation needs of companies with such names, and three shifts a day
    /// between two days.
    pub async fn entities(&self, orgs: &str, first: Date, last: Date) -> Plant {
        let mut plant = Plant::default();
        plant.orgs = orgs.trim_end_matches('%').to_owned();
        let sql = "select e.org_id, e.equipment_id, e.work_center_id, s.tz from equipment e \
                   join work_centers w using (org_id, work_center_id) \
                   join sites s using (org_id, site_id) where e.org_id like $1";
        let mut lines: BTreeMap<(String, String), String> = BTreeMap::new();
        for row in self.connection.query(sql, &[&orgs]).await.unwrap() {
            let (org, id, line, zone): (String, String, String, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            lines.insert((org.clone(), line.clone()), zone);
            plant.lines.insert((org, id), line);
        }
        for ((org, line), zone) in lines {
            plant.shifts.extend(three_shifts(&org, &line, &zone, first, last));
        }
        let sql = "select reason_code, is_failure, bucket from stop_reasons where org_id like $1";
        for row in self.connection.query(sql, &[&orgs]).await.unwrap() {
            let (code, failure, bucket): (String, bool, String) =
                (row.get(0), row.get(1), row.get(2));
            let reason = match (failure, bucket.as_str()) {
                (true, _) => Reason::Failure,
                (false, "PDT") => Reason::Planned,
                (false, _) => Reason::Unplanned,
            };
            plant.reasons.insert(code, reason);
        }
        let sql = "select org_id, equipment_id, product_code, (pri_s * 10000)::bigint, \
                   (extract(epoch from lower(valid)) * 1000000)::bigint, \
                   (extract(epoch from upper(valid)) * 1000000)::bigint \
                   from production_standards where org_id like $1";
        for row in self.connection.query(sql, &[&orgs]).await.unwrap() {
            let key = ((row.get(0), row.get(1)), row.get(2));
            let to: Option<i64> = row.get(5);
            let standard =
                Standard { from: row.get(4), to: to.unwrap_or(i64::MAX), pri: row.get(3) };
            plant.standards.entry(key).or_default().push(standard);
        }
        plant
    }

    /// The sums and figures of a view, by machine and by shift or day; the figures are
    /// availability, effectiveness, quality and OEE.
    async fn sums(&self, orgs: &str, view: &str, key: &str) -> BTreeMap<(Machine, String), Found> {
        let us = |column: &str| format!("({column} * 1000000)::bigint");
        let columns = [
            us("pot"),
            us("pdt"),
            us("apt"),
            us("aust"),
            us("adet"),
            us("adot"),
            us("nst"),
            us("unk"),
            "failures::bigint".into(),
            us("failure_s"),
            "pq::bigint".into(),
            "gq::bigint".into(),
            "sq::bigint".into(),
            "rq::bigint".into(),
            "known_pq::bigint".into(),
            "(ideal_pq_s * 10000)::bigint".into(),
            "(ideal_gq_s * 10000)::bigint".into(),
            "(ideal_sq_s * 10000)::bigint".into(),
            "(ideal_rq_s * 10000)::bigint".into(),
        ];
        let sql = format!(
            "select org_id, equipment_id, {key}::text, availability::float8, \
             effectiveness::float8, quality_ratio::float8, oee::float8, {} from {view} \
             where org_id like $1",
            columns.join(", ")
        );
        let rows = self.connection.query(&sql, &[&format!("{orgs}%")]).await.unwrap();
        rows.iter()
            .map(|row| {
                let n = |at: usize| row.get::<_, i64>(7 + at);
                let sums = Sums {
                    pot: n(0),
                    pdt: n(1),
                    apt: n(2),
                    aust: n(3),
                    adet: n(4),
                    adot: n(5),
                    nst: n(6),
                    offline: 0,
                    failures: n(8),
                    failure_us: n(9),
                    parts: [n(10), n(11), n(12), n(13)],
                    known: n(14),
                    ideal: [n(15), n(16), n(17), n(18)],
                };
                let figures = std::array::from_fn(|at| row.get::<_, Option<f64>>(3 + at));
                let key = ((row.get(0), row.get(1)), row.get(2));
                (key, Found { sums, unknown: n(7), figures })
            })
            .collect()
    }

    /// Every shift and every day of every machine is as computed, to the microsecond and the part,
    /// and the parts of each order.
    pub async fn equals(&self, plant: &Plant) {
        self.compare(plant, "machine_shift_kpi", "shift_id", &plant.by_shift()).await;
        let orgs = format!("{}%", plant.orgs);
        self.compare(plant, "machine_day_kpi", "day", &plant.by_day()).await;
        let sql = "select org_id, order_no, pq::bigint, gq::bigint, sq::bigint, rq::bigint \
                   from order_progress where org_id like $1";
        let rows = self.connection.query(sql, &[&orgs]).await.unwrap();
        let found: BTreeMap<(String, String), [i64; 4]> = rows
            .iter()
            .map(|row| ((row.get(0), row.get(1)), std::array::from_fn(|at| row.get(2 + at))))
            .collect();
        assert_eq!(found, plant.orders());
        let sql = "select state::text, (sum(seconds_in) * 1000000)::bigint from reliability \
                   where org_id like $1 group by 1";
        let rows = self.connection.query(sql, &[&orgs]).await.unwrap();
        let found: BTreeMap<String, i64> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(found, plant.seconds_by_state());
        let sql = "select org_id, equipment_id, (operating_s * 1000000)::bigint, failures::bigint, \
                   (failure_s * 1000000)::bigint from machine_reliability where org_id like $1";
        let rows = self.connection.query(sql, &[&orgs]).await.unwrap();
        let found: BTreeMap<Machine, (i64, i64, i64)> = rows
            .iter()
            .map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3), row.get(4))))
            .collect();
        assert_eq!(found, plant.reliability());
    }

    async fn compare(
        &self,
        plant: &Plant,
        view: &str,
        key: &str,
        wanted: &BTreeMap<(Machine, String), Sums>,
    ) {
        let found = self.sums(&plant.orgs, view, key).await;
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "{view}: the shifts or days"
        );
        for (key, wanted) in wanted {
            let Found { sums, unknown, figures } = &found[key];
            let wanted = Sums { offline: 0, ..wanted.clone() };
            assert_eq!(*sums, wanted, "{view} {key:?}");
            assert_eq!(*unknown, wanted.unknown(), "{view} {key:?}: unknown");
            let computed =
                [wanted.availability(), wanted.effectiveness(), wanted.quality(), wanted.oee()];
            for (found, computed) in figures.iter().zip(computed) {
                let same = match (found, computed) {
                    (Some(found), Some(computed)) => (found - computed).abs() < 1e-9,
                    (None, None) => true,
                    _ => false,
                };
                assert!(same, "{view} {key:?}: {figures:?} {computed:?}");
            }
        }
    }
}

/// What a view says.
struct Found {
    sums: Sums,
    unknown: i64,
    figures: [Option<f64>; 4],
}

/// The company of a machine, which its name begins with.
fn org_of(machine: &str) -> &str {
    machine.split('-').next().unwrap()
}

/// A state of a machine.
pub fn state(machine: &str, ts: &str, seq: u64, state: &str, reason: &str) -> String {
    let org = org_of(machine);
    serde_json::json!({"stream": "machine_state", "org": org, "equipment": machine, "ts": ts,
        "seq": seq, "state": state, "reason_code": reason, "order_no": format!("WO-{org}"),
        "product_code": "BRK"})
    .to_string()
}

/// Counters of a machine: total, good, scrap, rework.
pub fn count(machine: &str, ts: &str, epoch: u64, values: [u64; 4]) -> String {
    let org = org_of(machine);
    let [total, good, scrap, rework] = values;
    serde_json::json!({"stream": "production_count", "org": org, "equipment": machine, "ts": ts,
        "counter_epoch": epoch, "total_cum": total, "good_cum": good, "scrap_cum": scrap,
        "rework_cum": rework, "order_no": format!("WO-{org}"), "product_code": "BRK"})
    .to_string()
}

/// The events of lines that are JSON.
pub fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
