//! `[[sources.NAME.routes]]`: which events go into which stream; the paths into arrays.

use toml::de::DeValue;

use super::map::{self, FromSection, MapSection};
use super::reader::{At, Section};
use crate::problem::Place;
use crate::source::Format;
use crate::units::Complaint;

/// A route as written.
#[derive(Debug, Clone)]
pub(crate) struct RouteSection {
    pub(crate) place: Place,
    pub(crate) into: Option<At<String>>,
    /// `None` when a condition is a mistake.
    pub(crate) when: Option<Vec<ConditionSection>>,
    pub(crate) expect: Vec<ExpectSection>,
    pub(crate) also: bool,
    pub(crate) legs: Option<At<String>>,
    pub(crate) map: Vec<MapSection>,
}

/// One entry of `when`.
#[derive(Debug, Clone)]
pub(crate) struct ConditionSection {
    pub(crate) field: At<String>,
    pub(crate) is: Vec<String>,
}

/// One entry of `expect`.
#[derive(Debug, Clone)]
pub(crate) struct ExpectSection {
    pub(crate) field: At<String>,
    pub(crate) is: Vec<At<String>>,
    pub(crate) hex: bool,
    pub(crate) refused: String,
}

/// The names of a path: those of JSON are joined by points, elsewhere a point is part of the name.
pub(crate) fn segments(path: &str, format: Format) -> Vec<String> {
    match format {
        Format::Json => path.split('.').map(str::to_owned).collect(),
        Format::Csv | Format::Fields => vec![path.to_owned()],
    }
}

/// Reads a route out of its own section, or the one route out of the source's.
pub(super) fn read(section: &Section<'_>, format: Format) -> RouteSection {
    let into = section.required("into", "into = \"trades\"");
    let legs = section.string("legs").filter(|legs| is_array(section, legs, format));
    RouteSection {
        place: section.place.clone(),
        into,
        when: read_when(section),
        expect: read_expectations(section),
        also: section.boolean("also").is_some_and(|also| also.value),
        legs,
        map: map::read(section),
    }
}

/// With a list of routes, what belongs to a route stands there.
pub(super) fn only_in_routes(section: &Section<'_>) {
    for key in ["into", "when", "expect", "also", "legs"] {
        if section.has(key) {
            let problem = section.place_of(key).problem(format!("\"{key}\" belongs to a route"));
            section.report(problem.hint("Move it into [[sources.NAME.routes]]."));
            section.pass(key);
        }
    }
}

/// Whether the path of an array can be one; else it is told.
pub(super) fn is_array(section: &Section<'_>, path: &At<String>, format: Format) -> bool {
    let problem = if format == Format::Json {
        if !path.value.ends_with("[]") {
            return true;
        }
        path.problem("this is the path of the elements, not of the array").hint("Leave out [].")
    } else {
        path.problem("only JSON has arrays").hint("Leave the key out.")
    };
    section.report(problem);
    false
}

fn read_when(section: &Section<'_>) -> Option<Vec<ConditionSection>> {
    if !section.has("when") {
        section.pass("when");
        return Some(Vec::new());
    }
    let when = section.section("when")?;
    let mut found = Vec::new();
    let mut mistaken = false;
    for (field, value) in when.others() {
        let texts = match value.get_ref() {
            DeValue::Table(_) => {
                let problem = field.problem("a condition is a field and its texts");
                when.report(problem.hint("Put a path into quotes: { \"data.kind\" = \"trade\" }."));
                mistaken = true;
                continue;
            }
            _ => when.strings_in(&field.value, value),
        };
        let is: Vec<String> = texts.into_iter().map(|text| text.value).collect();
        if is.is_empty() {
            when.report(field.problem("the condition has no text").hint(
                "Give the text that the field must hold, or a list of which it must hold one.",
            ));
            mistaken = true;
            continue;
        }
        found.push(ConditionSection { field, is });
    }
    (!mistaken).then_some(found)
}

/// One table, or a list of them.
fn read_expectations(section: &Section<'_>) -> Vec<ExpectSection> {
    let tables = if section.is_list("expect") {
        section.tables("expect").unwrap_or_default()
    } else {
        section.section("expect").into_iter().collect()
    };
    tables.into_iter().filter_map(read_expectation).collect()
}

fn read_expectation(table: Section<'_>) -> Option<ExpectSection> {
    let field = table.required("field", "field = \"version\"");
    if !table.has("is") {
        table.missing("is", "is = \"2\"");
    }
    let is = table.strings("is");
    let hex = table.parsed("as", |text| match text {
        "hex" => Ok(()),
        _ => Err(Complaint::new(
            format!("\"{text}\" is no way to compare"),
            "Use \"hex\", or leave it out.",
        )),
    });
    let refused = table.has("refused").then(|| map::code(&table, "refused"));
    for text in is.iter().flatten().filter(|_| hex.is_some()) {
        if !is_hex(&text.value) {
            let problem = text.problem("this is not an even number of hexadecimal digits");
            table.report(problem);
        }
    }
    if is.as_ref().is_some_and(Vec::is_empty) {
        table.report(table.place_of("is").problem("the expectation has no text"));
    }
    table.finish();
    let refused = match refused {
        None => "unexpected_value".to_owned(),
        Some(code) => code?.value,
    };
    Some(ExpectSection { field: field?, is: is?, hex: hex.is_some(), refused })
}

/// Whether the text is an even number of hexadecimal digits, perhaps behind `0x`.
pub(crate) fn is_hex(text: &str) -> bool {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl RouteSection {
    /// Every path into an array leads into one that is declared; legs lie within the event.
    pub(super) fn check_paths(
        &self,
        section: &Section<'_>,
        each: Option<&At<String>>,
        common: &[MapSection],
        format: Format,
    ) {
        if format != Format::Json {
            return;
        }
        let into = |at: &At<String>| format!("{}[]", at.value);
        let (event, leg) = (each.map(into), self.legs.as_ref().map(into));
        if let (Some(event), Some(legs)) = (&event, &self.legs)
            && !legs.value.starts_with(&format!("{event}."))
        {
            let problem = legs.problem("the legs are not within an event");
            section.report(problem.hint(format!("Write \"{event}.{}\".", legs.value)));
            return;
        }
        let tell = |at: &At<String>, with_legs: bool| {
            let path = at.value.as_str();
            let Some(end) = path.rfind("[]") else { return };
            let array = &path[..end + 2];
            let of_leg = leg.as_deref() == Some(array);
            if event.as_deref() == Some(array) || (of_leg && with_legs) {
                return;
            }
            let hint = if of_leg {
                "The legs of an event go the same way; ask for a field of the event.".to_owned()
            } else {
                let declared: Vec<&str> =
                    [&event, &leg].into_iter().flatten().map(String::as_str).collect();
                match declared.as_slice() {
                    [] => "Declare the array by \"each\" or \"legs\".".to_owned(),
                    _ => format!("Declared are {}.", declared.join(" and ")),
                }
            };
            let problem = at.problem(format!("\"{array}\" is no array to go into here"));
            section.report(problem.hint(hint));
        };
        for field in self.when.iter().flatten().map(|condition| &condition.field) {
            tell(field, false);
        }
        for field in self.expect.iter().map(|expect| &expect.field) {
            tell(field, false);
        }
        let mine = |entry: &&MapSection| {
            !self.map.iter().any(|own| own.column.value == entry.column.value)
        };
        for entry in self.map.iter().chain(common.iter().filter(mine)) {
            match &entry.from {
                FromSection::Field(field) => tell(field, true),
                FromSection::Keccak256(parts) => {
                    parts
                        .iter()
                        .filter(|part| !is_constant(&part.value) && part.value != EVENT)
                        .for_each(|p| tell(p, true));
                }
                FromSection::Index(index) => {
                    if self.legs.as_ref().is_none_or(|legs| legs.value != index.value) {
                        let problem = index.problem("only the legs of an event are counted");
                        section.report(problem.hint("Give the path that \"legs\" gives."));
                    }
                }
                FromSection::Const(_) | FromSection::Raw(_) => {}
            }
        }
    }

    /// Whether every event that could take `later` takes this one, and ends here.
    fn covers(&self, later: &Self) -> bool {
        let (Some(mine), Some(theirs)) = (&self.when, &later.when) else { return false };
        !self.also
            && mine.iter().all(|mine| {
                let same = |theirs: &&ConditionSection| theirs.field.value == mine.field.value;
                let theirs = theirs.iter().find(same);
                theirs.is_some_and(|theirs| theirs.is.iter().all(|text| mine.is.contains(text)))
            })
    }
}

/// The part of a hash that is the event itself.
pub(crate) const EVENT: &str = ".";

/// Whether a part of a hash is bytes rather than a field.
pub(crate) fn is_constant(part: &str) -> bool {
    part.starts_with("0x")
}

/// No route takes all that a later one is for.
pub(super) fn check_order(section: &Section<'_>, routes: &[RouteSection]) {
    for (i, later) in routes.iter().enumerate() {
        let Some(at) = routes[..i].iter().position(|earlier| earlier.covers(later)) else {
            continue;
        };
        let all = |route: &RouteSection| route.when.as_ref().is_some_and(Vec::is_empty);
        let problem = if all(&routes[at]) && all(later) {
            later.place.problem("two routes take every event").hint("Give one of them a \"when\".")
        } else {
            let message = format!("no event comes here: route {} takes them before", at + 1);
            later.place.problem(message).hint("Put the narrower route first.")
        };
        section.report(problem);
    }
}
