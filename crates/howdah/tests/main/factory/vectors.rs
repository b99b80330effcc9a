//! The test vectors V1 to V5 of the brief, with their exact figures, and the figures that the
//! design before it gives for the same rows. Each vector has a company of its own.

use super::plant::{Factory, count, state};
use super::{install, recorded};

/// A shift of 480 minutes with a break of 30 and a breakdown of 60; 350 made, 330 good.
fn v1() -> Vec<String> {
    vec![
        state("v1-1", "2025-06-18T04:00:00Z", 1, "PRODUCING", ""),
        state("v1-1", "2025-06-18T06:00:00Z", 2, "BREAK", ""),
        state("v1-1", "2025-06-18T06:30:00Z", 3, "PRODUCING", ""),
        state("v1-1", "2025-06-18T08:00:00Z", 4, "DOWN", "BREAKDOWN"),
        state("v1-1", "2025-06-18T09:00:00Z", 5, "PRODUCING", ""),
        state("v1-1", "2025-06-18T12:00:00Z", 6, "OFFLINE", ""),
        count("v1-1", "2025-06-18T04:00:00Z", 7, [1_000, 990, 10, 0]),
        count("v1-1", "2025-06-18T09:30:00Z", 7, [1_200, 1_175, 25, 0]),
        count("v1-1", "2025-06-18T11:59:00Z", 7, [1_350, 1_320, 30, 0]),
    ]
}

/// The same of another company.
fn of(lines: Vec<String>, org: &str) -> Vec<String> {
    let lines = lines.into_iter();
    lines
        .map(|line| {
            line.replace("\"v1", &format!("\"{org}")).replace("WO-v1", &format!("WO-{org}"))
        })
        .collect()
}

const V1_SHIFT: (&str, &str, &str) = ("early", "2025-06-18T04:00:00Z", "2025-06-18T12:00:00Z");

#[tokio::test]
async fn v1_to_v5_are_exact_and_tables_refuse_what_cannot_be() {
    let mut factory = Factory::empty().await;
    v1_one_shift_and_its_day(&mut factory).await;
    v2_a_day_is_of_sums_and_no_mean_of_ratios(&mut factory).await;
    v3_nothing_is_multiplied_by_its_stops(&mut factory).await;
    v5_a_corrected_reason_moves_every_figure_together(&mut factory).await;
    install::r6_r31_r32_what_the_tables_refuse_and_what_they_can_hold(&mut factory).await;
    install::i14_i7_late_repeated_and_conflicting_events(&mut factory).await;
    install::r7_every_table_of_a_company_is_closed(&factory).await;
    recorded::three_real_machines_are_as_computed(&mut factory).await;
    factory.rig.fine(&["verify"]).await;
    let again = factory.rig.howdah(&["plan"]).await;
    assert_eq!(again.code, Some(0), "{}", again.stdout);
    v4_ten_writers_at_once_lose_no_update(&mut factory).await;
}

async fn v1_one_shift_and_its_day(factory: &mut Factory) {
    factory.acme("v1", &[V1_SHIFT]).await;
    factory.feed(&v1()).await;
    let sql = "select pot::int, pbt::int, apt::int, adot::int, pdt::int, unk::int, failures::int, \
               pq::int, gq::int, sq::int, round(availability, 4), round(effectiveness, 4), \
               round(quality_ratio, 4), round(oee, 4), round(availability * effectiveness * \
               quality_ratio, 4) from machine_shift_kpi where equipment_id = 'v1-1'";
    assert_eq!(
        factory.row(sql).await,
        "28800,27000,23400,3600,1800,0,1,350,330,20,0.8667,0.8974,0.9429,0.7333,0.7333"
    );
    let sql = "select round(teep, 4), round(nee, 4), round(oee, 4) from machine_day_kpi \
               where equipment_id = 'v1-1'";
    assert_eq!(factory.row(sql).await, "0.2292,0.7333,0.7333");
    // The six losses, and what was good, are the busy time.
    let sql = "select loss_breakdown::int, loss_setup::int, loss_minor_stops::int, \
               loss_speed::int, loss_defects::int, loss_rework::int, \
               (loss_breakdown + loss_setup + loss_minor_stops + loss_speed + loss_defects + \
               loss_rework + ideal_gq_s = \
               pbt - unk - nst) from machine_shift_kpi where equipment_id = 'v1-1'";
    assert_eq!(factory.row(sql).await, "3600,0,0,2400,1200,0,t");
    // Without a failure there is no mean time between failures, and the time is censored.
    let sql = "select mtbf_s::int, censored_s::int, mdt_s::int from machine_reliability \
               where equipment_id in ('v1-1', 'v1-2') order by equipment_id";
    assert_eq!(factory.row(sql).await, "23400,,3600) (,0,");
}

async fn v2_a_day_is_of_sums_and_no_mean_of_ratios(factory: &mut Factory) {
    let late = ("late", "2025-06-18T12:00:00Z", "2025-06-18T13:40:00Z");
    factory.acme("v2", &[V1_SHIFT, late]).await;
    let mut lines = of(v1(), "v2");
    lines[5] = state("v2-1", "2025-06-18T13:40:00Z", 6, "OFFLINE", "");
    lines.push(count("v2-1", "2025-06-18T13:00:00Z", 7, [1_380, 1_340, 40, 0]));
    factory.feed(&lines).await;
    let sql = "select shift_id, (pbt / 60)::int, (ideal_gq_s / 60)::int from machine_shift_kpi \
               where equipment_id = 'v2-1' order by 1";
    assert_eq!(factory.row(sql).await, "early,450,330) (late,100,20");
    let sql = "select round(oee, 4) from machine_day_kpi where equipment_id = 'v2-1'";
    assert_eq!(factory.row(sql).await, "0.6364");
    let wrong = "select round(avg(oee), 4) from machine_shift_kpi where equipment_id = 'v2-1'";
    assert_eq!(factory.row(wrong).await, "0.4667");
}

/// Two runs of 27,000 s: one with three stops of 1,200 s, one without.
fn v3() -> Vec<String> {
    let mut lines = vec![
        state("v3-1", "2025-06-18T00:00:00Z", 1, "PRODUCING", ""),
        state("v3-1", "2025-06-18T15:00:00Z", 9, "OFFLINE", ""),
        count("v3-1", "2025-06-18T00:00:00Z", 1, [0, 0, 0, 0]),
        count("v3-1", "2025-06-18T07:00:00Z", 1, [350, 330, 20, 0]),
        count("v3-1", "2025-06-18T14:00:00Z", 1, [450, 380, 70, 0]),
    ];
    for (n, hour) in [2, 4, 6].into_iter().enumerate() {
        let seq = 2 + 2 * n as u64;
        lines.push(state("v3-1", &format!("2025-06-18T0{hour}:00:00Z"), seq, "DOWN", "BREAKDOWN"));
        lines.push(state("v3-1", &format!("2025-06-18T0{hour}:20:00Z"), seq + 1, "PRODUCING", ""));
    }
    for (n, qty) in [5, 5, 10].into_iter().enumerate() {
        lines.push(
            serde_json::json!({"stream": "scrap_event", "org": "v3", "equipment": "v3-1",
                "ts": format!("2025-06-18T03:0{n}:00Z"), "product_code": "BRK",
                "event_id": format!("0197a200-0000-4000-8000-00000000000{n}"),
                "defect_code": "DIM-03", "qty": qty, "unit_cost": 2.5, "disposition": "scrap"})
            .to_string(),
        );
    }
    lines
}

async fn v3_nothing_is_multiplied_by_its_stops(factory: &mut Factory) {
    factory
        .acme(
            "v3",
            &[
                ("one", "2025-06-18T00:00:00Z", "2025-06-18T07:30:00Z"),
                ("two", "2025-06-18T07:30:00Z", "2025-06-18T15:00:00Z"),
            ],
        )
        .await;
    factory.feed(&v3()).await;
    let sql = "select apt::int, pq::int, gq::int, failures::int from machine_shift_kpi \
               where equipment_id = 'v3-1' order by shift_id";
    assert_eq!(factory.row(sql).await, "23400,350,330,3) (27000,100,50,0");
    let sql = "select round(availability, 4), round(effectiveness, 4), round(quality_ratio, 4), \
               round(oee, 4) from machine_day_kpi where equipment_id = 'v3-1'";
    assert_eq!(factory.row(sql).await, "0.9333,0.5357,0.8444,0.4222");
    let sql = "select round(k.scrap_ratio, 4), round(d.qty / k.pq, 4) from machine_shift_kpi k, \
               (select sum(qty) as qty from scrap_days where equipment_id = 'v3-1') d \
               where k.equipment_id = 'v3-1' and k.shift_id = 'one'";
    assert_eq!(factory.row(sql).await, "0.0571,0.0571");
    // The design before, on the same rows.
    for file in ["0001_dimensions", "0002_facts", "0003_views"] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/factory/before/migrations");
        let text = std::fs::read_to_string(format!("{path}/{file}.sql")).unwrap();
        factory.run(&text).await;
    }
    factory.run(BEFORE).await;
    let sql = "select round(availability, 4), round(performance, 4), round(quality, 4), \
               round(oee, 4) from view_oee_daily where equipment_id = 1";
    assert_eq!(factory.row(sql).await, "0.9630,0.7099,0.9043,0.6182");
    let sql = "select round(scrap_ratio, 4) from view_scrap_ratio";
    assert_eq!(factory.row(sql).await, "0.0190");
    let sql = "select round(oee, 3) from view_oee_shift where equipment_id = 2";
    assert_eq!(factory.row(sql).await, "0.636");
    let sql = "select mtbf_h::int from view_mtbf where equipment_id = 2";
    assert_eq!(factory.row(sql).await, "0");
    factory.run("reset search_path").await;
}

const BEFORE: &str = "
insert into dim_site (code, name) values ('S', 'S');
insert into dim_area (code, site_id) values ('A', 1);
insert into dim_work_center (code, area_id) values ('W', 1);
insert into dim_equipment (code, name, work_center_id) values ('E1', 'E', 1), ('E2', 'E', 1);
insert into dim_product (code) values ('P');
insert into fact_production (equipment_id, product_id, start_time, end_time, planned_time,
    operating_time, ideal_cycle_time_s, total_parts_produced, good_parts, scrap_parts) values
    (1, 1, '2025-06-18 00:00Z', '2025-06-18 07:30Z', 27000, 23400, 60, 350, 330, 20),
    (1, 1, '2025-06-18 07:30Z', '2025-06-18 15:00Z', 27000, 27000, 60, 100, 50, 50),
    (2, 1, '2025-06-18 04:00Z', '2025-06-18 12:00Z', 27000, 23400, 60, 350, 330, 20);
insert into fact_machine_downtime (production_id, equipment_id, start_time, end_time, duration_s)
    select 1, 1, t, t + interval '20 minutes', 1200
    from generate_series('2025-06-18 02:00Z', '2025-06-18 06:00Z'::timestamptz, '2 hours') t;
insert into fact_scrap (production_id, qty) values (1, 5), (1, 5), (1, 10);
refresh materialized view view_oee_daily;
";

async fn v4_ten_writers_at_once_lose_no_update(factory: &mut Factory) {
    factory.acme("v4", &[V1_SHIFT]).await;
    let text = std::fs::read_to_string(factory.rig.path("howdah.toml")).unwrap();
    let (before, rest) = text.split_once("[sources.plant]").unwrap();
    let (source, after) = rest.split_once("# --- From event to event").unwrap();
    // Ten sources of one system: each is read and committed by a writer of its own.
    let sources: String = (1..=10)
        .map(|n| {
            let one = format!("[sources.plant{n}]{source}");
            one.replace("sources.plant.", &format!("sources.plant{n}."))
                .replace("plant.ndjson", &format!("plant{n}.ndjson"))
        })
        .collect();
    factory.rig.write("howdah.toml", format!("{before}{sources}# --- From event to event{after}"));
    for n in 1..=10 {
        let machine = format!("v4-{n}");
        let lines = [
            count(&machine, "2025-06-18T05:00:00Z", 1, [100, 100, 0, 0]),
            count(&machine, "2025-06-18T06:00:00Z", 1, [110, 108, 2, 0]),
        ];
        factory.rig.write(&format!("plant{n}.ndjson"), lines.join("\n"));
    }
    factory.rig.fine(&["run", "--once"]).await;
    let sql = "select pq::int, gq::int, sq::int from order_progress where order_no = 'WO-v4'";
    assert_eq!(factory.row(sql).await, "100,80,20");
    let sql = "select (select sum(pq) from order_machines where order_no = 'WO-v4') = \
               (select pq from order_progress where order_no = 'WO-v4'), \
               pq::int, round(done, 3) from order_board where order_no = 'WO-v4'";
    assert_eq!(factory.row(sql).await, "t,100,0.200", "I13");
}

async fn v5_a_corrected_reason_moves_every_figure_together(factory: &mut Factory) {
    factory.acme("v5", &[V1_SHIFT]).await;
    let mut lines = of(v1(), "v5");
    lines.push(state("v5-1", "2025-06-18T10:00:00Z", 7, "DOWN", "BREAKDOWN"));
    lines.push(state("v5-1", "2025-06-18T10:25:00Z", 8, "PRODUCING", ""));
    factory.feed(&lines).await;
    let figures = "select adot::int, pdt::int, pbt::int, failures::int, round(oee, 6)";
    let views = [
        ("machine_shift_kpi", "where equipment_id = 'v5-1'"),
        ("machine_day_kpi", "where equipment_id = 'v5-1'"),
    ];
    for (view, which) in views {
        let sql = format!("{figures} from {view} {which}");
        assert_eq!(factory.row(&sql).await, "5100,1800,27000,2,0.733333", "{view}");
    }
    let line = "select adot::int, pdt::int, pbt::int, failures::int from line_shift_kpi \
                where org_id = 'v5'";
    assert_eq!(factory.row(line).await, "5100,1800,286200,2");
    let correction = serde_json::json!({"stream": "correction", "org": "v5",
        "ts": "2025-06-18T14:05:00Z", "seq": 100,
        "correction_id": "0197b000-0000-4000-8000-000000000001", "target_stream": "machine_state",
        "target_key": {"equipment": "v5-1", "ts": "2025-06-18T10:00:00Z", "seq": 7},
        "action": "replace", "reason": "PM booked as breakdown", "author": "p-0a42",
        "replacement": {"state": "PLANNED_STOP", "reason_code": "PM_WEEKLY", "order_no": "WO-v5",
            "product_code": "BRK"}})
    .to_string();
    factory.feed(&[correction.clone(), correction]).await;
    for (view, which) in views {
        let sql = format!("{figures} from {view} {which}");
        assert_eq!(factory.row(&sql).await, "3600,3300,25500,1,0.776471", "{view}");
    }
    assert_eq!(factory.row(line).await, "3600,3300,284700,1");
    let sql = "select count(*), min(author) from correction where org_id = 'v5'";
    assert_eq!(factory.row(sql).await, "1,p-0a42");
    let sql = "select cause, count(*) from machine_state_retracted where org_id = 'v5' \
               group by 1 order by 1";
    assert_eq!(factory.row(sql).await, "reversal,1) (reversed,1");
}
