//! JSON events: alone or as the elements of an array, each one row or several legs.

use super::event::{Event, JsonEvent, Leg};
use super::paths::{Array, MAX_ELEMENTS, Paths, Span};
use super::scan::ScanError;
use super::{Carrier, Decoded, Decoder, Found, Reject, share, utf8};

/// What stands around an array of events is kept with each dead letter of them; so much of it may
/// be repeated. A text that would need more is refused as a whole.
const MAX_REPEATED_BYTES: usize = 64 << 20;

impl Decoder {
    /// Decodes a text that is one event, or that holds an array of them; with the topic that it
    /// came under, if it did.
    pub(super) fn decode_json(
        &mut self,
        text: &[u8],
        topic: Option<&str>,
        carrier: Carrier,
        into: &mut Decoded,
    ) {
        let text = match utf8(text) {
            Ok(text) => text,
            Err(reject) => return into.refuse(carrier, None, reject),
        };
        let mut found = std::mem::take(&mut self.found);
        match self.places.json.find(text, &mut found) {
            Ok(()) if self.each.is_some() => {
                self.decode_each(whole_of(text, topic, &found), &found, carrier, into);
            }
            Ok(()) => {
                let event = whole_of(text, topic, &found);
                let route = self.route_of(&Event::Json(event), 0);
                self.decode_event(route, &Event::Json(event), carrier, into, |reason| reason);
            }
            Err(ScanError::Syntax(at)) => {
                let reason = format!("the event is not a JSON object (byte {at})");
                into.refuse(carrier, None, Reject::new("bad_json", reason));
            }
            Err(ScanError::TooMany) => {
                let each = self.each.as_deref().unwrap_or_default();
                into.refuse(carrier, None, too_many(each));
            }
        }
        self.found = found;
    }

    /// Decodes the elements of the array of events, each apart from the others.
    fn decode_each(
        &mut self,
        whole: JsonEvent<'_>,
        found: &Found,
        carrier: Carrier,
        into: &mut Decoded,
    ) {
        let text = whole.text;
        let each = self.each.clone().unwrap_or_default();
        let array = match array_of(text, found, &each) {
            Ok(array) => array,
            Err(reject) => return into.refuse(carrier, None, reject),
        };
        let objects = self.places.json.wants_objects();
        let mut route = if self.one_route { self.route_of(&Event::Json(whole), 0) } else { None };
        into.rows.reserve(found.elements.len());
        for (i, span) in found.elements.iter().enumerate() {
            let payload = match array {
                Some(array) => carrier.payload.element(array, *span),
                None => carrier.payload.clone(),
            };
            let of = Carrier { position: carrier.position.clone(), payload, cut: None };
            let event = JsonEvent { event: *span, element: found.inner(i), ..whole };
            let event = Event::Json(event);
            if !self.one_route {
                route = self.route_of(&event, 0);
            }
            let placed = |reason| format!("element {} of \"{each}\": {reason}", i + 1);
            if objects && !is_object(text, *span) {
                let reason = placed("it is not a JSON object".to_owned());
                into.refuse(of, route, Reject::new("bad_json", reason));
            } else {
                self.decode_event(route, &event, of, into, placed);
            }
        }
    }

    /// Adds one row for each leg, until one is refused.
    pub(super) fn write_legs(
        &mut self,
        at: usize,
        event: JsonEvent<'_>,
        carrier: &Carrier,
        into: &mut Decoded,
    ) -> Result<(), Reject> {
        let route = &self.routes[at];
        route.check(&Event::Json(event))?;
        let Some(legs) = &route.legs else { return Ok(()) };
        let name = &legs.name;
        let array = event.text_at(legs.place).ok_or_else(|| {
            let reason = format!("the array \"{name}\" is missing or null");
            Reject::new("missing_field", reason)
        })?;
        find_legs(&legs.paths, name, array, &mut self.found_legs)?;
        for i in 0..self.found_legs.elements.len() {
            let leg = Leg { array, spans: self.found_legs.inner(i), number: i + 1 };
            let event = Event::Json(JsonEvent { leg: Some(leg), ..event });
            let time_us = route.write(&event, &mut self.tuple).map_err(|reject| {
                let reason = format!("element {} of \"{name}\": {}", i + 1, reject.reason);
                Reject { reason, ..reject }
            })?;
            let (position, payload) = (carrier.position.clone(), carrier.payload.clone());
            let tuple = (share(&mut self.tuples, &self.tuple), time_us);
            into.push(Carrier { position, payload, cut: None }, at, tuple);
        }
        Ok(())
    }
}

/// A text as one event.
fn whole_of<'e>(text: &'e str, topic: Option<&'e str>, found: &'e Found) -> JsonEvent<'e> {
    let event = (0, text.len() as u32);
    JsonEvent { text, topic, outer: found.outer(), event, element: &[], leg: None }
}

/// Where the array of events stands; `None` for an object in its place. Refuses a text without it,
/// and one that would have to be repeated too often.
fn array_of(text: &str, found: &Found, each: &str) -> Result<Option<Span>, Reject> {
    match found.array {
        Array::Missing => {
            let reason = format!("the array \"{each}\" is missing or null");
            Err(Reject::new("missing_field", reason))
        }
        Array::Other => {
            let reason = format!("\"{each}\" is neither an array nor an object");
            Err(Reject::new("wrong_type", reason))
        }
        Array::One => Ok(None),
        Array::Many(array) => {
            let around = text.len() - (array.1 - array.0) as usize;
            if around.saturating_mul(found.elements.len()) > MAX_REPEATED_BYTES {
                return Err(too_many(each));
            }
            Ok(Some(array))
        }
    }
}

fn is_object(text: &str, span: Span) -> bool {
    text.as_bytes().get(span.0 as usize) == Some(&b'{')
}

/// Finds the legs in their array; there must be one at least.
fn find_legs(paths: &Paths, name: &str, array: &str, found: &mut Found) -> Result<(), Reject> {
    if !array.starts_with('[') {
        return Err(Reject::new("wrong_type", format!("\"{name}\" is not an array")));
    }
    match paths.find_elements(array, found) {
        Ok(()) => {}
        Err(ScanError::TooMany) => return Err(too_many(name)),
        Err(ScanError::Syntax(_)) => {
            return Err(Reject::new("bad_json", format!("\"{name}\" is not JSON")));
        }
    }
    if found.elements.is_empty() {
        let reason = format!("the array \"{name}\" has no element");
        return Err(Reject::new("missing_field", reason));
    }
    if paths.wants_objects()
        && let Some(i) = found.elements.iter().position(|span| !is_object(array, *span))
    {
        let reason = format!("element {} of \"{name}\" is not a JSON object", i + 1);
        return Err(Reject::new("wrong_type", reason));
    }
    Ok(())
}

fn too_many(name: &str) -> Reject {
    let reason = format!(
        "the array \"{name}\" has more than {MAX_ELEMENTS} elements, or too much stands around them"
    );
    Reject::new("too_large", reason)
}
