//! The mapped paths of JSON events, and where their values stand in the text.
//!
//! No tree of the event is built: one walk notes the spans of mapped values, those of the elements
//! of one array too, and skips the rest, so that a number keeps its exact text. When an object has
//! a key twice the last one counts, as in `jsonb`.

use super::scan::{ScanError, Scanner};

/// Where a value stands in the event's text: start and end, in bytes. [`ABSENT`] when it is
/// missing or null.
pub(super) type Span = (u32, u32);
pub(super) const ABSENT: Span = (0, 0);

/// More elements of one array are not read: the spans of each take memory of their own.
pub(super) const MAX_ELEMENTS: usize = 100_000;

/// The mapped paths as a tree of keys, and those within the elements of one array as another.
#[derive(Debug, Default)]
pub(super) struct Paths {
    root: Node,
    /// Distinct paths outside of the array.
    outer: Vec<Vec<String>>,
    /// Distinct paths within an element.
    inner: Vec<Vec<String>>,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(String, Node)>,
    /// The slot whose path ends here.
    slot: Option<usize>,
    /// The slots whose path ends here or below.
    below: Vec<usize>,
    /// What is wanted of each element, when the array stands here.
    elements: Option<Box<Node>>,
    /// The array stands here or below.
    leads_to_array: bool,
}

impl Node {
    fn add(&mut self, path: &[String], slot: usize) {
        self.below.push(slot);
        match path.split_first() {
            None => self.slot = Some(slot),
            Some((key, rest)) => self.child(key).add(rest, slot),
        }
    }

    fn child(&mut self, key: &str) -> &mut Self {
        let at = self.children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
            self.children.push((key.to_owned(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }

    /// The child of a key as it stands between its quotes, and its place; the search begins at
    /// `from`, as keys mostly come in the same order.
    fn child_of(
        &self,
        (key, escaped): (&str, bool),
        from: usize,
    ) -> serde_json::Result<Option<(usize, &Self)>> {
        let unescaped: String;
        let mut key = key;
        if escaped {
            unescaped = serde_json::from_str(&format!("\"{key}\""))?;
            key = &unescaped;
        }
        for at in (from..self.children.len()).chain(0..from.min(self.children.len())) {
            let (name, child) = &self.children[at];
            if name == key {
                return Ok(Some((at, child)));
            }
        }
        Ok(None)
    }

    /// Sorts keys by name, the order in which many write them.
    fn sort(&mut self) {
        self.children.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.children.iter_mut().for_each(|(_, child)| child.sort());
        self.elements.iter_mut().for_each(|elements| elements.sort());
    }
}

impl Paths {
    /// The slot of a path outside of the array; equal paths share one.
    pub(super) fn outer_slot(&mut self, path: &[String]) -> usize {
        let (slot, new) = intern(&mut self.outer, path);
        if new {
            self.root.add(path, slot);
        }
        slot
    }

    /// The slot of a path within the elements of the array; the empty one is the element itself.
    pub(super) fn inner_slot(&mut self, array: &[String], path: &[String]) -> usize {
        let (slot, new) = intern(&mut self.inner, path);
        let elements = self.elements_of(array);
        if new {
            elements.add(path, slot);
        }
        slot
    }

    /// Says where the array is; it is always the same one.
    pub(super) fn declare_array(&mut self, array: &[String]) {
        self.elements_of(array);
    }

    fn elements_of(&mut self, array: &[String]) -> &mut Node {
        let mut node = &mut self.root;
        node.leads_to_array = true;
        for key in array {
            node = node.child(key);
            node.leads_to_array = true;
        }
        node.elements.get_or_insert_default()
    }

    /// Makes the search for keys quick, once all paths are there.
    pub(super) fn sort(&mut self) {
        self.root.sort();
    }

    /// Whether elements have to be objects: no path is that of an element itself.
    pub(super) fn wants_objects(&self) -> bool {
        !self.inner.iter().any(Vec::is_empty)
    }

    /// Finds what is mapped in an event: an object.
    pub(super) fn find(&self, event: &str, found: &mut Found) -> Result<(), ScanError> {
        self.walk(event, found, |walk| {
            if walk.scanner.peek() != b'{' {
                return Err(walk.scanner.error());
            }
            walk.object(&self.root, 0)
        })
    }

    /// Finds what is mapped in the elements of an array that is the whole text.
    pub(super) fn find_elements(&self, array: &str, found: &mut Found) -> Result<(), ScanError> {
        self.walk(array, found, |walk| walk.value(&self.root, 0))
    }

    fn walk<'t>(
        &self,
        text: &'t str,
        found: &mut Found,
        whole: impl FnOnce(&mut Walk<'t, '_>) -> Result<(), ScanError>,
    ) -> Result<(), ScanError> {
        found.spans.clear();
        found.spans.resize(self.outer.len(), ABSENT);
        found.elements.clear();
        found.array = Array::Missing;
        (found.outer, found.inner) = (self.outer.len(), self.inner.len());
        let scanner = Scanner::new(text, &mut found.open);
        let mut walk = Walk {
            scanner,
            spans: &mut found.spans,
            elements: &mut found.elements,
            array: &mut found.array,
            outer: self.outer.len(),
            inner: self.inner.len(),
        };
        walk.scanner.skip_space();
        whole(&mut walk)?;
        walk.scanner.end()
    }
}

/// The place of `path` among `known`, and whether it is new.
fn intern(known: &mut Vec<Vec<String>>, path: &[String]) -> (usize, bool) {
    if let Some(slot) = known.iter().position(|other| other == path) {
        return (slot, false);
    }
    known.push(path.to_vec());
    (known.len() - 1, true)
}

/// What stands where the array should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Array {
    /// Nothing, or null.
    #[default]
    Missing,
    /// Neither an array nor an object.
    Other,
    /// An object, which stands for an array of one.
    One,
    /// An array, brackets included.
    Many(Span),
}

/// What was found in one event; its buffers are used again.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// First those outside of the array, then those of each element.
    spans: Vec<Span>,
    outer: usize,
    inner: usize,
    /// Where the elements stand.
    pub(super) elements: Vec<Span>,
    pub(super) array: Array,
    open: Vec<u8>,
}

impl Found {
    /// The spans outside of the array, by slot.
    pub(super) fn outer(&self) -> &[Span] {
        &self.spans[..self.outer]
    }

    /// The spans within an element, by slot.
    pub(super) fn inner(&self, element: usize) -> &[Span] {
        let start = self.outer + element * self.inner;
        &self.spans[start..start + self.inner]
    }
}

struct Walk<'t, 'f> {
    scanner: Scanner<'t, 'f>,
    spans: &'f mut Vec<Span>,
    elements: &'f mut Vec<Span>,
    array: &'f mut Array,
    outer: usize,
    inner: usize,
}

impl Walk<'_, '_> {
    /// At an object; the slots of `node` count from `base`.
    fn object(&mut self, node: &Node, base: usize) -> Result<(), ScanError> {
        let mut next = 0;
        let mut more = self.scanner.begin(b'}');
        while more {
            let key = self.scanner.key()?;
            match node.child_of(key, next).map_err(|_| self.scanner.error())? {
                None => self.scanner.skip_value()?,
                Some((at, child)) => {
                    next = at + 1;
                    self.value(child, base)?;
                }
            }
            more = self.scanner.goes_on(b'}')?;
        }
        Ok(())
    }

    fn value(&mut self, node: &Node, base: usize) -> Result<(), ScanError> {
        for slot in &node.below {
            self.spans[base + slot] = ABSENT;
        }
        if node.leads_to_array {
            self.spans.truncate(self.outer);
            self.elements.clear();
            *self.array = Array::Missing;
        }
        let start = self.scanner.at;
        let first = self.scanner.peek();
        match (first, &node.elements) {
            (b'[', Some(elements)) => self.array(elements)?,
            (b'{', Some(elements)) => {
                self.element(elements)?;
                *self.array = Array::One;
            }
            // A path that goes on through something that is no object leads nowhere: null.
            (b'{', None) if !node.children.is_empty() => self.object(node, base)?,
            _ => self.scanner.skip_value()?,
        }
        if first == b'n' {
            return Ok(());
        }
        if node.elements.is_some() && *self.array == Array::Missing {
            *self.array = Array::Other;
        }
        if let Some(slot) = node.slot {
            self.spans[base + slot] = (start as u32, self.scanner.at as u32);
        }
        Ok(())
    }

    fn array(&mut self, elements: &Node) -> Result<(), ScanError> {
        let start = self.scanner.at;
        let mut more = self.scanner.begin(b']');
        while more {
            self.element(elements)?;
            more = self.scanner.goes_on(b']')?;
        }
        *self.array = Array::Many((start as u32, self.scanner.at as u32));
        Ok(())
    }

    fn element(&mut self, elements: &Node) -> Result<(), ScanError> {
        if self.elements.len() == MAX_ELEMENTS {
            return Err(ScanError::TooMany);
        }
        let base = self.spans.len();
        self.spans.resize(base + self.inner, ABSENT);
        let start = self.scanner.at;
        self.value(elements, base)?;
        self.elements.push((start as u32, self.scanner.at as u32));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    fn text_of(event: &str, span: Span) -> Option<&str> {
        (span != ABSENT).then(|| &event[span.0 as usize..span.1 as usize])
    }

    fn find<'a>(paths: &[&str], event: &'a str) -> Result<Vec<Option<&'a str>>, ScanError> {
        let mut tree = Paths::default();
        let slots: Vec<usize> = paths.iter().map(|text| tree.outer_slot(&path(text))).collect();
        let mut found = Found::default();
        tree.find(event, &mut found)?;
        Ok(slots.into_iter().map(|slot| text_of(event, found.outer()[slot])).collect())
    }

    /// The values of `inner` in each element of the array `a.b`.
    fn each<'a>(inner: &[&str], event: &'a str) -> (Array, Vec<Vec<Option<&'a str>>>) {
        let mut tree = Paths::default();
        let array = path("a.b");
        tree.declare_array(&array);
        let slots: Vec<_> = inner.iter().map(|p| tree.inner_slot(&array, &path(p))).collect();
        let mut found = Found::default();
        assert_eq!(tree.find(event, &mut found), Ok(()));
        let texts = |element| {
            slots.iter().map(|slot| text_of(event, found.inner(element)[*slot])).collect()
        };
        (found.array, (0..found.elements.len()).map(texts).collect())
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
        assert!(find(&["a"], "{\"\\ud800\":1}").is_err());
    }

    #[test]
    fn each_element_has_its_own_values() {
        let event = r#"{"a":{"b":[{"x":1,"y":{"z":2}},{"x":3},5,{}, null]}}"#;
        let (array, values) = each(&["x", "y.z", ""], event);
        assert!(matches!(array, Array::Many(_)));
        assert_eq!(values[0], [Some("1"), Some("2"), Some(r#"{"x":1,"y":{"z":2}}"#)]);
        assert_eq!(values[1], [Some("3"), None, Some("{\"x\":3}")]);
        assert_eq!(values[2], [None, None, Some("5")]);
        assert_eq!(values[3], [None, None, Some("{}")]);
        assert_eq!(values[4], [None, None, None]);
        assert_eq!(each(&["x"], r#"{"a":{"b":{"x":1}}}"#), (Array::One, vec![vec![Some("1")]]));
        assert_eq!(each(&["x"], r#"{"a":{"b":[]}}"#).1.len(), 0);
        assert_eq!(each(&["x"], r#"{"a":{"b":7}}"#), (Array::Other, vec![]));
        for none in [r#"{"a":{"b":null}}"#, r#"{"a":{}}"#, r#"{"a":[{"x":1}]}"#, "{}"] {
            assert_eq!(each(&["x"], none), (Array::Missing, vec![]), "{none}");
        }
        let twice = r#"{"a":{"b":[{"x":1},{"x":2}]},"a":{"b":[{"x":3}]}}"#;
        assert_eq!(each(&["x"], twice).1, [[Some("3")]]);
        assert_eq!(each(&["x"], r#"{"a":{"b":[{"x":1}]},"a":1}"#), (Array::Missing, vec![]));
    }
}
