//! Findings: what, where, how it is known, and what mends it.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use howdah_catalog::name::stable_hash;
use howdah_catalog::{Ident, Literal, RelName};
use howdah_sql::Position;

use crate::experiment::Experiment;
use crate::facts::{Facts, StatementId};
use crate::rule::Rule;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Worth a look when there is time.
    Notice,
    /// It costs or will cost something: speed, an outage, a wrong result in a rare case.
    Warning,
    /// It is broken, unsafe, or loses data.
    Error,
}

impl Level {
    /// The level as it is typed and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Level {
    type Err = howdah_error::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Info, Self::Notice, Self::Warning, Self::Error]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| {
                howdah_error::Error::input(format!("unknown level \"{text}\""))
                    .hint("Levels are info, notice, warning and error.")
            })
    }
}

/// What a finding is about. Its text is part of the fingerprint, so it never holds a line number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The whole database or server.
    Database,
    /// A relation.
    Relation(RelName),
    /// A column.
    Column(RelName, Ident),
    /// An index of a table.
    Index(RelName, Ident),
    /// A constraint of a table.
    Constraint(RelName, Ident),
    /// A policy of a table.
    Policy(RelName, Ident),
    /// A trigger of a table.
    Trigger(RelName, Ident),
    /// A function by name and arguments.
    Function(RelName, String),
    /// A schema, role, extension, type or setting: kind and name.
    Named(&'static str, String),
    /// A statement of a file.
    Statement(StatementId),
}

impl Subject {
    /// The table that it is of.
    #[must_use]
    pub fn table(&self) -> Option<&RelName> {
        match self {
            Self::Relation(table)
            | Self::Column(table, _)
            | Self::Index(table, _)
            | Self::Constraint(table, _)
            | Self::Policy(table, _)
            | Self::Trigger(table, _) => Some(table),
            Self::Database | Self::Function(..) | Self::Named(..) | Self::Statement(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("database"),
            Self::Relation(name) => write!(f, "table {}", name.plain()),
            Self::Column(table, name) => write!(f, "column {}.{}", table.plain(), name.as_str()),
            Self::Index(table, name) => write!(f, "index {} on {}", name.as_str(), table.plain()),
            Self::Constraint(table, name) => {
                write!(f, "constraint {} on {}", name.as_str(), table.plain())
            }
            Self::Policy(table, name) => write!(f, "policy {} on {}", name.as_str(), table.plain()),
            Self::Trigger(table, name) => {
                write!(f, "trigger {} on {}", name.as_str(), table.plain())
            }
            Self::Function(name, arguments) => write!(f, "function {}({arguments})", name.plain()),
            Self::Named(kind, name) => write!(f, "{kind} {name}"),
            Self::Statement(_) => f.write_str("statement"),
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, within the target.
    pub path: String,
    /// The bytes.
    pub span: Range<usize>,
    /// Where they begin, for people.
    pub position: Position,
}

/// How a finding is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By an experiment or a fact of the catalog, which anybody can repeat.
    Proved(Reproducer),
    /// By the planner or a model, named here.
    Estimated(String),
    /// By the look of it.
    Heuristic,
}

impl Proof {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::Estimated(_) => "estimated",
            Self::Heuristic => "heuristic",
        }
    }
}

/// SQL that shows the finding to anybody who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reproducer {
    /// Run it on the database as it is before this statement; `None`: on the finished one.
    pub before: Option<StatementId>,
    /// The SQL.
    pub sql: String,
    /// What then happens.
    pub expect: Expect,
    /// Who runs it.
    pub login: Login,
}

/// Who runs a reproducer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A plain login that owns the database: for everything that holds the words of others.
    Owner,
    /// The superuser of the scratch server: for SQL of our own that makes roles or writes past
    /// triggers.
    Superuser,
}

/// What a reproducer shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The last statement is a query that gives at least one row.
    Rows,
    /// A row of the last statement contains this text.
    Line(String),
    /// It fails with this SQLSTATE.
    Failure(String),
    /// Nothing needs to be run: the statement says so itself.
    Written,
}

impl Reproducer {
    /// The statement itself is the proof.
    #[must_use]
    pub fn written(statement: StatementId) -> Self {
        Self {
            before: Some(statement),
            sql: String::new(),
            expect: Expect::Written,
            login: Login::Owner,
        }
    }

    /// A query that gives rows on the finished database.
    #[must_use]
    pub fn query(sql: impl Into<String>) -> Self {
        Self { before: None, sql: sql.into(), expect: Expect::Rows, login: Login::Owner }
    }
}

/// SQL that mends a finding, each statement on its own, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// To be run on the database as it is.
    After(Vec<String>),
    /// To be written instead of a statement that was not applied yet.
    Instead(StatementId, Vec<String>),
    /// To be set for the whole server, which a reload or a restart then takes up.
    Server(Setting),
}

/// A setting with the value that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// The value, in the setting's base unit.
    pub value: String,
    /// `alter system …`.
    pub sql: Vec<String>,
}

impl Fix {
    /// Its statements.
    #[must_use]
    pub fn sql(&self) -> &[String] {
        match self {
            Self::After(sql) | Self::Instead(_, sql) => sql,
            Self::Server(setting) => &setting.sql,
        }
    }
}

/// One finding.
#[derive(Debug)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How much it matters here; the rule's level, unless the context says otherwise.
    pub level: Level,
    /// What it is about.
    pub subject: Subject,
    /// Where; filled in for objects that a statement made.
    pub place: Option<Place>,
    /// What is wrong: lower-case, no full stop.
    pub message: String,
    /// Sentences: which, how much.
    pub detail: Option<String>,
    /// Sentences: what to do.
    pub hint: Option<String>,
    /// How it is known.
    pub proof: Proof,
    /// What is to be tried before it is reported; it decides the proof.
    pub experiment: Option<Box<dyn Experiment>>,
    /// What mends it.
    pub fix: Option<Fix>,
    /// What belongs to the fix and must stand in a later migration.
    pub later: Vec<String>,
    /// The same for the same finding in a file whose lines moved.
    pub fingerprint: String,
}

impl Finding {
    /// Where it is.
    pub fn place(&mut self, place: Place) -> &mut Self {
        self.place = Some(place);
        self
    }

    /// Another level than the rule's.
    pub fn level(&mut self, level: Level) -> &mut Self {
        self.level = level;
        self
    }

    /// Which, how much: sentences.
    pub fn detail(&mut self, detail: impl Into<String>) -> &mut Self {
        self.detail = Some(detail.into());
        self
    }

    /// What to do: sentences.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }

    /// It is a fact that this shows.
    pub fn proved(&mut self, reproducer: Reproducer) -> &mut Self {
        self.proof = Proof::Proved(reproducer);
        self
    }

    /// It is what this method estimates.
    pub fn estimated(&mut self, method: impl Into<String>) -> &mut Self {
        self.proof = Proof::Estimated(method.into());
        self
    }

    /// Report it only if this experiment confirms it.
    pub fn experiment(&mut self, experiment: impl Experiment + 'static) -> &mut Self {
        self.experiment = Some(Box::new(experiment));
        self
    }

    /// SQL that mends it on the database as it is.
    pub fn fix(&mut self, sql: Vec<String>) -> &mut Self {
        self.fix = Some(Fix::After(sql));
        self
    }

    /// SQL to write instead of the statement.
    pub fn instead(&mut self, statement: StatementId, sql: Vec<String>) -> &mut Self {
        self.fix = Some(Fix::Instead(statement, sql));
        self
    }

    /// A setting of the server that mends it; `value` is in the setting's base unit.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        let sql = vec![format!("alter system set {name} = {}", Literal(&value))];
        self.fix = Some(Fix::Server(Setting { name, value, sql }));
        self
    }

    /// SQL that belongs to the fix and must stand in a later migration.
    pub fn later(&mut self, sql: Vec<String>) -> &mut Self {
        self.later = sql;
        self
    }

    /// The fix as people read it.
    #[must_use]
    pub fn fix_text(&self) -> Option<String> {
        let mut text = format!("{};", self.fix.as_ref()?.sql().join(";\n"));
        if !self.later.is_empty() {
            text.push_str(&format!("\n-- in a later migration:\n{};", self.later.join(";\n")));
        }
        Some(text)
    }
}

/// What the rules have found so far.
#[derive(Debug)]
pub struct Findings<'f> {
    facts: &'f Facts,
    rule: &'static Rule,
    list: Vec<Finding>,
}

impl<'f> Findings<'f> {
    pub(crate) fn new(facts: &'f Facts, rule: &'static Rule) -> Self {
        Self { facts, rule, list: Vec::new() }
    }

    /// Adds a finding about `subject`; `message` is lower-case and has no full stop.
    pub fn add(&mut self, subject: Subject, message: impl Into<String>) -> &mut Finding {
        let place = self.place_of(&subject);
        self.list.push(Finding {
            rule: self.rule,
            level: self.rule.level,
            subject,
            place,
            message: message.into(),
            detail: None,
            hint: None,
            proof: Proof::Heuristic,
            experiment: None,
            fix: None,
            later: Vec::new(),
            fingerprint: String::new(),
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    fn place_of(&self, subject: &Subject) -> Option<Place> {
        let statement = match subject {
            Subject::Statement(id) => Some(*id),
            Subject::Index(table, index) => self
                .facts
                .relation_made_by(&RelName { schema: table.schema.clone(), name: index.clone() })
                .or_else(|| self.facts.relation_made_by(table)),
            Subject::Relation(table)
            | Subject::Column(table, _)
            | Subject::Constraint(table, _)
            | Subject::Policy(table, _)
            | Subject::Trigger(table, _) => self.facts.relation_made_by(table),
            _ => None,
        };
        statement.map(|id| self.facts.place(id))
    }

    /// The findings, each with its fingerprint.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        let mut times: HashMap<String, usize> = HashMap::new();
        for at in 0..self.list.len() {
            let key = self.key(&self.list[at]);
            // The same thing twice, such as one statement copied, is told apart by its order.
            let before = times.entry(key.clone()).or_default();
            self.list[at].fingerprint =
                format!("{:016x}", stable_hash(&format!("{key}\n{before}")));
            *before += 1;
        }
        self.list
    }

    fn key(&self, finding: &Finding) -> String {
        let about = match &finding.subject {
            Subject::Statement(id) => {
                let words: Vec<&str> = self.facts.text(*id).split_whitespace().collect();
                format!("{}\n{}", self.facts.place(*id).path, words.join(" "))
            }
            subject => subject.to_string(),
        };
        format!("{}\n{about}", finding.rule.code)
    }
}
