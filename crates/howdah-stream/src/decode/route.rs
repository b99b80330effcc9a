//! One route of a source: which events take it, what they must hold, and the columns of its rows.

use std::borrow::Cow;

use bytes::BufMut as _;
use howdah_catalog::Ident;
use howdah_error::{Error, Result};
use howdah_system::{Expectation, Format, MapFrom, Origin, Source, Stream, topic_level};

use super::Reject;
use super::event::{Event, Place};
use super::fault::Fault;
use super::field::Field;
use super::hex;
use super::paths::Paths;
use super::time;
use super::value::Value;

/// The paths of all routes of a source, each with its place.
#[derive(Debug)]
pub(super) struct Places {
    format: Format,
    /// Events come under topics, whose levels are places too.
    topics: bool,
    /// The array of events, and its elements as a prefix of paths.
    each: Option<(Vec<String>, Vec<String>)>,
    /// The paths of JSON events.
    pub(super) json: Paths,
    /// The names of CSV columns or Redis fields.
    pub(super) names: Vec<String>,
}

impl Places {
    pub(super) fn new(source: &Source) -> Self {
        let mut json = Paths::default();
        if let Some(each) = &source.each {
            json.declare_array(each);
        }
        let each = source.each.clone().map(|each| (each.clone(), elements_of(&each)));
        let topics = matches!(source.origin, Origin::Mqtt(_));
        Self { format: source.format, topics, each, json, names: Vec::new() }
    }

    /// The place of a path within the event; legs have places of their own.
    fn of(&mut self, path: &[String]) -> Result<Place> {
        if let (true, [only]) = (self.topics, path)
            && let Some(level) = topic_level(only)
        {
            return Ok(Place::Topic(level));
        }
        if self.format != Format::Json {
            let name = path.join(".");
            let slot = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
                self.names.push(name);
                self.names.len() - 1
            });
            return Ok(Place::Outer(slot));
        }
        if let Some((array, prefix)) = &self.each
            && let Some(rest) = path.strip_prefix(&prefix[..])
        {
            no_array(rest, path)?;
            return Ok(Place::Element(self.json.inner_slot(array, rest)));
        }
        no_array(path, path)?;
        Ok(Place::Outer(self.json.outer_slot(path)))
    }
}

fn no_array(rest: &[String], path: &[String]) -> Result<()> {
    if rest.iter().any(|name| name.ends_with("[]")) {
        let path = path.join(".");
        return Err(Error::internal(format!("\"{path}\" goes into an array that is not declared")));
    }
    Ok(())
}

/// The path of the elements of an array.
fn elements_of(array: &[String]) -> Vec<String> {
    let mut elements = array.to_vec();
    if let Some(last) = elements.last_mut() {
        last.push_str("[]");
    }
    elements
}

/// A route, ready to make rows.
#[derive(Debug)]
pub(super) struct Route {
    when: Vec<(Place, Vec<String>)>,
    /// Whether its events go on to later routes.
    pub(super) also: bool,
    expect: Vec<Expect>,
    pub(super) legs: Option<Legs>,
    pub(super) fields: Vec<Field>,
    pub(super) columns: Vec<Ident>,
    /// Which of `fields` is the stream's time.
    time: usize,
}

/// The array of legs of an event.
#[derive(Debug)]
pub(super) struct Legs {
    /// Its path as written, for reasons.
    pub(super) name: String,
    pub(super) place: Place,
    /// The paths within a leg.
    pub(super) paths: Paths,
}

#[derive(Debug)]
struct Expect {
    /// For reasons.
    name: String,
    place: Place,
    is: Vec<String>,
    /// What `is` says as bytes, when the field is compared by them.
    bytes: Option<Vec<Vec<u8>>>,
    refused: String,
    /// The field is a column too, which refuses what is no value of it with a code of its own.
    mapped: bool,
}

impl Expect {
    fn new(
        expectation: &Expectation,
        route: &howdah_system::Route,
        places: &mut Places,
    ) -> Result<Self> {
        let bytes = || expectation.is.iter().map(|text| bytes_of(text)).collect();
        Ok(Self {
            name: expectation.path.join("."),
            place: places.of(&expectation.path)?,
            is: expectation.is.clone(),
            bytes: expectation.hex.then(bytes),
            refused: expectation.refused.clone(),
            mapped: route.map.iter().any(|mapping| match &mapping.from {
                MapFrom::Field { path, .. } => *path == expectation.path,
                _ => false,
            }),
        })
    }
}

impl Route {
    /// Prepares a route into `stream`; fails when a constant does not fit its column, or when the
    /// mapping does not give the stream's time.
    pub(super) fn new(
        source: &Source,
        route: &howdah_system::Route,
        stream: &Stream,
        places: &mut Places,
    ) -> Result<Self> {
        let mut when = Vec::with_capacity(route.when.len());
        for condition in &route.when {
            when.push((places.of(&condition.path)?, condition.is.clone()));
        }
        let mut expect = Vec::with_capacity(route.expect.len());
        for expectation in &route.expect {
            expect.push(Expect::new(expectation, route, places)?);
        }
        let mut legs = None;
        if let Some(path) = &route.legs {
            let place = places.of(path)?;
            let mut paths = Paths::default();
            paths.declare_array(&[]);
            legs = Some((elements_of(path), Legs { name: path.join("."), place, paths }));
        }
        let mut fields = Vec::with_capacity(route.map.len());
        for mapping in &route.map {
            let column = stream.columns.get(mapping.index).ok_or_else(|| {
                let (index, name) = (mapping.index, &stream.name);
                Error::internal(format!("no column {index} in stream \"{name}\""))
            })?;
            let place = |path: &[String]| {
                if let Some((prefix, legs)) = &mut legs
                    && let Some(rest) = path.strip_prefix(&prefix[..])
                {
                    no_array(rest, path)?;
                    return Ok(Place::Leg(legs.paths.inner_slot(&[], rest)));
                }
                places.of(path)
            };
            fields.push(Field::new(column, mapping, column.name == stream.time, place)?);
        }
        if let Some((_, legs)) = &mut legs {
            legs.paths.sort();
        }
        let time = route.map.iter().position(|mapping| mapping.column == stream.time);
        let time = time.ok_or_else(|| {
            let (time, name) = (stream.time.as_str(), &stream.name);
            Error::input(format!("source \"{}\" does not give the time", source.name))
                .detail(format!("Column \"{time}\" is the time of stream \"{name}\"."))
                .hint("Map a field of the event to it.")
        })?;
        let columns = route.map.iter().map(|mapping| mapping.column.clone()).collect();
        Ok(Self {
            when,
            also: route.also,
            expect,
            legs: legs.map(|(_, legs)| legs),
            fields,
            columns,
            time,
        })
    }

    /// Whether the event takes this route, if no earlier one keeps it.
    pub(super) fn takes(&self, event: &Event<'_>) -> bool {
        self.when.iter().all(|(place, is)| {
            let value = event.value(*place, true).ok().flatten();
            value.is_some_and(|value| holds(&value, is))
        })
    }

    /// Whether the events of one text may take different routes: it is told by their own fields.
    pub(super) fn looks_into_elements(&self) -> bool {
        self.when.iter().any(|(place, _)| !matches!(place, Place::Outer(_) | Place::Topic(_)))
    }

    /// Refuses an event that does not hold what it must.
    pub(super) fn check(&self, event: &Event<'_>) -> Result<(), Reject> {
        for expect in &self.expect {
            let name = &expect.name;
            let Ok(Some(value)) = event.value(expect.place, true) else {
                let reason = format!("field \"{name}\" is missing or null");
                return Err(Reject::new("missing_field", reason));
            };
            let as_expected = match &expect.bytes {
                None => holds(&value, &expect.is),
                Some(wanted) => {
                    let mut bytes = Vec::new();
                    let read = hex::encode(&value, None, &mut bytes);
                    let comparable =
                        read.is_ok() && wanted.iter().any(|wanted| wanted.len() == bytes.len());
                    (expect.mapped && !comparable)
                        || wanted.iter().any(|wanted| read.is_ok() && *wanted == bytes[..])
                }
            };
            if !as_expected {
                let reason = format!("field \"{name}\" does not hold what the source expects");
                let code = Cow::Owned(expect.refused.clone());
                return Err(Reject { code, reason, column: None });
            }
        }
        Ok(())
    }

    /// Makes `out` the tuple of a row and gives its event time.
    pub(super) fn write(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<i64, Reject> {
        out.clear();
        out.put_i16(self.fields.len() as i16);
        let mut time = None;
        for (slot, field) in self.fields.iter().enumerate() {
            let start = out.len();
            field.write(event, out).map_err(|fault| field.reject(&fault))?;
            if slot == self.time {
                time = time::micros_of(&out[start + 4..]);
            }
        }
        time.ok_or_else(|| {
            self.fields[self.time].reject(&Fault::out_of_range("is an infinite time"))
        })
    }
}

/// Whether the value's text is one of `texts`.
fn holds(value: &Value<'_>, texts: &[String]) -> bool {
    value.scalar().is_ok_and(|scalar| texts.iter().any(|text| text == scalar.any_text()))
}

/// The bytes of hexadecimal digits; the system file was checked for them.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = hex::encode(&Value::Plain(Cow::Borrowed(text)), None, &mut bytes);
    if read.is_ok() { bytes } else { Vec::new() }
}
