//! The beginning of every message, and what is cut off broken ones; fields as in the brief, §3.

use crate::Event;
use crate::expected::Broken;
use crate::factory::world::Place;
use crate::json::Object;

/// Messages are cut here when they are malformed: within the first field's value.
const CUT: usize = 14;
/// A message is somewhat shorter than this, so that its text is allocated once.
const BYTES: usize = 320;

/// The beginning of a message.
pub(super) fn begin(stream: &'static str, place: &Place, ms: i64, seq: u64) -> Object {
    begin_broken(stream, place, ms, seq, None)
}

pub(super) fn begin_broken(
    stream: &'static str,
    place: &Place,
    ms: i64,
    seq: u64,
    broken: Option<Broken>,
) -> Object {
    let mut json = Object::with_capacity(BYTES);
    json.text("stream", stream);
    let org = if broken == Some(Broken::UnknownTenant) { "nobody" } else { &place.org };
    json.text("org", org);
    if broken != Some(Broken::MissingKey) {
        json.text("equipment", &place.id);
    }
    if broken != Some(Broken::MissingTime) {
        json.time("ts", ms);
    }
    json.number("seq", seq);
    json
}

pub(super) fn end(stream: &'static str, json: Object) -> Event {
    Event::one(stream, json.finish())
}

pub(super) fn end_broken(stream: &'static str, json: Object, broken: Broken) -> Event {
    let mut text = json.finish();
    if broken == Broken::Malformed {
        text.truncate(CUT);
    }
    Event::one(stream, text)
}
