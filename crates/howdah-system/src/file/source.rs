//! `[sources.NAME]` and `[sources.NAME.map]`.

use std::path::PathBuf;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{At, Section};
use crate::secret::SecretRef;
use crate::source::{Format, ReadAs};
use crate::units::Complaint;

/// `[sources.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct SourceSection {
    pub(crate) name: At<String>,
    pub(crate) into: Option<At<String>>,
    pub(crate) origin: Option<OriginSection>,
    pub(crate) format: Format,
    pub(crate) map: Vec<MapSection>,
}

/// Where the events are.
#[derive(Debug, Clone)]
pub(crate) enum OriginSection {
    Redis { url: SecretRef, stream: String, field: String },
    File(PathBuf),
    Stdin(At<()>),
    Http(At<()>),
}

/// One entry of the map.
#[derive(Debug, Clone)]
pub(crate) struct MapSection {
    pub(crate) column: At<String>,
    /// A field as written, or a constant.
    pub(crate) field: Option<At<String>>,
    pub(crate) constant: Option<At<String>>,
    pub(crate) read_as: Option<At<ReadAs>>,
    pub(crate) values: Vec<(String, At<String>)>,
}

pub(super) fn read(top: &Section<'_>) -> Vec<SourceSection> {
    let sources: Vec<SourceSection> = top
        .named_sections("sources")
        .into_iter()
        .map(|(name, section)| read_one(name, section))
        .collect();
    let mut stdin = sources.iter().filter_map(|source| match &source.origin {
        Some(OriginSection::Stdin(at)) => Some(at),
        _ => None,
    });
    if let (Some(_), Some(second)) = (stdin.next(), stdin.next()) {
        top.report(second.problem("two sources read standard input"));
    }
    sources
}

fn read_one(name: At<String>, section: Section<'_>) -> SourceSection {
    let into = section.required("into", "into = \"trades\"");
    let field = section.string("field");
    let origin = read_origin(&section, field.as_ref());
    let format = read_format(&section, origin.as_ref());
    let redis = matches!(origin, Some(OriginSection::Redis { .. }));
    if let Some(field) = &field
        && !(redis && format == Format::Json)
    {
        section.report(
            field
                .place
                .problem("\"field\" has no effect here")
                .hint("It names the entry field that holds the event of a Redis source in JSON."),
        );
    } else if field.is_none() && redis && format == Format::Json {
        section.by_default("field", "\"data\"");
    }
    let mut map = Vec::new();
    if let Some(entries) = section.section("map") {
        for (column, value) in entries.others() {
            map.extend(read_entry(&entries, column, value));
        }
    }
    section.finish();
    SourceSection { name, into, origin, format, map }
}

fn read_origin(section: &Section<'_>, field: Option<&At<String>>) -> Option<OriginSection> {
    let given: Vec<_> =
        ["redis", "file", "stdin", "http"].into_iter().filter(|key| section.has(key)).collect();
    let redis = section.section("redis");
    let file = section.string("file");
    let stdin = section.boolean("stdin");
    let http = section.boolean("http");
    match given.as_slice() {
        [_] => {}
        [] => {
            let problem = section.place.problem("the source does not say where its events are");
            section.report(problem.hint(
                "Add redis = { url = \"env:REDIS_URL\", stream = \"…\" }, file = \"…\", \
                 stdin = true or http = true.",
            ));
        }
        [_, second, ..] => {
            let place = section.place_of(second);
            section.report(place.problem("a source reads from one place").hint(
                "Keep one of redis, file, stdin and http; several sources may go into one stream.",
            ));
        }
    }
    if let Some(redis) = redis {
        if !redis.has("url") {
            redis.missing("url", "url = \"env:REDIS_URL\"");
        }
        let url = redis.parsed("url", SecretRef::parse);
        let stream = redis.required("stream", "stream = \"trades\"");
        redis.finish();
        let field = field.map_or_else(|| "data".to_owned(), |field| field.value.clone());
        return Some(OriginSection::Redis { url: url?.value, stream: stream?.value, field });
    }
    if let Some(file) = file {
        return Some(OriginSection::File(PathBuf::from(file.value)));
    }
    for (key, given) in [("stdin", &stdin), ("http", &http)] {
        if let Some(given) = given.as_ref().filter(|given| !given.value) {
            let message = format!("\"{key}\" can only be true");
            section.report(given.problem(message).hint("Leave the key out."));
        }
    }
    let origin = |at: At<bool>, make: fn(At<()>) -> OriginSection| make(at.map(|_| ()));
    stdin
        .map(|at| origin(at, OriginSection::Stdin))
        .or_else(|| http.map(|at| origin(at, OriginSection::Http)))
}

fn read_format(section: &Section<'_>, origin: Option<&OriginSection>) -> Format {
    let redis = matches!(origin, Some(OriginSection::Redis { .. }));
    if matches!(origin, Some(OriginSection::Http(_))) {
        if let Some(format) = section.string("format") {
            let problem = format.problem("\"format\" has no effect here");
            section.report(problem.hint("Each request says by its Content-Type what it is."));
        }
        return Format::Json;
    }
    let given = section.parsed("format", |text| match text {
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "fields" => Ok(Format::Fields),
        _ => Err(Complaint::new(
            format!("\"{text}\" is not a format"),
            "Use \"json\", \"csv\" or \"fields\".",
        )),
    });
    let Some(given) = given else {
        let is_csv = matches!(origin, Some(OriginSection::File(path))
            if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")));
        let (format, name) = if is_csv { (Format::Csv, "csv") } else { (Format::Json, "json") };
        if !section.has("format") {
            section.by_default("format", format!("\"{name}\""));
        }
        return format;
    };
    match given.value {
        Format::Csv if redis => section.report(
            given.problem("Redis entries cannot be CSV").hint("Use \"json\" or \"fields\"."),
        ),
        Format::Fields if !redis && origin.is_some() => section.report(
            given
                .problem("\"fields\" is for the fields of Redis entries")
                .hint("Use \"json\" or \"csv\"."),
        ),
        _ => {}
    }
    given.value
}

/// One entry: `column = "field"`, or a table with `field` or `const`.
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
        let field = Some(field);
        return Some(MapSection {
            column,
            field,
            constant: None,
            read_as: None,
            values: Vec::new(),
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
    let field = entry.string("field");
    let constant = entry.string("const");
    let read_as = entry.parsed("as", read_as);
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
    match (entry.has("field"), entry.has("const")) {
        (false, false) => entry.missing("field", "field = \"price\""),
        (true, true) => {
            let place = entry.place_of("const");
            entry.report(place.problem("\"field\" and \"const\" are both given"));
        }
        (false, true) if entry.has("as") || entry.has("values") => {
            entry.report(
                entry
                    .place
                    .problem("a constant is taken as it is")
                    .hint("Leave out \"as\" and \"values\"."),
            );
        }
        _ => {}
    }
    entry.finish();
    Some(MapSection { column, field, constant, read_as, values })
}

fn read_as(text: &str) -> Result<ReadAs, Complaint> {
    Ok(match text {
        "rfc3339" => ReadAs::Type,
        "epoch s" => ReadAs::EpochSeconds,
        "epoch ms" => ReadAs::EpochMillis,
        "epoch us" | "epoch µs" => ReadAs::EpochMicros,
        "hex" => ReadAs::Hex,
        "base64" => ReadAs::Base64,
        _ => {
            return Err(Complaint::new(
                format!("\"{text}\" is no way to read a value"),
                "Use \"epoch s\", \"epoch ms\", \"epoch us\", \"rfc3339\", \"hex\" or \"base64\".",
            ));
        }
    })
}
