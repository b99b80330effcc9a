//! One event, or one leg of it, as the fields of a row ask for it.

use std::borrow::Cow;

use bytes::Bytes;

use super::fault::Fault;
use super::paths::{ABSENT, Span};
use super::value::Value;
use crate::csv::CsvField;

/// Where a field's value is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A path outside of the array of events, a CSV column, a Redis field: its slot.
    Outer(usize),
    /// A path within the element that is the event.
    Element(usize),
    /// A path within a leg.
    Leg(usize),
    /// A level of the topic, from 0.
    Topic(usize),
}

/// What a row is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event<'e> {
    /// JSON.
    Json(JsonEvent<'e>),
    /// The fields of a CSV record, and for each slot where it stands.
    Csv(&'e [CsvField<'e>], &'e [Option<usize>]),
    /// For each slot the field of a Redis entry.
    Entry(&'e [Option<&'e Bytes>]),
}

/// A JSON event and where its values are.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonEvent<'e> {
    /// The text that the event came in.
    pub(super) text: &'e str,
    /// The topic that it came under.
    pub(super) topic: Option<&'e str>,
    /// The spans outside of the array of events.
    pub(super) outer: &'e [Span],
    /// Where the event stands: the element, else the whole text.
    pub(super) event: Span,
    /// The spans within the element.
    pub(super) element: &'e [Span],
    /// The leg, when the event has legs.
    pub(super) leg: Option<Leg<'e>>,
}

/// A leg: the text of the array of legs, the spans within this one, its number from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg<'e> {
    pub(super) array: &'e str,
    pub(super) spans: &'e [Span],
    pub(super) number: usize,
}

/// The text of a span.
pub(super) fn text_of(text: &str, span: Span) -> Option<&str> {
    if span == ABSENT {
        return None;
    }
    text.get(span.0 as usize..span.1 as usize)
}

impl<'e> Event<'e> {
    /// The value at a place; `None` when it is missing or null. Where only texts can be empty, an
    /// empty one is null unless `textual`.
    pub(super) fn value(&self, place: Place, textual: bool) -> Result<Option<Value<'e>>, Fault> {
        let plain = |text: &'e str| Value::Plain(Cow::Borrowed(text));
        Ok(match (self, place) {
            // A level is no JSON: it stands there as it is. An empty one is none.
            (Self::Json(json), Place::Topic(level)) => {
                let found = json.topic.and_then(|topic| topic.split('/').nth(level));
                found.filter(|level| !level.is_empty()).map(plain)
            }
            (Self::Json(json), _) => json.text_at(place).map(Value::Json),
            (Self::Csv(fields, places), Place::Outer(slot)) => {
                let field = places[slot].map(|at| &fields[at]);
                let has_value =
                    |field: &&CsvField<'_>| !field.text.is_empty() || (field.quoted && textual);
                field.filter(has_value).map(|field| plain(field.text.as_ref()))
            }
            (Self::Entry(values), Place::Outer(slot)) => {
                match values[slot].filter(|value| !value.is_empty() || textual) {
                    None => None,
                    Some(bytes) => Some(plain(std::str::from_utf8(bytes).map_err(|error| {
                        let what = format!("is not UTF-8 (byte {})", error.valid_up_to());
                        Fault::new("bad_utf8", what)
                    })?)),
                }
            }
            // Only JSON has arrays; the decoder has seen to it.
            (
                Self::Csv(..) | Self::Entry(_),
                Place::Element(_) | Place::Leg(_) | Place::Topic(_),
            ) => None,
        })
    }

    /// The event's own JSON.
    pub(super) fn whole(&self) -> Option<Value<'e>> {
        self.whole_text().map(Value::Json)
    }

    /// The text of the event's own JSON.
    pub(super) fn whole_text(&self) -> Option<&'e str> {
        let Self::Json(json) = self else { return None };
        text_of(json.text, json.event)
    }

    /// The number of the leg, from 1.
    pub(super) fn leg_number(&self) -> Option<usize> {
        let Self::Json(json) = self else { return None };
        json.leg.map(|leg| leg.number)
    }
}

impl<'e> JsonEvent<'e> {
    /// The JSON text at a place.
    pub(super) fn text_at(&self, place: Place) -> Option<&'e str> {
        match place {
            Place::Outer(slot) => text_of(self.text, self.outer[slot]),
            Place::Element(slot) => text_of(self.text, self.element[slot]),
            Place::Leg(slot) => self.leg.and_then(|leg| text_of(leg.array, leg.spans[slot])),
            Place::Topic(_) => None,
        }
    }
}
