//! The mapped paths of a JSON event, and where their values stand in its text.
//!
//! No tree of the event is built: the walk notes the offsets of mapped values and skips the rest,
//! so that a number keeps its exact text. When an object has a key twice the last one counts, as in
//! `jsonb`.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Where a value stands in the event's text: start and end, in bytes.
pub(crate) type Span = (usize, usize);

/// The mapped paths as a tree of keys.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    children: Vec<(String, Paths)>,
    /// The slots whose path ends here.
    slots: Vec<usize>,
    /// The slots whose path ends here or below.
    below: Vec<usize>,
}

impl Paths {
    /// Adds the path of a slot.
    pub(crate) fn add(&mut self, path: &[String], slot: usize) {
        self.below.push(slot);
        let Some((key, rest)) = path.split_first() else {
            self.slots.push(slot);
            return;
        };
        let at = self.children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            self.children.push((key.clone(), Self::default()));
            self.children.len() - 1
        });
        self.children[at].1.add(rest, slot);
    }

    /// Sets `spans[slot]` for every path that leads to a value other than null; the caller has set
    /// all to `None`. The error says at which byte the text is not a JSON object.
    pub(crate) fn find(&self, event: &str, spans: &mut [Option<Span>]) -> Result<(), usize> {
        let base = event.as_ptr().addr();
        let mut json = serde_json::Deserializer::from_str(event);
        (&mut json)
            .deserialize_map(Walk { node: self, spans, base })
            .and_then(|()| json.end())
            .map_err(|error| error.column())
    }
}

struct Walk<'n, 's> {
    node: &'n Paths,
    spans: &'s mut [Option<Span>],
    /// The address of the event's first byte.
    base: usize,
}

impl Walk<'_, '_> {
    fn note(&mut self, node: &Paths, raw: &RawValue) {
        let text = raw.get();
        if text == "null" {
            return;
        }
        let start = text.as_ptr().addr() - self.base;
        for slot in &node.slots {
            self.spans[*slot] = Some((start, start + text.len()));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(child) = map.next_key_seed(Key(self.node))? {
            let Some(child) = child else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            for slot in &child.below {
                self.spans[*slot] = None;
            }
            if child.slots.is_empty() {
                map.next_value_seed(Walk { node: child, spans: self.spans, base: self.base })?;
                continue;
            }
            let raw: &RawValue = map.next_value()?;
            self.note(child, raw);
            if !child.children.is_empty() {
                let nested = Walk { node: child, spans: self.spans, base: self.base };
                let mut json = serde_json::Deserializer::from_str(raw.get());
                nested.deserialize(&mut json).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }

    // A path that goes on through something that is no object leads nowhere: null.

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key and gives the paths below it, if any is mapped.
struct Key<'n>(&'n Paths);

impl<'de, 'n> DeserializeSeed<'de> for Key<'n> {
    type Value = Option<&'n Paths>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Key<'n> {
    type Value = Option<&'n Paths>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.children.iter().find(|(name, _)| name == key).map(|(_, child)| child))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(paths: &[&str], event: &'a str) -> Result<Vec<Option<&'a str>>, usize> {
        let mut tree = Paths::default();
        for (slot, path) in paths.iter().enumerate() {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            tree.add(&path, slot);
        }
        let mut spans = vec![None; paths.len()];
        tree.find(event, &mut spans)?;
        Ok(spans.into_iter().map(|span| span.map(|(start, end)| &event[start..end])).collect())
    }

    #[test]
    fn values_keep_their_exact_text() {
        let event = r#" {"p": 1.10e2 ,"d":{"x":"a\"b","y":[1, 2]},"q":true} "#;
        assert_eq!(
            find(&["p", "d.x", "d.y", "d", "q", "z", "d.z", "p.x"], event),
            Ok(vec![
                Some("1.10e2"),
                Some(r#""a\"b""#),
                Some("[1, 2]"),
                Some(r#"{"x":"a\"b","y":[1, 2]}"#),
                Some("true"),
                None,
                None,
                None,
            ])
        );
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(find(&["a"], r#"{"a":1,"a":2}"#), Ok(vec![Some("2")]));
        assert_eq!(find(&["a"], r#"{"a":1,"a":null}"#), Ok(vec![None]));
        assert_eq!(find(&["a.b"], r#"{"a":{"b":1},"a":{"c":2}}"#), Ok(vec![None]));
        assert_eq!(find(&["a"], "{\"\\u0061\":3}"), Ok(vec![Some("3")]));
    }

    #[test]
    fn paths_through_other_values_lead_nowhere() {
        for other in ["5", "1e400", "\"b\"", "[{\"b\":1}]", "true", "null", "-0.5"] {
            assert_eq!(find(&["a.b"], &format!("{{\"a\":{other}}}")), Ok(vec![None]), "{other}");
        }
    }

    #[test]
    fn what_is_no_object_is_an_error() {
        for event in ["", "5", "[]", "\"a\"", "{", "{\"a\":}", "{} {}", "{\"a\":01}", "null"] {
            assert!(find(&["a"], event).is_err(), "{event}");
        }
    }
}
