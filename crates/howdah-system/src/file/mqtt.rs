//! `mqtt = { … }` of a source: the broker, the topics, the session.

use std::path::PathBuf;

use super::map::FromSection;
use super::reader::{At, Section};
use super::route::RouteSection;
use super::source::{OriginSection, SourceSection};
use super::{EVENT, MapSection, is_constant};
use crate::secret::SecretRef;
use crate::source::topic_level;
use crate::units::Complaint;

/// `mqtt` as written.
#[derive(Debug, Clone)]
pub(crate) struct MqttSection {
    pub(crate) url: SecretRef,
    /// At least one.
    pub(crate) topics: Vec<At<String>>,
    pub(crate) client_id: String,
    pub(crate) inflight: u16,
    pub(crate) authorities: Option<PathBuf>,
}

/// How many messages a broker may send ahead of their acknowledgement.
const INFLIGHT: u16 = 1_000;
/// Longest topic filter and client id (MQTT 5, 1.5.4).
const MOST_BYTES: usize = 65_535;

pub(super) fn read(mqtt: Section<'_>) -> Option<MqttSection> {
    if !mqtt.has("url") {
        mqtt.missing("url", "url = \"env:MQTT_URL\"");
    }
    let url = mqtt.parsed("url", SecretRef::parse);
    if !mqtt.has("topics") {
        mqtt.missing("topics", "topics = [\"factory/+/+/reading\"]");
    }
    let topics = mqtt.strings("topics").unwrap_or_default();
    let given = topics.len();
    let topics: Vec<At<String>> =
        topics.into_iter().filter(|topic| is_topic(&mqtt, topic)).collect();
    if given == 0 && mqtt.is_list("topics") {
        mqtt.report(mqtt.place_of("topics").problem("the source has no topic"));
    }
    if !mqtt.has("client_id") {
        mqtt.missing("client_id", "client_id = \"howdah-plant\"");
    }
    let client_id = mqtt.parsed("client_id", |text| {
        if text.is_empty() || text.len() > MOST_BYTES || text.contains(char::is_control) {
            return Err(Complaint::new(
                "this is no client id",
                "It names the session at the broker: one word, and no other client's.",
            ));
        }
        Ok(text.to_owned())
    });
    let inflight = mqtt.integer("inflight", 1, u64::from(u16::MAX));
    if inflight.is_none() && !mqtt.has("inflight") {
        mqtt.by_default("inflight", INFLIGHT.to_string());
    }
    if let Some(qos) = mqtt.integer("qos", 0, 2)
        && qos.value != 1
    {
        let problem = qos.problem("events are read with qos 1");
        mqtt.report(problem.hint(
            "Qos 0 loses events; qos 2 adds nothing to a stream with a key, which passes over \
             what comes twice. Leave the key out.",
        ));
    }
    let authorities = mqtt.string("ca").map(|path| PathBuf::from(path.value));
    mqtt.finish();
    let inflight = inflight.map_or(INFLIGHT, |inflight| inflight.value as u16);
    if topics.is_empty() {
        return None;
    }
    Some(MqttSection {
        url: url?.value,
        topics,
        client_id: client_id?.value,
        inflight,
        authorities,
    })
}

/// Two sources with one client id would take the session from each other.
pub(super) fn check_sessions(top: &Section<'_>, sources: &[SourceSection]) {
    let mut taken: Vec<(&SecretRef, &str)> = Vec::new();
    for source in sources {
        let Some(OriginSection::Mqtt(mqtt)) = &source.origin else { continue };
        let session = (&mqtt.url, mqtt.client_id.as_str());
        if taken.contains(&session) {
            let message = format!("client id \"{}\" is another source's too", mqtt.client_id);
            top.report(source.name.problem(message).hint("Give each source a client id."));
        }
        taken.push(session);
    }
}

/// Whether a text is a topic filter (MQTT 5, 4.7); else it is told.
fn is_topic(section: &Section<'_>, topic: &At<String>) -> bool {
    let text = topic.value.as_str();
    let levels: Vec<&str> = text.split('/').collect();
    let last = levels.len() - 1;
    let problem = if text.len() > MOST_BYTES || text.contains(char::is_control) {
        topic.problem("this is no topic")
    } else if levels[0] == "$share" {
        topic.problem("shared subscriptions are not read").hint(
            "The broker would give an event that waits for its commit to somebody else. Howdah \
             shares a source by leases: start a second process.",
        )
    } else if levels.iter().enumerate().any(|(at, l)| l.contains('#') && (*l != "#" || at != last))
    {
        topic.problem("\"#\" stands alone, as the last level")
    } else if levels.iter().any(|level| level.contains('+') && *level != "+") {
        topic.problem("\"+\" stands alone, for one level")
    } else {
        return true;
    };
    section.report(problem);
    false
}

/// Only levels are asked for that a topic of the source can have.
pub(super) fn check_levels(
    section: &Section<'_>,
    mqtt: &MqttSection,
    routes: &[RouteSection],
    common: &[MapSection],
) {
    let levels =
        |topic: &At<String>| (!topic.value.ends_with('#')).then(|| topic.value.split('/').count());
    let all: Option<Vec<usize>> = mqtt.topics.iter().map(levels).collect();
    // A topic that ends with "#" has as many levels as it likes.
    let Some(most) = all.and_then(|all| all.into_iter().max()) else { return };
    let tell = |at: &At<String>| {
        if let Some(level) = topic_level(&at.value).filter(|level| *level >= most) {
            let problem = at.problem(format!("no topic of the source has a level {level}"));
            section.report(problem.hint(format!("Levels count from 0; the last is {}.", most - 1)));
        }
    };
    for route in routes {
        route.when.iter().flatten().for_each(|condition| tell(&condition.field));
        route.expect.iter().for_each(|expect| tell(&expect.field));
    }
    for entry in routes.iter().flat_map(|route| &route.map).chain(common) {
        match &entry.from {
            FromSection::Field(field) => tell(field),
            FromSection::Keccak256(parts) => {
                parts.iter().filter(|p| !is_constant(&p.value) && p.value != EVENT).for_each(tell);
            }
            FromSection::Const(_) | FromSection::Index(_) | FromSection::Raw(_) => {}
        }
    }
}
