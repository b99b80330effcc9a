//! JSON events: alone or as the elements of an array, each one row or several legs.

use super::event::{Event, JsonEvent, Leg};
use super::paths::{Array, MAX_ELEMENTS, Paths, Span};
use super::scan::ScanError;
use super::{Carrier, Decoded, Decoder, Found, Reject, no_route, utf8};

/// What stands around an array of events is kept with each dead letter of them; so much of it may
/// be repeated. A text that would need more is refused as a whole.
const MAX_REPEATED_BYTES: usize = 64 << 20;

impl Decoder {
    /// Decodes a text that is one event, or that holds an array of them. An error is the refusal
    /// of the whole text.
    pub(super) fn decode_json(
        &mut self,
        text: &[u8],
        carrier: &Carrier,
        into: &mut Decoded,
    ) -> Result<(), Reject> {
        let text = utf8(text)?;
        let mut found = std::mem::take(&mut self.found);
        let done = match self.places.json.find(text, &mut found) {
            Ok(()) => self.decode_found(text, &found, carrier, into),
            Err(ScanError::Syntax(at)) => {
                let reason = format!("the event is not a JSON object (byte {at})");
                Err(Reject::new("bad_json", reason))
            }
            Err(ScanError::TooMany) => Err(too_many(self.each.as_deref().unwrap_or_default())),
        };
        self.found = found;
        done
    }

    fn decode_found(
        &mut self,
        text: &str,
        found: &Found,
        carrier: &Carrier,
        into: &mut Decoded,
    ) -> Result<(), Reject> {
        let whole: Span = (0, text.len() as u32);
        let mut event =
            JsonEvent { text, outer: found.outer(), event: whole, element: &[], leg: None };
        let Some(each) = self.each.clone() else {
            self.decode_event(event, carrier, into)
                .unwrap_or_else(|(route, reject)| into.refuse(carrier, route, reject));
            return Ok(());
        };
        let array = match found.array {
            Array::Missing => {
                let reason = format!("the array \"{each}\" is missing or null");
                return Err(Reject::new("missing_field", reason));
            }
            Array::Other => {
                let reason = format!("\"{each}\" is neither an array nor an object");
                return Err(Reject::new("wrong_type", reason));
            }
            Array::One => None,
            Array::Many(array) => Some(array),
        };
        let around = array.map_or(0, |(start, end)| text.len() - (end - start) as usize);
        if around.saturating_mul(found.elements.len()) > MAX_REPEATED_BYTES {
            return Err(too_many(&each));
        }
        let objects = self.places.json.wants_objects();
        for (i, span) in found.elements.iter().enumerate() {
            let mut of = carrier.clone();
            if let Some(array) = array {
                of.payload = carrier.payload.element(array, *span);
                of.raw_bytes = of.payload.len() as u64;
            }
            (event.event, event.element) = (*span, found.inner(i));
            let is_object = text.as_bytes().get(span.0 as usize) == Some(&b'{');
            let decoded = if objects && !is_object {
                Err((None, Reject::new("bad_json", "it is not a JSON object")))
            } else {
                self.decode_event(event, &of, into)
            };
            if let Err((route, mut reject)) = decoded {
                reject.reason = format!("element {} of \"{each}\": {}", i + 1, reject.reason);
                into.refuse(&of, route, reject);
            }
        }
        Ok(())
    }

    /// Adds the rows of one event, or says why it is refused, and which route it took.
    fn decode_event(
        &mut self,
        event: JsonEvent<'_>,
        carrier: &Carrier,
        into: &mut Decoded,
    ) -> Result<(), (Option<usize>, Reject)> {
        let first = into.rows.len();
        let mut next = self.route_of(&Event::Json(event), 0);
        if next.is_none() {
            return Err((None, no_route()));
        }
        while let Some(at) = next {
            if let Err(reject) = self.write_event(at, event, carrier, into) {
                self.buffer.clear();
                into.rows.truncate(first);
                return Err((Some(at), reject));
            }
            next = self.route_after(&Event::Json(event), at);
        }
        into.accept();
        Ok(())
    }

    fn write_event(
        &mut self,
        at: usize,
        event: JsonEvent<'_>,
        carrier: &Carrier,
        into: &mut Decoded,
    ) -> Result<(), Reject> {
        self.reserve();
        let route = &self.routes[at];
        route.check(&Event::Json(event))?;
        let Some(legs) = &route.legs else {
            let time_us = route.write(&Event::Json(event), &mut self.buffer)?;
            into.push(carrier, at, self.buffer.split().freeze(), time_us);
            return Ok(());
        };
        let name = &legs.name;
        let array = event.text_at(legs.place).ok_or_else(|| {
            let reason = format!("the array \"{name}\" is missing or null");
            Reject::new("missing_field", reason)
        })?;
        find_legs(&legs.paths, name, array, &mut self.found_legs)?;
        for i in 0..self.found_legs.elements.len() {
            let leg = Leg { array, spans: self.found_legs.inner(i), number: i + 1 };
            let event = Event::Json(JsonEvent { leg: Some(leg), ..event });
            let time_us = route.write(&event, &mut self.buffer).map_err(|reject| {
                let reason = format!("element {} of \"{name}\": {}", i + 1, reject.reason);
                Reject { reason, ..reject }
            })?;
            into.push(carrier, at, self.buffer.split().freeze(), time_us);
        }
        Ok(())
    }
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
    if paths.wants_objects() {
        let is_object = |span: &Span| array.as_bytes().get(span.0 as usize) == Some(&b'{');
        if let Some(i) = found.elements.iter().position(|span| !is_object(span)) {
            let reason = format!("element {} of \"{name}\" is not a JSON object", i + 1);
            return Err(Reject::new("wrong_type", reason));
        }
    }
    Ok(())
}

fn too_many(name: &str) -> Reject {
    let reason = format!(
        "the array \"{name}\" has more than {MAX_ELEMENTS} elements, or too much stands around them"
    );
    Reject::new("too_large", reason)
}
