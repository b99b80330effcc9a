//! The header line of a CSV file.

use bytes::Bytes;

use super::event::Place;
use super::field::Field;
use super::route::Route;
use super::{Reject, utf8};
use crate::csv;

/// The names of the columns and where they stand in a record.
#[derive(Debug)]
pub(super) struct Header {
    /// The line with its end.
    pub(super) line: Bytes,
    /// How many fields a record has.
    pub(super) width: usize,
    /// For each slot, where it stands in a record.
    pub(super) places: Vec<Option<usize>>,
}

impl Header {
    /// Reads a header line without its end; `names` are the slots.
    pub(super) fn parse(line: &[u8], names: &[String], routes: &[Route]) -> Result<Self, Reject> {
        let bad = |reason: String| Reject::new("bad_csv", reason);
        let text = utf8(line)?;
        let text = text.strip_suffix('\r').unwrap_or(text);
        let found = csv::split(text).ok_or_else(|| bad("the header is not CSV".to_owned()))?;
        let found: Vec<String> = found.into_iter().map(|name| name.text.into_owned()).collect();
        for (i, name) in found.iter().enumerate() {
            if found[..i].contains(name) {
                return Err(bad(format!("the header names column \"{name}\" twice")));
            }
        }
        let place = |name: &String| found.iter().position(|known| known == name);
        let places: Vec<Option<usize>> = names.iter().map(place).collect();
        // With several routes a record may do without what another one needs.
        if let [route] = routes {
            for place in route.fields.iter().filter_map(Field::required_place) {
                if let Place::Outer(slot) = place
                    && places[slot].is_none()
                {
                    return Err(bad(format!("the header has no column \"{}\"", names[slot])));
                }
            }
        }
        let line = [line, b"\n"].concat().into();
        Ok(Self { line, width: found.len(), places })
    }
}
