//! The system file as written: every section read, every mistake of form found.
//!
//! What needs the database (do the tables and columns exist, do the types fit) is asked afterwards,
//! by [`SystemFile::check`].

mod database;
mod derived;
mod http;
mod keep;
mod map;
mod mqtt;
mod reader;
mod reorganisation;
mod rollup;
mod route;
mod source;
mod span;
mod stream;
mod table;
mod upkeep;

use toml::de::DeTable;

use crate::effective::{EffectiveSetting, SettingOrigin};
use crate::model::IngestLimits;
use crate::problem::{self, Problem};
use crate::units;

pub use database::{DatabaseConfig, DatabaseTarget};
pub(crate) use derived::DerivedSection;
pub use http::HttpConfig;
pub(crate) use map::{FromSection, MapSection};
pub(crate) use reader::{At, Section};
pub(crate) use reorganisation::ReorganisationSection;
pub(crate) use rollup::{
    AggregateSection, ComputedSection, MeasureSection, PositionSection, RollupSection,
};
pub(crate) use route::{EVENT, RouteSection, is_constant, is_hex, segments};
pub(crate) use source::{OriginSection, SourceSection};
pub(crate) use span::{CalendarSection, SpanRollupSection, SpanSection};
pub(crate) use stream::StreamSection;
pub(crate) use table::{SightSection, TableSection};
pub use upkeep::{UpkeepConfig, Window};

pub(crate) use keep::KeepBySection;
use reader::Reader;

/// A system file, read but not yet held against a database.
#[derive(Debug, Clone)]
pub struct SystemFile {
    pub(crate) name: String,
    pub(crate) database: DatabaseConfig,
    pub(crate) tenants: Option<TenantsSection>,
    /// Where events go before they are dropped.
    pub(crate) export: Option<At<String>>,
    pub(crate) tables: Vec<TableSection>,
    pub(crate) roles: RoleNames,
    pub(crate) ingest: IngestLimits,
    pub(crate) http: Option<HttpConfig>,
    upkeep: UpkeepConfig,
    pub(crate) streams: Vec<StreamSection>,
    pub(crate) sources: Vec<SourceSection>,
    pub(crate) rollups: Vec<RollupSection>,
    pub(crate) derived: Vec<DerivedSection>,
    pub(crate) spans: Vec<SpanSection>,
    pub(crate) span_rollups: Vec<SpanRollupSection>,
    pub(crate) reorganisations: Vec<ReorganisationSection>,
    pub(crate) problems: Vec<Problem>,
    settings: Vec<EffectiveSetting>,
}

/// `[tenants]`.
#[derive(Debug, Clone)]
pub(crate) struct TenantsSection {
    pub(crate) column: Option<At<String>>,
    pub(crate) table: Option<At<String>>,
    /// The columns of the table that say how long, and whether nothing may be deleted.
    pub(crate) keep: KeepBySection,
    pub(crate) hold: Option<At<String>>,
}

/// `[roles]` with defaults filled in.
#[derive(Debug, Clone)]
pub(crate) struct RoleNames {
    pub(crate) writer: String,
    pub(crate) reader: String,
    pub(crate) auditor: String,
}

impl SystemFile {
    /// Reads the text of a system file. `path` is only for messages.
    ///
    /// All mistakes of form come together, in the order of the file. With mistakes there is still a
    /// file (unless it is no TOML at all), so that [`SystemFile::check`] can find what else is
    /// wrong; it never becomes a `System`.
    #[must_use]
    pub fn parse(_path: &str, text: &str) -> (Option<Self>, Vec<Problem>) {
        let reader = Reader::new(text);
        let (document, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors {
                let at = reader.place(error.span().unwrap_or(0..0), String::new());
                let message = error.message().replace('\n', " ");
                let mut chars = message.chars();
                let lower: String =
                    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect();
                reader.report(at.problem(format!("not TOML: {lower}")));
            }
            return (None, problem::in_order(reader.into_parts().0));
        }
        let place = reader.place(0..0, String::new());
        let top = Section::new(&reader, document.get_ref(), place);
        let mut file = Self::read(&top);
        top.finish();
        let (problems, settings) = reader.into_parts();
        file.problems = problem::in_order(problems);
        file.settings = settings;
        let problems = file.problems.clone();
        (Some(file), problems)
    }

    /// The same, with all mistakes as one error.
    ///
    /// # Errors
    /// HD0301 with every mistake as `path:line:column: message`.
    pub fn read_text(path: &str, text: &str) -> howdah_error::Result<Self> {
        match Self::parse(path, text) {
            (Some(file), problems) if problems.is_empty() => Ok(file),
            (_, problems) => Err(problem::error_of(path, &problems)),
        }
    }

    fn read(top: &Section<'_>) -> Self {
        // What `howdah review` allows is its own to read.
        top.pass("review");
        let name = read_name(top);
        let database = database::read(top);
        let tenants = top.section("tenants").map(|section| {
            let column = section.required("column", "column = \"tenant_id\"");
            let table = section.string("table");
            let keep = KeepBySection::read(&section, "keep");
            let hold = section.string("hold");
            section.finish();
            TenantsSection { column, table, keep, hold }
        });
        let export = top.section("history").and_then(|section| {
            let export = section.string("export");
            section.finish();
            export
        });
        let roles = read_roles(top, &name);
        let ingest = read_ingest(top);
        let http = http::read(top);
        let upkeep = upkeep::read(top);
        let streams = stream::read(top);
        let sources = source::read(top);
        http::check_sources(top, http.as_ref(), &sources);
        let spans = span::read(top);
        let rollups = rollup::read(top, &spans);
        Self {
            name,
            database,
            tenants,
            export,
            tables: table::read(top),
            roles,
            ingest,
            http,
            upkeep,
            streams,
            sources,
            rollups: rollups.streams,
            derived: rollups.states,
            spans,
            span_rollups: rollups.spans,
            reorganisations: reorganisation::read(top),
            problems: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// `system.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to reach the database, as far as the file says.
    #[must_use]
    pub fn database(&self) -> &DatabaseConfig {
        &self.database
    }

    /// The rate of each source, as the file has it now: what a process that runs may take anew.
    pub fn rates(&self) -> impl Iterator<Item = (&str, Option<u32>)> + '_ {
        self.sources.iter().map(|source| (source.name.value.as_str(), source.rate))
    }

    /// Where and how to listen, when the file has `[http]`.
    #[must_use]
    pub fn http(&self) -> Option<&HttpConfig> {
        self.http.as_ref()
    }

    /// Whether and when `howdah run` does the upkeep.
    #[must_use]
    pub fn upkeep(&self) -> &UpkeepConfig {
        &self.upkeep
    }

    /// Every setting in force with its value and where it comes from; secrets only as references.
    /// Settings of the file come first, in its order, then the defaults.
    #[must_use]
    pub fn effective(&self) -> Vec<EffectiveSetting> {
        let mut settings = self.settings.clone();
        settings.sort_by_key(|setting| match setting.origin {
            SettingOrigin::File { line } => (0, line),
            SettingOrigin::Default => (1, 0),
        });
        settings
    }
}

fn read_name(top: &Section<'_>) -> String {
    let Some(section) = top.section("system") else {
        if !top.has("system") {
            top.missing("system", "[system] with name = \"trading\"");
        }
        return String::new();
    };
    let name = section.required("name", "name = \"trading\"");
    section.finish();
    let Some(name) = name else { return String::new() };
    // The name makes role names and settings; 40 bytes leave room for what is added to it.
    let plain = name.value.starts_with(|c: char| c.is_ascii_lowercase())
        && name.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.value.len() <= 40;
    if !plain {
        top.report(name.problem(format!("\"{}\" cannot name a system", name.value)).hint(
            "A name begins with a letter and has lower-case letters, digits and \"_\", at most 40.",
        ));
    }
    name.value
}

fn read_roles(top: &Section<'_>, system: &str) -> RoleNames {
    let section = top.section("roles");
    let one = |key: &'static str| {
        let given = section.as_ref().and_then(|section| section.string(key));
        given.map_or_else(
            || {
                let name = format!("{system}_{key}");
                top.default_at(&format!("roles.{key}"), format!("\"{name}\""));
                name
            },
            |given| given.value,
        )
    };
    let names = RoleNames { writer: one("writer"), reader: one("reader"), auditor: one("auditor") };
    if let Some(section) = section {
        if names.writer == names.reader
            || names.writer == names.auditor
            || names.reader == names.auditor
        {
            section.report(
                section
                    .place
                    .problem("two roles have the same name")
                    .hint("Each role has other rights; give each its own name."),
            );
        }
        section.finish();
    }
    names
}

fn read_ingest(top: &Section<'_>) -> IngestLimits {
    let mut limits = IngestLimits::default();
    let section = top.section("ingest");
    let given = section.as_ref();
    match given.and_then(|section| section.integer("batch_rows", 1, 1_000_000)) {
        Some(rows) => limits.batch_rows = rows.value as usize,
        None => top.default_at("ingest.batch_rows", limits.batch_rows.to_string()),
    }
    match given.and_then(|section| size(section, "batch_bytes")) {
        Some(bytes) => limits.batch_bytes = bytes,
        None => top.default_at("ingest.batch_bytes", "\"16 MiB\""),
    }
    match given.and_then(|section| section.parsed("linger", units::duration)) {
        Some(linger) => {
            limits.linger_ms = u64::try_from(linger.value.as_millis()).unwrap_or(u64::MAX);
        }
        None => top.default_at("ingest.linger", "\"20 ms\""),
    }
    match given.and_then(|section| size(section, "event_bytes")) {
        Some(bytes) => limits.event_bytes = bytes,
        None => top.default_at("ingest.event_bytes", "\"1 MiB\""),
    }
    match given.and_then(lease) {
        Some(lease) => limits.lease_ms = lease,
        None => top.default_at("ingest.lease", "\"5 s\""),
    }
    if let Some(section) = section {
        if limits.event_bytes > limits.batch_bytes {
            let place = section.place_of("event_bytes");
            section.report(
                place
                    .problem("an event may be larger than a whole batch")
                    .hint("Make event_bytes smaller or batch_bytes larger."),
            );
        }
        section.finish();
    }
    limits
}

/// A lease from 1 s to 10 min: it is renewed three times as often, and a stopped owner holds its
/// shards up so long.
fn lease(section: &Section<'_>) -> Option<u64> {
    let lease = section.parsed("lease", units::duration)?;
    let ms = u64::try_from(lease.value.as_millis()).unwrap_or(u64::MAX);
    if (1_000..=600_000).contains(&ms) {
        return Some(ms);
    }
    section.report(lease.problem("\"lease\" must be from 1 s to 10 min"));
    None
}

/// A size from 1 kB to 1 GiB: what one transaction can hold in memory.
fn size(section: &Section<'_>, key: &'static str) -> Option<usize> {
    let size = section.parsed(key, units::size)?;
    if (1000..=1 << 30).contains(&size.value) {
        return Some(size.value);
    }
    section.report(size.problem(format!("\"{key}\" must be from 1 kB to 1 GiB")));
    None
}
