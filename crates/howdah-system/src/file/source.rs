//! `[sources.NAME]`: where events are and how they are written.

use std::path::PathBuf;

use super::map::{self, MapSection};
use super::mqtt::{self, MqttSection};
use super::reader::{At, Section};
use super::route::{self, RouteSection};
use crate::secret::SecretRef;
use crate::source::{Format, RedisGroup};
use crate::units::Complaint;

/// `[sources.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct SourceSection {
    pub(crate) name: At<String>,
    pub(crate) origin: Option<OriginSection>,
    pub(crate) format: Format,
    /// Events a second; `None`: as fast as they are committed.
    pub(crate) rate: Option<u32>,
    /// The path of the array whose elements are events.
    pub(crate) each: Option<At<String>>,
    /// At least one; that of the plain form has the whole map.
    pub(crate) routes: Vec<RouteSection>,
    /// What all routes have in common, each if its stream has the column.
    pub(crate) common: Vec<MapSection>,
}

/// Where the events are.
#[derive(Debug, Clone)]
pub(crate) enum OriginSection {
    Redis { url: SecretRef, streams: Vec<String>, fields: Vec<String>, group: Option<RedisGroup> },
    File(PathBuf),
    Stdin(At<()>),
    Http(At<()>),
    Mqtt(MqttSection),
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
    mqtt::check_sessions(top, &sources);
    sources
}

fn read_one(name: At<String>, section: Section<'_>) -> SourceSection {
    let fields = section.strings("field");
    let origin = read_origin(&section, fields.as_deref());
    let format = read_format(&section, origin.as_ref());
    let redis = matches!(origin, Some(OriginSection::Redis { .. }));
    if fields.is_some() && !(redis && format == Format::Json) {
        section.report(
            section
                .place_of("field")
                .problem("\"field\" has no effect here")
                .hint("It names the entry field that holds the event of a Redis source in JSON."),
        );
    } else if fields.is_none() && redis && format == Format::Json {
        section.by_default("field", "\"data\"");
    }
    let rate = read_rate(&section, origin.as_ref());
    let each = section.string("each").filter(|each| route::is_array(&section, each, format));
    let listed = section.tables("routes");
    let whole = listed.is_none();
    let (routes, common) = match listed {
        None => (vec![route::read(&section, format)], Vec::new()),
        Some(listed) => {
            route::only_in_routes(&section);
            if listed.is_empty() && section.is_list("routes") {
                let problem = section.place_of("routes").problem("the list of routes is empty");
                section.report(problem.hint("Add [[sources.NAME.routes]] with into = \"…\"."));
            }
            let read = |route: Section<'_>| {
                let read = route::read(&route, format);
                route.finish();
                read
            };
            (listed.into_iter().map(read).collect(), map::read(&section))
        }
    };
    for route in &routes {
        route.check_paths(&section, each.as_ref(), if whole { &[] } else { &common }, format);
    }
    route::check_order(&section, &routes);
    if let Some(OriginSection::Mqtt(mqtt)) = &origin {
        mqtt::check_levels(&section, mqtt, &routes, &common);
    }
    section.finish();
    SourceSection { name, origin, format, rate, each, routes, common }
}

fn read_origin(section: &Section<'_>, fields: Option<&[At<String>]>) -> Option<OriginSection> {
    let ways = ["redis", "mqtt", "file", "stdin", "http"];
    let given: Vec<_> = ways.into_iter().filter(|key| section.has(key)).collect();
    let redis = section.section("redis");
    let mqtt = section.section("mqtt");
    let file = section.string("file");
    let stdin = section.boolean("stdin");
    let http = section.boolean("http");
    match given.as_slice() {
        [_] => {}
        [] => {
            let problem = section.place.problem("the source does not say where its events are");
            section.report(problem.hint(
                "Add redis = { url = \"env:REDIS_URL\", stream = \"…\" }, mqtt = { … }, \
                 file = \"…\", stdin = true or http = true.",
            ));
        }
        [_, second, ..] => {
            let place = section.place_of(second);
            section.report(place.problem("a source reads from one place").hint(
                "Keep one of redis, mqtt, file, stdin and http; several sources may go into one \
                 stream.",
            ));
        }
    }
    if let Some(redis) = redis {
        if !redis.has("url") {
            redis.missing("url", "url = \"env:REDIS_URL\"");
        }
        let url = redis.parsed("url", SecretRef::parse);
        let streams = read_streams(&redis);
        let group = read_group(&redis);
        redis.finish();
        let fields = fields.filter(|fields| !fields.is_empty()).map_or_else(
            || vec!["data".to_owned()],
            |fields| fields.iter().map(|field| field.value.clone()).collect(),
        );
        return Some(OriginSection::Redis { url: url?.value, streams: streams?, fields, group });
    }
    if let Some(mqtt) = mqtt {
        return mqtt::read(mqtt).map(OriginSection::Mqtt);
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

/// `stream` for one, `streams` for several.
fn read_streams(redis: &Section<'_>) -> Option<Vec<String>> {
    let Some(streams) = redis.strings("streams") else {
        return redis.required("stream", "stream = \"trades\"").map(|stream| vec![stream.value]);
    };
    if redis.has("stream") {
        let problem = redis.place_of("stream").problem("\"stream\" and \"streams\" are both given");
        redis.report(problem.hint("Name all in \"streams\"."));
        redis.string("stream");
    }
    let mut names: Vec<String> = Vec::new();
    for stream in streams {
        if names.contains(&stream.value) {
            redis.report(stream.problem(format!("stream \"{}\" is given twice", stream.value)));
        } else {
            names.push(stream.value);
        }
    }
    if names.is_empty() {
        redis.report(redis.place_of("streams").problem("the source has no stream"));
    }
    (!names.is_empty()).then_some(names)
}

/// `group`, and `consumer` which means nothing without it.
fn read_group(redis: &Section<'_>) -> Option<RedisGroup> {
    let (group, consumer) = (redis.string("group"), redis.string("consumer"));
    for name in [&group, &consumer].into_iter().flatten() {
        if name.value.is_empty() {
            redis.report(name.problem("the name is empty").hint("Leave the key out."));
        }
    }
    let Some(group) = group else {
        if let Some(consumer) = consumer {
            let problem = consumer.problem("\"consumer\" has no effect here");
            redis.report(
                problem.hint("It names howdah in the consumer group that \"group\" names."),
            );
        }
        return None;
    };
    Some(RedisGroup { name: group.value, consumer: consumer.map(|consumer| consumer.value) })
}

/// `rate`: the most events a second, of all shards of the source together.
fn read_rate(section: &Section<'_>, origin: Option<&OriginSection>) -> Option<u32> {
    let rate = section.integer("rate", 1, 1_000_000_000)?;
    if matches!(origin, Some(OriginSection::Http(_))) {
        let problem = rate.problem("\"rate\" has no effect here");
        section.report(
            problem.hint("Requests are held back by [http]: queue_requests and queue_bytes."),
        );
    }
    u32::try_from(rate.value).ok()
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
        Format::Csv if matches!(origin, Some(OriginSection::Mqtt(_))) => section
            .report(given.problem("messages of MQTT cannot be CSV").hint("Leave the key out.")),
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
