//! The reviewed design builds on a stock PostgreSQL, and has the faults that the brief tells of,
//! also those that its review took for strengths.

use std::path::Path;

use howdah_testkit::Cluster;

fn read(path: &str) -> String {
    let before = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/fleet/before");
    std::fs::read_to_string(before.join(path)).unwrap()
}

#[tokio::test]
async fn the_reviewed_design_loses_samples_doubles_flights_and_hides_errors() {
    let db = Cluster::shared().await.database().await;
    let client = db.connect().await;
    for file in ["0001_core", "0002_analytics", "0003_security"] {
        client.batch_execute(&read(&format!("migrations/{file}.sql"))).await.unwrap();
    }
    let id = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let (a, b) = (id(1), id(2));
    client
        .batch_execute(&format!(
            "insert into dbx_aviation.organizations (org_id, org_code, name) \
             values ('{a}', 'a', 'A'), ('{b}', 'b', 'B'); \
             insert into dbx_aviation.aircraft_registry (aircraft_id, org_id, registration, \
             aircraft_type) values ('{b}', '{b}', 'B-1', 'multirotor'); \
             insert into dbx_aviation.flight_sessions (session_id, org_id, aircraft_id, \
             departure_time, flight_duration) values ('{0}', '{a}', '{b}', '2020-01-01', '100 h'); \
             insert into dbx_aviation.flight_telemetry (session_id, \"timestamp\", altitude_m) \
             values ('{0}', '2020-01-01', 50), ('{0}', '2020-01-01 00:00:01', 51); \
             insert into dbx_analytics.ml_analysis_results (org_id, session_id, risk_score, \
             risk_level, anomaly_detected) select '{a}', '{0}', 0.95, 'CRITICAL', true \
             from generate_series(1, 3)",
            id(3)
        ))
        .await
        .unwrap();
    let one = async |sql: &str| -> String {
        client.query_one(sql, &[]).await.unwrap().get::<_, Option<String>>(0).unwrap_or_default()
    };
    // R31: a session of A flies an aircraft of B, and nothing minds.
    assert_eq!(one("select count(*)::text from dbx_aviation.flight_sessions").await, "1");
    // R4: the sample of an accident is refused.
    let high = format!(
        "insert into dbx_aviation.flight_telemetry (session_id, \"timestamp\", altitude_m) \
         values ('{}', '2020-01-02', 25000)",
        id(3)
    );
    assert!(client.batch_execute(&high).await.is_err());
    // R22, R44: three analyses of one flight of 100 h; and no risk is high, since words differ.
    client.batch_execute("refresh materialized view dbx_analytics.fleet_summary").await.unwrap();
    let summary = "select flights || ' ' || flight_hours::integer || ' ' || high_risk_flights \
                   from dbx_analytics.fleet_summary";
    assert_eq!(one(summary).await, "3 300 0");
    // R7, R21: the function fails on an ambiguous name and answers that there is nothing.
    let profile =
        format!("select count(*)::text from dbx_analytics.calculate_fleet_risk_profile('{a}')");
    assert_eq!(one(&profile).await, "0");
    // R11, R24: archived and gone, samples and all.
    let archive = "select dbx_archive.archive_old_sessions('2021-01-01')::text";
    assert_eq!(one(archive).await, "1");
    let left = "select (select count(*) from dbx_aviation.flight_telemetry) || ' ' || \
                (select count(*) from dbx_archive.flight_telemetry_archive)";
    assert_eq!(one(left).await, "0 0");
}
