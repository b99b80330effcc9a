//! `[sources.NAME.map]` and the maps of its routes: where columns come from.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{At, Section};
use crate::problem::Place;
use crate::source::ReadAs;
use crate::units::Complaint;

/// One entry of a map.
#[derive(Debug, Clone)]
pub(crate) struct MapSection {
    pub(crate) column: At<String>,
    pub(crate) from: FromSection,
    pub(crate) read_as: Option<At<ReadAs>>,
    pub(crate) values: Vec<(String, At<String>)>,
    pub(crate) refused: Option<At<String>>,
    pub(crate) missing: Option<At<String>>,
    pub(crate) default: Option<At<String>>,
}

/// Where a column's value comes from, as written.
#[derive(Debug, Clone)]
pub(crate) enum FromSection {
    Field(At<String>),
    Const(At<String>),
    /// The number of the leg; the text is the array's path.
    Index(At<String>),
    Raw(Place),
    Keccak256(Vec<At<String>>),
}

/// The ways to say where a value comes from.
const WAYS: [&str; 5] = ["field", "const", "index", "raw", "hash"];

pub(super) fn read(section: &Section<'_>) -> Vec<MapSection> {
    let mut map = Vec::new();
    if let Some(entries) = section.section("map") {
        for (column, value) in entries.others() {
            map.extend(read_entry(&entries, column, value));
        }
    }
    map
}

/// One entry: `column = "field"`, or a table with one of [`WAYS`].
fn read_entry(
    map: &Section<'_>,
    column: At<String>,
    value: &Spanned<DeValue<'_>>,
) -> Option<MapSection> {
    if let Some(field) = map.string_of(&column, value) {
        if field.value.trim().is_empty() {
            map.report(field.problem("the field's name is empty"));
            return None;
        }
        return Some(MapSection {
            column,
            from: FromSection::Field(field),
            read_as: None,
            values: Vec::new(),
            refused: None,
            missing: None,
            default: None,
        });
    }
    let DeValue::Table(table) = value.get_ref() else {
        map.report(
            column
                .problem(format!("\"{}\" must be a field", column.value))
                .hint("Write a field's name, { field = \"…\", as = \"…\" } or { const = \"…\" }."),
        );
        return None;
    };
    let entry = Section::new(map.reader, table, column.place.clone());
    let from = read_from(&entry);
    let read_as = read_way(&entry);
    let mut values = Vec::new();
    if let Some(given) = entry.section("values") {
        for (from, to) in given.others() {
            match given.string_of(&from, to) {
                Some(to) => values.push((from.value, to)),
                None => given.report(
                    from.problem("values stand for strings")
                        .hint("Write { true = \"sell\", false = \"buy\" }."),
                ),
            }
        }
    }
    let read_in_some_way = ["as", "values", "bytes"].iter().any(|key| entry.has(key));
    if let Some(FromSection::Const(_)) = &from
        && read_in_some_way
    {
        let problem = entry.place.problem("a constant is taken as it is");
        entry.report(problem.hint("Leave out \"as\" and \"values\"."));
    } else if !entry.has("field") && read_in_some_way {
        let problem = entry.place.problem("only a field is read in some way");
        entry.report(problem.hint("Leave out \"as\", \"bytes\" and \"values\"."));
    }
    let refused = code(&entry, "refused");
    let missing = code(&entry, "missing");
    let default = entry.string("default");
    if let (Some(default), Some(_)) = (&default, &missing) {
        let problem = default.problem("an event without the value gets it, or is refused");
        entry.report(problem.hint("Keep \"default\" or \"missing\"."));
    }
    entry.finish();
    Some(MapSection { column, from: from?, read_as, values, refused, missing, default })
}

fn read_from(entry: &Section<'_>) -> Option<FromSection> {
    let given: Vec<&str> = WAYS.into_iter().filter(|way| entry.has(way)).collect();
    match given.as_slice() {
        [] => entry.missing("field", "field = \"price\""),
        [_] => {}
        [first, second, ..] => {
            let place = entry.place_of(second);
            entry.report(place.problem(format!("\"{first}\" and \"{second}\" are both given")));
        }
    }
    let field = entry.string("field").map(FromSection::Field);
    let constant = entry.string("const").map(FromSection::Const);
    let index = entry.string("index").map(FromSection::Index);
    let raw = entry.boolean("raw").and_then(|raw| {
        if !raw.value {
            entry.report(raw.problem("\"raw\" can only be true").hint("Leave the key out."));
        }
        raw.value.then_some(FromSection::Raw(raw.place))
    });
    let hash = entry.section("hash").and_then(|hash| {
        if !hash.has("keccak256") {
            hash.missing("keccak256", "keccak256 = [\"0x…\", \"termId\"]");
        }
        let parts = hash.strings("keccak256");
        if parts.as_ref().is_some_and(Vec::is_empty) {
            hash.report(hash.place_of("keccak256").problem("there is nothing to hash"));
        }
        hash.finish();
        parts.map(FromSection::Keccak256)
    });
    field.or(constant).or(index).or(raw).or(hash)
}

/// `as` and `bytes`.
fn read_way(entry: &Section<'_>) -> Option<At<ReadAs>> {
    let read_as = entry.parsed("as", read_as);
    let bytes = entry.integer("bytes", 0, 1 << 20);
    match (read_as, bytes) {
        (Some(At { value: ReadAs::Hex(_), place }), Some(bytes)) => {
            Some(At { value: ReadAs::Hex(Some(bytes.value as u32)), place })
        }
        (read_as, Some(bytes)) => {
            let problem = bytes.problem("\"bytes\" has no effect here");
            entry.report(problem.hint("It is the exact length of what is read as \"hex\"."));
            read_as
        }
        (read_as, None) => read_as,
    }
}

fn read_as(text: &str) -> Result<ReadAs, Complaint> {
    Ok(match text {
        "rfc3339" => ReadAs::Type,
        "epoch s" => ReadAs::EpochSeconds,
        "epoch ms" => ReadAs::EpochMillis,
        "epoch us" | "epoch µs" => ReadAs::EpochMicros,
        "hex" => ReadAs::Hex(None),
        "base64" => ReadAs::Base64,
        "hex text" => ReadAs::HexText,
        "hex not text" => ReadAs::HexNotText,
        "quantity" => ReadAs::Quantity,
        _ => {
            return Err(Complaint::new(
                format!("\"{text}\" is no way to read a value"),
                "Use \"epoch s\", \"epoch ms\", \"epoch us\", \"rfc3339\", \"hex\", \"base64\", \
                 \"hex text\", \"hex not text\" or \"quantity\".",
            ));
        }
    })
}

/// The code of a refusal: one word.
pub(super) fn code(section: &Section<'_>, key: &'static str) -> Option<At<String>> {
    section.parsed(key, |text| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !text.is_empty() && text.len() <= 63 && text.bytes().all(word) {
            return Ok(text.to_owned());
        }
        Err(Complaint::new(
            "a code of refusal is one word",
            "Use lower-case letters, digits and _, such as \"bad_address\".",
        ))
    })
}
