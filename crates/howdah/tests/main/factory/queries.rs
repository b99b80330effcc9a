//! The ten questions of the brief: each runs, and reads no large table whole.

use super::plant::Factory;

/// File, values of `$1` and on, and an index that its plan must show.
const QUERIES: [(&str, &[&str], &str); 12] = [
    ("q01_wall_board", &["'lyon'"], "machine_now_pkey"),
    ("q02_oee_live", &["'eq-001'", "'20250330-1'"], "time_parts_"),
    ("q03_line_shifts", &["'lyon-l1'", "'2025-03-28'", "'2025-03-31'"], "time_parts_"),
    ("q04_days_and_worst", &["'2025-03-28'", "'2025-03-31'"], "time_parts_"),
    ("q05_pareto", &["'lyon-l1'", "'2025-03-28'", "'2025-03-31'"], "time_parts_"),
    ("q06_reliability", &[], "reliability_pkey"),
    (
        "q07a_trend_minutes",
        &["'eq-001'", "'vibration'", "'2025-03-29Z'", "'2025-03-31Z'"],
        "readings_1m_pkey",
    ),
    (
        "q07b_trend_hours",
        &["'eq-001'", "'vibration'", "'2025-03-29Z'", "'2025-03-31Z'"],
        "readings_1h_pkey",
    ),
    (
        "q07c_trend_raw",
        &["'eq-001'", "'vibration'", "'2025-03-29Z'", "'2025-03-31Z'"],
        "sensor_reading_",
    ),
    ("q08_scrap", &["'2025-03-28'", "'2025-03-31'"], "scrap_days"),
    ("q09_trace", &["'L-lyon-l1-20'"], "_lot_idx"),
    ("q10_spc", &["'eq-001'", "'hole_d_mm'"], "subgroups_pkey"),
];

/// Tables and chunks that grow with the events.
const LARGE: [&str; 8] = [
    "time_parts",
    "count_parts",
    "standard_parts",
    "readings_",
    "sensor_reading",
    "machine_state",
    "measurement",
    "subgroups",
];

/// Q1 to Q10 on a store that has the feed of the spring.
pub async fn questions(factory: &Factory) {
    // A small table is read whole by rights; what is asked is whether there is another way.
    factory.run("analyze; set enable_seqscan = off").await;
    let mut wrong = Vec::new();
    for (name, values, index) in QUERIES {
        let path =
            format!("{}/../../systems/factory/queries/{name}.sql", env!("CARGO_MANIFEST_DIR"));
        let mut sql = std::fs::read_to_string(path).unwrap();
        for (number, value) in values.iter().enumerate() {
            sql = sql.replace(&format!("${}", number + 1), value);
        }
        let sql = sql.trim().trim_end_matches(';');
        let rows = factory.connection.query(sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let plan = factory.connection.query(&format!("explain (costs off) {sql}"), &[]).await;
        let plan: Vec<String> = plan.unwrap().iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        let whole = LARGE.iter().any(|table| plan.contains(&format!("Seq Scan on {table}")));
        if rows.is_empty() || whole || !plan.contains(index) {
            wrong.push(format!("{name}: {} rows, {index}\n{plan}", rows.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    factory.run("reset enable_seqscan").await;
}
