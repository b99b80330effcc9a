//! A small reader of TOML that keeps places and goes on after a mistake.
//!
//! A [`Section`] is asked for each key that it may have; [`Section::finish`] then reports the keys
//! that nobody asked for. A key that is missing or wrong gives `None` and, where it matters, a
//! problem; so one pass finds every mistake.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::effective::{EffectiveSetting, SettingOrigin};
use crate::problem::{Place, Problem};
use crate::suggest;
use crate::units::Complaint;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> At<T> {
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        self.place.problem(message)
    }

    pub(crate) fn map<U>(&self, change: impl FnOnce(&T) -> U) -> At<U> {
        At { value: change(&self.value), place: self.place.clone() }
    }
}

/// The text of a file, what was found wrong in it, and what was set.
pub(crate) struct Reader<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
    settings: RefCell<Vec<EffectiveSetting>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, problems: RefCell::default(), settings: RefCell::default() }
    }

    pub(crate) fn report(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(crate) fn into_parts(self) -> (Vec<Problem>, Vec<EffectiveSetting>) {
        (self.problems.into_inner(), self.settings.into_inner())
    }

    fn set(&self, path: String, value: String, origin: SettingOrigin) {
        self.settings.borrow_mut().push(EffectiveSetting { path, value, origin });
    }

    /// Line and column of a byte.
    fn locate(&self, offset: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        (line as u32, before.chars().count() as u32 + 1)
    }

    pub(crate) fn place(&self, span: std::ops::Range<usize>, path: String) -> Place {
        let (line, column) = self.locate(span.start);
        Place { line, column, path, body: None }
    }

    /// The place of a string, with where its text begins when it is written as it reads.
    fn string_place(&self, span: std::ops::Range<usize>, path: String, value: &str) -> Place {
        let written = self.text.get(span.clone()).unwrap_or_default();
        let body = written.find(value).filter(|_| !value.is_empty());
        let body = body.map(|at| self.locate(span.start + at));
        Place { body, ..self.place(span, path) }
    }
}

/// A table of the file and the keys that were asked for.
pub(crate) struct Section<'a> {
    pub(crate) reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    /// Where it is named; mistakes of missing keys are told there.
    pub(crate) place: Place,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(reader: &'a Reader<'a>, table: &'a DeTable<'a>, place: Place) -> Self {
        Self { reader, table, place, asked: RefCell::default() }
    }

    fn path_of(&self, key: &str) -> String {
        if self.place.path.is_empty() {
            return key.to_owned();
        }
        let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let key = if bare && !key.is_empty() { key.to_owned() } else { format!("\"{key}\"") };
        format!("{}.{key}", self.place.path)
    }

    /// For messages: `[streams.trades]`, or the top of the file.
    fn named(&self) -> String {
        if self.place.path.is_empty() {
            "the system file".to_owned()
        } else {
            format!("[{}]", self.place.path)
        }
    }

    pub(crate) fn report(&self, problem: Problem) {
        self.reader.report(problem);
    }

    /// A default is in force for `key`.
    pub(crate) fn by_default(&self, key: &str, value: impl Into<String>) {
        self.reader.set(self.path_of(key), value.into(), SettingOrigin::Default);
    }

    /// A default is in force at the whole `path`, whether or not its section is there.
    pub(crate) fn default_at(&self, path: &str, value: impl Into<String>) {
        self.reader.set(path.to_owned(), value.into(), SettingOrigin::Default);
    }

    fn set(&self, at: &Place, value: String) {
        self.reader.set(at.path.clone(), value, SettingOrigin::File { line: at.line });
    }

    fn raw(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// The key counts as asked for, without being read.
    pub(crate) fn pass(&self, key: &'static str) {
        self.asked.borrow_mut().push(key);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// Where the value of `key` stands, else the section's place.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.table.iter().find(|(name, _)| name.get_ref() == key).map_or_else(
            || self.place.clone(),
            |(name, _)| self.reader.place(name.span(), self.path_of(key)),
        )
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let place = self.reader.place(value.span(), self.path_of(key));
        let article = match value.get_ref().type_str() {
            word @ ("integer" | "array") => format!("an {word}"),
            word => format!("a {word}"),
        };
        self.report(place.problem(format!("\"{key}\" must be {wanted}, not {article}")));
    }

    /// Reports that `key` is missing; `like` shows how it may look.
    pub(crate) fn missing(&self, key: &str, like: &str) {
        let message = format!("{} has no \"{key}\"", self.named());
        self.report(self.place.problem(message).hint(format!("Add it, such as: {like}.")));
    }

    /// A string that is not recorded as a setting: a text that may be a secret.
    fn text(&self, key: &'static str) -> Option<At<String>> {
        let value = self.raw(key)?;
        let DeValue::String(text) = value.get_ref() else {
            self.wrong_type(key, value, "a string");
            return None;
        };
        let place = self.reader.string_place(value.span(), self.path_of(key), text);
        Some(At { value: text.clone().into_owned(), place })
    }

    /// A string that is not empty.
    pub(crate) fn string(&self, key: &'static str) -> Option<At<String>> {
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.report(text.problem(format!("\"{key}\" is empty")));
            return None;
        }
        self.set(&text.place, format!("\"{}\"", text.value));
        Some(text)
    }

    /// A string that must be there and not be empty.
    pub(crate) fn required(&self, key: &'static str, like: &str) -> Option<At<String>> {
        if !self.has(key) {
            self.pass(key);
            self.missing(key, like);
            return None;
        }
        self.string(key)
    }

    /// A string that `parse` takes. What it complains about is told; the text itself is not.
    pub(crate) fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<At<T>> {
        let text = self.text(key)?;
        match parse(&text.value) {
            Ok(value) => {
                self.set(&text.place, format!("\"{}\"", text.value));
                Some(At { value, place: text.place })
            }
            Err(complaint) => {
                let message = format!("{key}: {}", complaint.message);
                self.report(text.problem(message).hint_if(complaint.hint));
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn integer(&self, key: &'static str, least: u64, most: u64) -> Option<At<u64>> {
        let value = self.raw(key)?;
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_type(key, value, "a whole number");
            return None;
        };
        let place = self.reader.place(value.span(), self.path_of(key));
        let parsed = u64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
        match parsed {
            Ok(n) if (least..=most).contains(&n) => {
                self.set(&place, n.to_string());
                Some(At { value: n, place })
            }
            _ => {
                let message = format!("\"{key}\" must be from {least} to {most}");
                self.report(place.problem(message));
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self, key: &'static str) -> Option<At<bool>> {
        let value = self.raw(key)?;
        if let DeValue::Boolean(found) = value.get_ref() {
            let place = self.reader.place(value.span(), self.path_of(key));
            self.set(&place, found.to_string());
            return Some(At { value: *found, place });
        }
        self.wrong_type(key, value, "true or false");
        None
    }

    /// A list of strings that are not empty; one string stands for a list of one.
    pub(crate) fn strings(&self, key: &'static str) -> Option<Vec<At<String>>> {
        let value = self.raw(key)?;
        if !matches!(value.get_ref(), DeValue::String(_) | DeValue::Array(_)) {
            self.wrong_type(key, value, "a string or a list of strings");
            return None;
        }
        Some(self.strings_in(key, value))
    }

    /// The strings of a list, or one string, under a key that was not asked for by name.
    pub(crate) fn strings_in(&self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<At<String>> {
        let place = self.reader.place(value.span(), self.path_of(key));
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut found = Vec::new();
        for item in items {
            let DeValue::String(text) = item.get_ref() else {
                self.wrong_type(key, item, "a list of strings");
                continue;
            };
            let place = self.reader.string_place(item.span(), self.path_of(key), text);
            if text.trim().is_empty() {
                self.report(place.problem(format!("\"{key}\" holds an empty name")));
            } else {
                found.push(At { value: text.clone().into_owned(), place });
            }
        }
        let shown: Vec<_> = found.iter().map(|item| format!("\"{}\"", item.value)).collect();
        self.set(&place, format!("[{}]", shown.join(", ")));
        found
    }

    /// The table under `key`.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.raw(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(self.reader, table, self.place_of(key)));
        }
        self.wrong_type(key, value, "a table");
        None
    }

    /// Whether a list stands under `key`.
    pub(crate) fn is_list(&self, key: &str) -> bool {
        let is = |value: &Spanned<DeValue<'_>>| matches!(value.get_ref(), DeValue::Array(_));
        self.table.iter().any(|(name, value)| name.get_ref() == key && is(value))
    }

    /// The tables of the list under `key` (`[[sources.chain.routes]]`), in order, counted from 1.
    pub(crate) fn tables(&self, key: &'static str) -> Option<Vec<Section<'a>>> {
        let value = self.raw(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, "a list of tables");
            return Some(Vec::new());
        };
        let mut found = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), i + 1);
            let place = self.reader.place(item.span(), path);
            if let DeValue::Table(table) = item.get_ref() {
                found.push(Section::new(self.reader, table, place));
            } else {
                self.report(place.problem(format!("\"{key}\" must be a list of tables")));
            }
        }
        Some(found)
    }

    /// The named tables under `key` (`[streams.trades]`), in the order of the file.
    pub(crate) fn named_sections(&self, key: &'static str) -> Vec<(At<String>, Section<'a>)> {
        let Some(all) = self.section(key) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, value) in all.others() {
            if let DeValue::Table(table) = value.get_ref() {
                let section = Section::new(self.reader, table, name.place.clone());
                found.push((name, section));
            } else {
                let message = format!("\"{}\" must be a table: [{key}.NAME]", name.value);
                self.report(name.problem(message));
            }
        }
        found
    }

    /// Entries that nobody asked for, in the order of the file; they count as asked for now.
    pub(crate) fn others(&self) -> Vec<(At<String>, &'a Spanned<DeValue<'a>>)> {
        let asked = self.asked.borrow();
        let mut found: Vec<_> = self
            .table
            .iter()
            .filter(|(name, _)| !asked.iter().any(|asked| name.get_ref() == asked))
            .collect();
        found.sort_by_key(|(name, _)| name.span().start);
        found
            .into_iter()
            .map(|(name, value)| {
                let text = name.get_ref().clone().into_owned();
                let place = self.reader.place(name.span(), self.path_of(&text));
                (At { value: text, place }, value)
            })
            .collect()
    }

    /// A value as a string with its place, recorded as a setting; `None` when it is not a string.
    pub(crate) fn string_of(
        &self,
        name: &At<String>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<At<String>> {
        let DeValue::String(text) = value.get_ref() else { return None };
        let place = self.reader.string_place(value.span(), name.place.path.clone(), text);
        self.set(&place, format!("\"{text}\""));
        Some(At { value: text.clone().into_owned(), place })
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, _) in self.others() {
            self.unknown(&name);
        }
    }

    /// Reports that a key is not known here.
    pub(crate) fn unknown(&self, name: &At<String>) {
        let asked = self.asked.borrow();
        let message = format!("unknown key \"{}\" in {}", name.value, self.named());
        let hint = suggest::hint(&name.value, asked.iter().copied(), "possible keys");
        self.report(name.problem(message).hint_if(hint));
    }

    /// The key, of those asked for, that `name` may have been meant to be.
    pub(crate) fn near_key(&self, name: &str) -> Option<&'static str> {
        let asked = self.asked.borrow().clone();
        suggest::nearest(name, asked)
    }
}
