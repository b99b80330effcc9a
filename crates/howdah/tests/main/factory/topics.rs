//! The same system with a broker: its file says the same, and its figures are the same.

use howdah_feed::{entities_sql, events};
use howdah_testkit::{Cluster, Mosquitto};
use serde_json::Value;

use super::feed::{days, options, take};
use super::plant::{Factory, system_file, with_source};
use crate::rig::{Rig, copy_folder};

const FILE: &str = include_str!("../../../../../systems/factory/howdah.mqtt.toml");

/// The system file with MQTT in the place of Redis.
fn with_topics() -> String {
    let mqtt = "mqtt = { url = \"env:HOWDAH_MQTT_URL\", topics = [\"factory/+/+/+/+/+/+\"], \
                client_id = \"howdah-factory\" }";
    with_source(mqtt)
        .replace("org_id = \"org\"", "org_id = \"topic[1]\"")
        .replace("equipment_id = \"equipment\"", "equipment_id = \"topic[5]\"")
        .replace("equipment_id = \"target_key.equipment\"", "equipment_id = \"topic[5]\"")
        .replace("when = { stream = ", "when = { \"topic[6]\" = ")
}

#[test]
fn the_file_with_a_broker_says_the_same() {
    let body = |text: &str| text[text.find("[system]").unwrap()..].to_owned();
    let tail = |text: &str| {
        body(text).replace(
            "\n# An event says by its field \"stream\" what it \
        is; org and equipment are the names of gateways.\n",
            "\n",
        )
    };
    assert_eq!(tail(FILE), tail(&with_topics()));
}

#[tokio::test]
async fn r36_company_and_machine_are_what_the_topic_says() {
    let database = Cluster::shared().await.database().await;
    let broker = Mosquitto::start().await.unwrap();
    let rig = Rig::new(&database).with_variables([("HOWDAH_MQTT_URL".to_owned(), broker.url())]);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../systems/factory/migrations");
    copy_folder(&rig, std::path::Path::new(folder), "migrations/");
    rig.write("howdah.toml", system_file(FILE, database.name()));
    rig.fine(&["apply"]).await;
    let connection = rig.connect().await;
    let factory = Factory::of(rig, connection, database);
    let options = options("2025-06-18T00:00:00Z", 2, 2_500);
    factory.run(&entities_sql("factory", &options).unwrap()).await;
    // The session begins, and then the machines speak; one of them lies about who it is.
    factory.rig.fine(&["run", "--once"]).await;
    let lines: Vec<String> = events("factory", &options).unwrap().map(|event| event.json).collect();
    let mut messages = Vec::new();
    for line in &lines {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        let text = |field: &str| event[field].as_str().unwrap_or("none").to_owned();
        let topic = format!(
            "factory/{}/site/area/line/{}/{}",
            text("org"),
            text("equipment"),
            text("stream")
        );
        messages.push((topic, line.replace("\"org\":\"org-00\"", "\"org\":\"org-99\"")));
    }
    let half = messages.len() / 2;
    broker.publish(&messages[..half], false).await;
    factory.rig.fine(&["run", "--once"]).await;
    broker.publish(&messages[half..], false).await;
    factory.rig.fine(&["run", "--once"]).await;
    let (first, last) = days(&options);
    let mut plant = factory.entities("org-%", first, last).await;
    take(&mut plant, &lines, options.until_ms);
    factory.equals(&plant).await;
    factory.rig.fine(&["verify"]).await;
}
