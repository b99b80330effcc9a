//! What comes of the migrations and the system file, and what the tables refuse.

use std::path::Path;

use super::plant::{Factory, count, state};
use crate::rig::{Rig, copy_folder, number, texts};

const SHIFT: (&str, &str, &str) = ("early", "2025-06-18T04:00:00Z", "2025-06-18T12:00:00Z");

#[tokio::test]
async fn r15_migrations_go_back_and_forth() {
    let database = howdah_testkit::Cluster::shared().await.database().await;
    let rig = Rig::new(&database);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/factory/migrations");
    copy_folder(&rig, &folder, "migrations/");
    rig.write(
        "howdah.toml",
        super::plant::system_file(
            &super::plant::with_source("file = \"plant.ndjson\""),
            database.name(),
        ),
    );
    rig.fine(&["migrate", "up"]).await;
    rig.fine(&["migrate", "down", "--to", "0"]).await;
    let left = "select count(*) from pg_class where relnamespace = 'public'::regnamespace \
                and relname not like '\\_%' and relkind in ('r', 'v')";
    assert_eq!(number(&rig.connect().await, left).await, 0);
    rig.fine(&["migrate", "up"]).await;
}

pub async fn r7_every_table_of_a_company_is_closed(factory: &Factory) {
    let open = "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid \
                where a.attname = 'org_id' and c.relnamespace = 'public'::regnamespace \
                and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)";
    assert_eq!(texts(&factory.connection, open).await, Vec::<String>::new());
    let definer = "select relname from pg_class where relkind = 'v' \
                   and relnamespace = 'public'::regnamespace \
                   and not coalesce(reloptions, '{}') && '{security_invoker=true}'";
    assert_eq!(texts(&factory.connection, definer).await, Vec::<String>::new());
}

pub async fn r6_r31_r32_what_the_tables_refuse_and_what_they_can_hold(factory: &mut Factory) {
    factory.acme("r6", &[SHIFT]).await;
    let refused = [
        // Two standards at once; a reason that is planned and unplanned; a level above its parent.
        "insert into production_standards (org_id, equipment_id, product_code, valid, pri_s) \
         values ('r6', 'r6-1', 'BRK', '[2024-01-01Z,2024-02-01Z)', 30)",
        "insert into stop_reasons (org_id, reason_code, text, level1, bucket) \
         values ('r6', 'X', 'x', 'planned', 'ADOT')",
        "insert into equipment (org_id, equipment_id, name, type, work_center_id, parent_id, \
         parent_level, taxonomy_level) values ('r6', 'sub', 's', 'press', 'r6-l', 'r6-1', 6, 5)",
        // Two shifts at once, a zone that there is not, a row that points at another company.
        "insert into shift_instances (org_id, work_center_id, shift_id, shift_code, period) \
         values ('r6', 'r6-l', 'x', 'S', '[2025-06-18T11:00Z,2025-06-18T13:00Z)')",
        "update sites set tz = 'Europe/Lyon', row_version = 1 where org_id = 'r6'",
        "insert into orgs (org_id, name, default_tz) values ('other', 'o', 'UTC'); \
         insert into production_orders (org_id, order_no, product_code, work_center_id, \
         qty_planned)          values ('other', 'WO-r6', 'BRK', 'r6-l', 1)",
        // An order that goes back, and a change of what was not read.
        "update production_orders set status = 'planned', row_version = 1 where org_id = 'r6'",
        "update products set name = 'x' where org_id = 'r6'",
    ];
    for sql in refused {
        let done = factory.connection.batch_execute(&format!("begin; {sql}")).await;
        assert!(done.is_err(), "{sql}");
        factory.run("rollback").await;
    }
    // A running machine and an order without an end are what they are: the last event, open.
    factory
        .feed(&[
            state("r6-1", "2025-06-18T05:00:00Z", 1, "DOWN", "BREAKDOWN"),
            count("r6-1", "2025-06-18T05:00:00Z", 1, [5, 5, 0, 0]),
        ])
        .await;
    let sql =
        "select state, since = '2025-06-18T05:00:00Z' from wall_board where equipment_id = 'r6-1'";
    assert_eq!(factory.row(sql).await, "DOWN,t");
    let sql = "select state, seconds > 3600 from machine_time_open where org_id = 'r6'";
    assert_eq!(factory.row(sql).await, "DOWN,t");
    // Unknown is null: no parts and no standard.
    let sql = "select effectiveness is null, quality_ratio is null, oee::int, unk::int \
               from machine_shift_kpi where equipment_id = 'r6-2'";
    assert_eq!(factory.row(sql).await, "t,t,0,28800");
}

pub async fn i14_i7_late_repeated_and_conflicting_events(factory: &mut Factory) {
    factory.acme("i14", &[SHIFT]).await;
    let late = state("i14-1", "2025-06-18T05:00:00Z", 1, "SETUP", "");
    let conflict = late.replace("SETUP", "BLOCKED");
    let reading = serde_json::json!({"stream": "sensor_reading", "org": "i14",
        "equipment": "i14-1", "ts": "2025-06-18T05:00:00Z", "parameter": "probe", "value": 1.5})
    .to_string();
    let early = "2025-06-18T04:30:00Z";
    let counted = count("i14-1", early, 1, [5, 5, 0, 0]);
    factory.feed(&[state("i14-1", "2025-06-18T06:00:00Z", 2, "PRODUCING", "")]).await;
    factory.feed(&[late.clone(), late, conflict, reading, counted]).await;
    let sql = "select state, since = '2025-06-18T06:00:00Z', events from machine_now \
               where org_id = 'i14'";
    assert_eq!(factory.row(sql).await, "PRODUCING,t,2");
    let sql = "select code, count(*) from howdah.dead_letters group by 1";
    assert_eq!(factory.row(sql).await, "conflicting_content,1");
    let sql = "select parameter, readings from pending_signals";
    assert_eq!(factory.row(sql).await, "probe,1");
    assert_eq!(factory.row("select count(*) from orphan_readings").await, "0");
    let sql =
        "select (sum(seconds_in))::int from reliability where state = 'SETUP' and org_id = 'i14'";
    assert_eq!(factory.row(sql).await, "3600");
}
