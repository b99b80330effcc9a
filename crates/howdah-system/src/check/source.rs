//! Sources against the streams they fill.

use super::Check;
use crate::column::{ColumnType, StreamColumn};
use crate::file::{
    At, EVENT, FromSection, MapSection, OriginSection, RouteSection, SourceSection, is_constant,
    is_hex, segments,
};
use crate::model::Stream;
use crate::problem::Place;
use crate::source::{
    Condition, Expectation, Format, HashPart, MapFrom, Mapping, Mqtt, Origin, ReadAs, Route, Source,
};
use crate::suggest;

impl Check<'_> {
    pub(super) fn sources(&mut self) {
        let file = self.file;
        for section in &file.sources {
            let routes: Vec<Option<Route>> =
                section.routes.iter().map(|route| self.route(section, route)).collect();
            let complete = routes.iter().all(Option::is_some);
            if complete {
                self.common(section);
            }
            let Some(origin) = section.origin.as_ref().map(origin) else { continue };
            let routes: Vec<Route> = routes.into_iter().flatten().collect();
            if !complete || routes.is_empty() {
                continue;
            }
            let each = section.each.as_ref().map(|each| segments(&each.value, section.format));
            self.system.sources.push(Source {
                name: section.name.value.clone(),
                origin,
                format: section.format,
                rate: section.rate,
                each,
                routes,
            });
        }
    }

    /// Requests name a stream, so a stream has at most one source that feeds it alone by HTTP.
    pub(super) fn one_http_source(&mut self) {
        let mut taken: Vec<usize> = Vec::new();
        for source in self.system.sources.clone() {
            let mut streams = source.streams();
            let (Some(stream), None) = (streams.next(), streams.next()) else { continue };
            if source.origin != Origin::Http {
                continue;
            }
            if !taken.contains(&stream) {
                taken.push(stream);
                continue;
            }
            let file = self.file;
            let section = file.sources.iter().find(|section| section.name.value == source.name);
            if let Some(section) = section {
                let stream = &self.system.streams[stream].name;
                let message = format!("stream \"{stream}\" has another source that is HTTP");
                let problem = section.name.problem(message);
                self.report(problem.hint("One source takes all requests for a stream."));
            }
        }
    }

    fn route(&mut self, section: &SourceSection, route: &RouteSection) -> Option<Route> {
        let into = route.into.as_ref()?;
        let index = self.stream_named(into)?;
        let stream = self.system.streams[index].clone();
        if matches!(section.origin, Some(OriginSection::Mqtt(_))) && stream.key.is_empty() {
            let message =
                format!("stream \"{}\" has no key, and MQTT repeats messages", stream.name);
            self.report(into.problem(message).hint(
                "A broker sends again what was not acknowledged before a failure. Only a key \
                 tells that it is there already: add key = [\"…\"] to the stream.",
            ));
        }
        for entry in &route.map {
            self.entry(entry, &stream, section.format);
        }
        for entry in section.common.iter().filter(|entry| has_column(&stream, entry)) {
            if !route.map.iter().any(|own| own.column.value == entry.column.value) {
                self.entry(entry, &stream, section.format);
            }
        }
        let path = |field: &At<String>| segments(&field.value, section.format);
        let when = route
            .when
            .iter()
            .flatten()
            .map(|condition| Condition { path: path(&condition.field), is: condition.is.clone() });
        let expect = route.expect.iter().map(|expect| Expectation {
            path: path(&expect.field),
            is: expect.is.iter().map(|text| text.value.clone()).collect(),
            hex: expect.hex,
            refused: expect.refused.clone(),
        });
        Some(Route {
            stream: index,
            when: when.collect(),
            expect: expect.collect(),
            also: route.also,
            legs: route.legs.as_ref().map(path),
            map: map(section, route, &stream),
        })
    }

    /// What the routes have in common is for a column of at least one of their streams.
    fn common(&mut self, section: &SourceSection) {
        for entry in &section.common {
            let streams: Vec<Stream> = section
                .routes
                .iter()
                .filter_map(|route| {
                    let name = &route.into.as_ref()?.value;
                    self.system.streams.iter().find(|stream| stream.name == *name).cloned()
                })
                .collect();
            if streams.iter().any(|stream| has_column(stream, entry)) {
                continue;
            }
            let name = &entry.column.value;
            let columns = streams.iter().flat_map(|stream| &stream.columns);
            let mut known: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            let hint = suggest::hint(name, known, "columns");
            let message = format!("none of the source's streams has a column \"{name}\"");
            self.report(entry.column.problem(message).hint_if(hint));
        }
    }

    /// One entry of the map: the column can be given, and what is given fits it.
    fn entry(&mut self, entry: &MapSection, stream: &Stream, format: Format) {
        let name = &entry.column.value;
        let found = stream.columns.iter().find(|column| column.name.as_str() == name);
        let Some(column) = found else {
            let columns = stream.columns.iter().map(|column| column.name.as_str());
            let hint = suggest::hint(name, columns, "columns");
            let message = format!("stream \"{}\" has no column \"{name}\"", stream.name);
            self.report(entry.column.problem(message).hint_if(hint));
            return;
        };
        if column.generated {
            let message = format!("column \"{name}\" is generated by the database");
            self.report(entry.column.problem(message).hint("Leave it out of the map."));
            return;
        }
        if let Some(read_as) = &entry.read_as {
            self.read_as(read_as, column);
        }
        let constant = match &entry.from {
            FromSection::Const(constant) => Some(constant),
            from => {
                self.computed(from, column, format);
                None
            }
        };
        for text in entry.values.iter().map(|(_, text)| text).chain(constant).chain(&entry.default)
        {
            if let Some(hint) = misfit(&text.value, &column.kind) {
                let message = format!(
                    "\"{}\" does not fit column \"{name}\" of type {}",
                    text.value, column.type_name
                );
                self.report(text.problem(message).hint_if((!hint.is_empty()).then_some(hint)));
            }
        }
    }

    fn read_as(&mut self, read_as: &At<ReadAs>, column: &StreamColumn) {
        let time = matches!(
            column.kind,
            ColumnType::Timestamptz | ColumnType::Timestamp | ColumnType::Date
        );
        let text = column.kind == ColumnType::Text;
        let bytes = column.kind == ColumnType::Bytea;
        let (fits, wanted) = match read_as.value {
            ReadAs::Type | ReadAs::EpochSeconds | ReadAs::EpochMillis | ReadAs::EpochMicros => {
                (time, "a time")
            }
            ReadAs::Hex(_) | ReadAs::Base64 | ReadAs::HexNotText => (bytes, "bytea"),
            ReadAs::HexText => (text, "text"),
            ReadAs::Quantity => {
                (time || text || is_number(&column.kind), "a number, a text or a time")
            }
        };
        if !fits {
            self.misplaced(
                &read_as.place,
                "this way of reading gives",
                wanted,
                column,
                "Leave \"as\" out.",
            );
        }
    }

    /// What is computed fits the type of the column, and only JSON has it where it needs JSON.
    fn computed(&mut self, from: &FromSection, column: &StreamColumn, format: Format) {
        let (place, fits, what, wanted, json) = match from {
            FromSection::Field(_) | FromSection::Const(_) => return,
            FromSection::Index(at) => {
                (&at.place, is_number(&column.kind), "the number of a leg is", "a number", true)
            }
            FromSection::Raw(place) => {
                let fits =
                    matches!(column.kind, ColumnType::Json | ColumnType::Jsonb | ColumnType::Text);
                (place, fits, "the event itself is", "json, jsonb or text", true)
            }
            FromSection::Keccak256(parts) => {
                for part in parts.iter().filter(|part| is_constant(&part.value)) {
                    if !is_hex(&part.value) {
                        self.report(
                            part.problem("this is not an even number of hexadecimal digits"),
                        );
                    }
                }
                let Some(first) = parts.first() else { return };
                let fits = column.kind == ColumnType::Bytea;
                (&first.place, fits, "a hash is", "bytea", false)
            }
        };
        if json && format != Format::Json {
            self.report(place.problem("only JSON has this").hint("Use another format."));
        } else if !fits {
            self.misplaced(place, what, wanted, column, "Use another column.");
        }
    }

    fn misplaced(
        &mut self,
        place: &Place,
        what: &str,
        wanted: &str,
        column: &StreamColumn,
        hint: &str,
    ) {
        let message = format!(
            "{what} {wanted}, but column \"{}\" is of type {}",
            column.name.as_str(),
            column.type_name
        );
        self.report(place.problem(message).hint(hint));
    }
}

fn is_number(kind: &ColumnType) -> bool {
    use ColumnType::{Int2, Int4, Int8, Numeric};
    matches!(kind, Int2 | Int4 | Int8 | Numeric(_))
}

fn has_column(stream: &Stream, entry: &MapSection) -> bool {
    stream.columns.iter().any(|column| column.name.as_str() == entry.column.value)
}

/// Each column by its entry, else by what the routes have in common, else by the field of its own
/// name: of the element, when elements are the events.
fn map(section: &SourceSection, route: &RouteSection, stream: &Stream) -> Vec<Mapping> {
    let mut prefix = Vec::new();
    if let Some(each) = &section.each {
        prefix = segments(&format!("{}[]", each.value), section.format);
    }
    let entry_of = |column: &StreamColumn| {
        let mut entries = route.map.iter().chain(&section.common);
        entries.find(|entry| entry.column.value == column.name.as_str())
    };
    let mapping = |(index, column): (usize, &StreamColumn)| {
        let Some(entry) = entry_of(column) else {
            let mut path = prefix.clone();
            path.push(column.name.as_str().to_owned());
            let from = MapFrom::Field { path, read_as: ReadAs::Type, values: Vec::new() };
            return Mapping::new(column.name.clone(), index, from);
        };
        Mapping {
            refused: entry.refused.as_ref().map(|code| code.value.clone()),
            missing: entry.missing.as_ref().map(|code| code.value.clone()),
            default: entry.default.as_ref().map(|text| text.value.clone()),
            ..Mapping::new(column.name.clone(), index, map_from(entry, section.format))
        }
    };
    let by_database = |column: &StreamColumn| column.is_identity() && entry_of(column).is_none();
    let columns = stream.columns.iter().enumerate();
    columns.filter(|(_, c)| !c.generated && !by_database(c)).map(mapping).collect()
}

fn origin(section: &OriginSection) -> Origin {
    match section {
        OriginSection::Redis { url, streams, fields, group } => Origin::Redis {
            url: url.clone(),
            streams: streams.clone(),
            fields: fields.clone(),
            group: group.clone(),
        },
        OriginSection::File(path) => Origin::File { path: path.clone() },
        OriginSection::Stdin(_) => Origin::Stdin,
        OriginSection::Http(_) => Origin::Http,
        OriginSection::Mqtt(mqtt) => Origin::Mqtt(Mqtt {
            url: mqtt.url.clone(),
            topics: mqtt.topics.iter().map(|topic| topic.value.clone()).collect(),
            client_id: mqtt.client_id.clone(),
            inflight: mqtt.inflight,
            authorities: mqtt.authorities.clone(),
        }),
    }
}

fn map_from(entry: &MapSection, format: Format) -> MapFrom {
    match &entry.from {
        FromSection::Field(field) => MapFrom::Field {
            path: segments(&field.value, format),
            read_as: entry.read_as.as_ref().map(|read_as| read_as.value).unwrap_or_default(),
            values: entry
                .values
                .iter()
                .map(|(from, to)| (from.clone(), to.value.clone()))
                .collect(),
        },
        FromSection::Const(constant) => MapFrom::Const(constant.value.clone()),
        FromSection::Index(_) => MapFrom::LegNumber,
        FromSection::Raw(_) => MapFrom::Event,
        FromSection::Keccak256(parts) => {
            MapFrom::Keccak256(parts.iter().map(|part| hash_part(&part.value, format)).collect())
        }
    }
}

fn hash_part(part: &str, format: Format) -> HashPart {
    if part == EVENT {
        return HashPart::Event;
    }
    if !is_constant(part) {
        return HashPart::Field(segments(part, format));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let pairs = part.as_bytes()[2..].chunks_exact(2);
    HashPart::Const(pairs.map(|pair| (digit(pair[0]) << 4) | digit(pair[1])).collect())
}

/// Why a text cannot be a value of a type (perhaps without words), `None` when it may be.
fn misfit(text: &str, kind: &ColumnType) -> Option<String> {
    let fits = match kind {
        ColumnType::Int2 => text.parse::<i16>().is_ok(),
        ColumnType::Int4 => text.parse::<i32>().is_ok(),
        ColumnType::Int8 => text.parse::<i64>().is_ok(),
        ColumnType::Float4 | ColumnType::Float8 | ColumnType::Numeric(_) => {
            text.parse::<f64>().is_ok()
        }
        ColumnType::Bool => matches!(text, "true" | "false"),
        ColumnType::Varchar(most) | ColumnType::Char(most) => {
            text.chars().count() <= *most as usize
        }
        ColumnType::Uuid => {
            let digits = text.chars().filter(char::is_ascii_hexdigit).count();
            digits == 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        }
        ColumnType::Enum(labels) => {
            if labels.iter().any(|label| label == text) {
                return None;
            }
            return suggest::hint(text, labels.iter().map(String::as_str), "labels")
                .or_else(|| Some(String::new()));
        }
        _ => true,
    };
    (!fits).then(String::new)
}
