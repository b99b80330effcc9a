//! What a rule is: what it is called, what it needs, what it says, and its one function.

use crate::facts::Facts;
use crate::finding::{Findings, Level};

/// A rule. Each is one file in `rules/GROUP/`, as the constant `RULE`.
#[derive(Debug)]
pub struct Rule {
    /// `HR` and four digits, the first two the group's; never given to another rule.
    pub code: &'static str,
    /// What is found, in kebab-case: "allow NAME" must read well.
    pub name: &'static str,
    /// How much it matters, when the context does not say otherwise.
    pub level: Level,
    /// Where it belongs.
    pub group: Group,
    /// Without these it is not run, and counts as unknown.
    pub needs: &'static [Needs],
    /// The text of its file, of which the `//!` lines are its documentation.
    pub source: &'static str,
    /// Looks at the facts and says what it finds.
    pub check: fn(&Facts, &mut Findings<'_>),
}

/// Groups of rules; the folders of `rules/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Whether it builds, and what leaves the database.
    Build = 1,
    /// Locks and rewrites of migrations.
    Locks = 2,
    /// Types of columns.
    Types = 3,
    /// Indexes.
    Indexes = 4,
    /// Keys and constraints.
    Keys = 5,
    /// Queries.
    Queries = 6,
    /// Functions, procedures and triggers.
    Routines = 7,
    /// Security and row security.
    Security = 8,
    /// Audit.
    Audit = 9,
    /// Settings of the server.
    Settings = 10,
    /// Operations.
    Operations = 11,
    /// Time series.
    Timeseries = 12,
    /// Application source.
    Source = 13,
}

impl Group {
    /// Every group, in order.
    pub const ALL: &'static [Self] = &[
        Self::Build,
        Self::Locks,
        Self::Types,
        Self::Indexes,
        Self::Keys,
        Self::Queries,
        Self::Routines,
        Self::Security,
        Self::Audit,
        Self::Settings,
        Self::Operations,
        Self::Timeseries,
        Self::Source,
    ];

    /// Its folder.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Locks => "locks",
            Self::Types => "types",
            Self::Indexes => "indexes",
            Self::Keys => "keys",
            Self::Queries => "queries",
            Self::Routines => "routines",
            Self::Security => "security",
            Self::Audit => "audit",
            Self::Settings => "settings",
            Self::Operations => "operations",
            Self::Timeseries => "timeseries",
            Self::Source => "source",
        }
    }
}

/// Kinds of facts that a rule may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Statements of files.
    Statements,
    /// What each statement did when it was run.
    Build,
    /// A catalog, built or live.
    Catalog,
    /// Rows, sizes and counters of a database in use.
    Statistics,
    /// Settings of a server in use.
    Settings,
    /// Application source.
    Source,
    /// Models of an ORM.
    Models,
}

impl Needs {
    /// Whether `facts` have it.
    #[must_use]
    pub fn is_met(self, facts: &Facts) -> bool {
        match self {
            Self::Source => !facts.sources.is_empty(),
            Self::Models => !facts.models.is_empty(),
            Self::Statements => !facts.statements.is_empty(),
            Self::Build => facts.built,
            Self::Catalog => facts.catalog.is_some(),
            Self::Statistics | Self::Settings => facts.live && facts.catalog.is_some(),
        }
    }
}

impl Rule {
    /// Whether the facts are enough for it.
    #[must_use]
    pub fn can_check(&self, facts: &Facts) -> bool {
        self.needs.iter().all(|need| need.is_met(facts))
    }

    /// Its documentation in Markdown: the `//!` lines of its file.
    #[must_use]
    pub fn documentation(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.fold(String::new(), |mut text, line| {
            text.push_str(line.strip_prefix(' ').unwrap_or(line));
            text.push('\n');
            text
        })
    }

    /// The SQL blocks of its documentation.
    #[must_use]
    pub fn examples(&self) -> Vec<Example> {
        let mut examples = Vec::new();
        let mut open: Option<Example> = None;
        for line in self.documentation().lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(tags)) if tags.starts_with("sql,") => {
                    let has = |tag| tags.split(',').any(|one| one.trim() == tag);
                    open = Some(Example {
                        invalid: has("invalid"),
                        live: has("live"),
                        alone: has("alone"),
                        extension: has("extension"),
                        sql: String::new(),
                    });
                }
                (Some(_), Some(_)) => examples.extend(open.take()),
                (Some(example), None) => {
                    example.sql.push_str(line);
                    example.sql.push('\n');
                }
                _ => {}
            }
        }
        examples
    }
}

/// An example of a rule's documentation: a block of code of `sql,invalid` or `sql,valid`.
///
/// A line `-- file: NAME` begins another migration. With `live` the SQL makes a database in use,
/// which is then reviewed as one: `-- server: NAME = VALUE` is a setting that it has, and what
/// follows `-- session: NAME` runs in a session of its own that stays open, as the login of that
/// name where there is one (its password is its name); `-- today: DATE` is the day of the review.
/// With `alone` too it has the server for itself, and its settings are the server's. With
/// `extension` statements may fail that need an extension which a stock server has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The rule finds something in it.
    pub invalid: bool,
    /// It is a database in use rather than migrations.
    pub live: bool,
    /// It changes or looks at the server as a whole, so it is tried on one that nobody shares.
    pub alone: bool,
    /// Statements of it may fail for want of an extension.
    pub extension: bool,
    /// The SQL.
    pub sql: String,
}

impl Example {
    /// The day on which it is reviewed, where it says one: `-- today: YYYY-MM-DD`.
    #[must_use]
    pub fn today(&self) -> Option<&str> {
        self.sql.lines().find_map(|line| line.strip_prefix("-- today: ")).map(str::trim)
    }

    /// The migrations: name and text.
    #[must_use]
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in self.sql.lines() {
            if let Some(name) = line.strip_prefix("-- file: ") {
                files.push((name.trim().to_owned(), String::new()));
                continue;
            }
            if files.is_empty() {
                files.push(("0001_example.sql".to_owned(), String::new()));
            }
            if let Some((_, text)) = files.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        files
    }
}
