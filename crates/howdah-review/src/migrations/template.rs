//! SQL with holes that a program fills in before it is applied: `{{ .Schema }}`, `{{ index .Options
//! "Schema" }}`, Flyway's `${schema}`, and the variables of psql (`:schema`, `\set schema auth`).
//!
//! A value is declared by a comment in any file of the folder, `-- howdah:let Schema = auth`;
//! otherwise it is guessed, and the guess is told. Lines stay where they are.

use std::collections::BTreeMap;

use super::{Convention, RawFile};

/// The comment that declares a value.
const DECLARES: &str = "-- howdah:let ";
/// Words of templates that only lead: what they enclose is kept.
const CONTROL: &[&str] = &[
    "if", "else", "end", "range", "with", "define", "block", "template", "endif", "for", "endfor",
];

/// River's mark before every name, for which it writes nothing unless it is told a schema.
const RIVER: &str = "/* TEMPLATE: schema */";

/// A value that a hole was filled with, without anybody having declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The variable.
    pub variable: String,
    /// The value.
    pub value: String,
}

/// Fills the holes of all files; what had to be guessed, each variable once.
pub(crate) fn fill(files: &mut [RawFile]) -> Vec<Guess> {
    let declared = declared(files);
    let convention = Convention::detect(files);
    let mut guesses: BTreeMap<String, String> = BTreeMap::new();
    for file in files.iter_mut().filter(|file| super::convention::is_sql(&file.path)) {
        let mut value_of = |variable: &str| {
            declared.get(variable).cloned().unwrap_or_else(|| {
                let value = guess(variable);
                guesses.insert(variable.to_owned(), value.clone());
                value
            })
        };
        if file.text.contains("{{") {
            file.text = filled(&file.text, ("{{", "}}"), |hole| match read(hole) {
                Some(Hole::Control) => Some(String::new()),
                Some(Hole::Variable(variable)) => Some(value_of(variable)),
                None => declared.get(hole.trim()).cloned(),
            });
        }
        if convention == Convention::Flyway && file.text.contains("${") {
            file.text =
                filled(&file.text, ("${", "}"), |hole| is_word(hole).then(|| value_of(hole)));
        }
        if file.text.contains(RIVER) {
            file.text = file.text.replace(RIVER, "");
        }
        if file.text.contains("*/.") {
            file.text = without_schema_holes(&file.text);
        }
        if may_have_variables(&file.text) {
            file.text = without_variables(&file.text, value_of);
        }
    }
    guesses.into_iter().map(|(variable, value)| Guess { variable, value }).collect()
}

/// The text without comments that stand for a schema, ` /* SCHEMA */.orders`: nothing else could be
/// there before the dot, so the search path decides.
fn without_schema_holes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = rest.find("*/.") {
        let begin = rest[..end].rfind("/*").filter(|begin| {
            let line = !rest[*begin..end].contains('\n');
            line && rest[..*begin].ends_with(|c: char| c.is_whitespace() || matches!(c, '(' | ','))
        });
        out.push_str(&rest[..begin.unwrap_or(end + 3)]);
        rest = &rest[end + 3..];
    }
    out.push_str(rest);
    out
}

fn declared(files: &[RawFile]) -> BTreeMap<String, String> {
    let may = |file: &&RawFile| ["\\set ", DECLARES].iter().any(|word| file.text.contains(word));
    let lines = files.iter().filter(may).flat_map(|file| file.text.lines());
    let pairs = lines.filter_map(|line| {
        let line = line.trim();
        let set = || line.strip_prefix("\\set ")?.trim().split_once(char::is_whitespace);
        line.strip_prefix(DECLARES).and_then(|pair| pair.split_once('=')).or_else(set)
    });
    let plain = |value: &str| value.trim().trim_matches('\'').to_owned();
    pairs.map(|(name, value)| (name.trim().to_owned(), plain(value))).collect()
}

/// Whether it is worth a closer look: a colon behind something that a name cannot end with, before
/// a letter or a quote.
fn may_have_variables(text: &str) -> bool {
    text.as_bytes().windows(3).any(|bytes| {
        bytes[1] == b':'
            && !(bytes[0].is_ascii_alphanumeric() || matches!(bytes[0], b':' | b'_' | b')' | b']'))
            && (bytes[2].is_ascii_alphabetic() || matches!(bytes[2], b'_' | b'"' | b'\''))
    })
}

/// The text with the variables of psql filled in. One that is found in a statement is filled in
/// bodies of functions too, which a program may do and psql does not.
fn without_variables(text: &str, mut value_of: impl FnMut(&str) -> String) -> String {
    let found = howdah_sql::psql_variables(text);
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for variable in &found {
        let value = values.entry(variable.name).or_insert_with(|| value_of(variable.name));
        out.push_str(&text[at..variable.span.start]);
        match variable.quote {
            Some(quote) => out.push_str(&format!("{quote}{value}{quote}")),
            None => out.push_str(value),
        }
        at = variable.span.end;
    }
    out.push_str(&text[at..]);
    for (name, value) in values {
        // Short names could be anything in another language.
        for before in [" ", "(", ",", "::"].iter().filter(|_| name.len() > 3) {
            out = out.replace(&format!("{before}:{name}."), &format!("{before}{value}."));
        }
    }
    out
}

/// The text with each hole replaced; a hole without a value stays.
fn filled(
    text: &str,
    (open, close): (&str, &str),
    mut value: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let inner = at + open.len();
        // A hole is within one line.
        let line_end = rest[inner..].find('\n').map_or(rest.len(), |end| inner + end);
        let new = rest[inner..line_end]
            .find(close)
            .and_then(|end| Some((value(&rest[inner..inner + end])?, inner + end + close.len())));
        if let Some((value, end)) = new {
            out.push_str(&rest[..at]);
            out.push_str(&value);
            rest = &rest[end..];
        } else {
            out.push_str(&rest[..inner]);
            rest = &rest[inner..];
        }
    }
    out.push_str(rest);
    out
}

/// What a hole of a template asks for.
#[derive(Debug, PartialEq, Eq)]
enum Hole<'a> {
    Variable(&'a str),
    Control,
}

/// `None` for what is no hole: `'{{1,2},{3,4}}'` is an array.
fn read(hole: &str) -> Option<Hole<'_>> {
    let inner = hole.trim_start_matches('-').trim_end_matches('-').trim();
    let spaced = hole.starts_with([' ', '-']);
    let first = inner.split_whitespace().next()?;
    if CONTROL.contains(&first) || inner.starts_with("/*") {
        return Some(Hole::Control);
    }
    if let Some(named) = inner.split('"').nth(1).filter(|named| is_word(named)) {
        return Some(Hole::Variable(named));
    }
    let path = inner.split_whitespace().find(|word| word.starts_with(['.', '$']));
    let name = match path {
        Some(path) => path.rsplit(['.', '$']).next()?,
        // Jinja and Handlebars write no dot, but most people a space.
        None if spaced => first,
        None => return None,
    };
    is_word(name).then_some(Hole::Variable(name))
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'))
}

/// A value that can stand where a name is expected.
fn guess(variable: &str) -> String {
    variable.to_ascii_lowercase().replace([':', '-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill_one(path: &str, text: &str) -> (String, Vec<Guess>) {
        let mut files = [RawFile { path: path.to_owned(), text: text.to_owned() }];
        let guesses = fill(&mut files);
        (files[0].text.clone(), guesses)
    }

    #[test]
    fn holes_are_filled_with_what_is_declared_or_guessed() {
        let (text, guesses) =
            fill_one("1_a.sql", "create table {{ index .Options \"Namespace\" }}.users ();");
        assert_eq!(text, "create table namespace.users ();");
        assert_eq!(guesses[0].variable, "Namespace");
        let declares = "-- howdah:let Namespace = auth\ntable {{ index .Options \"Namespace\" }}.a";
        let (text, guesses) = fill_one("1_a.sql", declares);
        assert!(text.ends_with("table auth.a") && guesses.is_empty(), "{text}");
        let (text, _) =
            fill_one("1_a.sql", "{{- if .X }}a{{ else }}b{{ end }} {{ .Config.Owner }}");
        assert_eq!(text, "ab owner");
        let (text, guesses) = fill_one(
            "1_a.sql",
            "\\set limit 5\ncreate table :SCHEMA.a (b int check (b < :limit));\ncreate function \
             f() returns int language sql as $$ select b from :SCHEMA.a $$;",
        );
        assert!(text.contains("table schema.a (b int check (b < 5))"), "{text}");
        assert!(text.contains("from schema.a") && guesses.len() == 1, "{text}");
        let body = "create table :SCHEMA.a (); create function f() as $$ select (x):::SCHEMA.a $$;";
        let (text, _) = fill_one("1_a.sql", body);
        assert!(text.contains("(x)::schema.a"), "{text}");
        let (text, _) = fill_one("1_a.sql", "alter table /* SCHEMA */.a add b int; -- c.d");
        assert_eq!(text, "alter table a add b int; -- c.d");
        let kept = "select app/* schema */.f(); /* end */.";
        assert_eq!(fill_one("1_a.sql", kept).0, "select app/* schema */.f(); ");
        let (text, _) = fill_one("V1__a.sql", "create schema ${app-schema};");
        assert_eq!(text, "create schema app_schema;");
    }

    #[test]
    fn what_only_looks_like_a_hole_stays() {
        for text in ["select '{{1,2},{3,4}}'::int[]", "select '{{a}}'", "select '${x}'", "{{", "${"]
        {
            assert_eq!(fill_one("1_a.sql", text), (text.to_owned(), Vec::new()));
        }
    }
}
