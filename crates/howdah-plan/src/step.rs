//! A plan and its steps.

use serde::Serialize;

/// Ordered steps, and what the reader should know beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// What is not a step: rights that are missing, work that another tool has to do.
    pub notes: Vec<Note>,
}

/// One step: what runs at once, or is resumed as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Stable name, `area object`: `chunk trades_20251017`. `--allow` names a step by it.
    pub id: String,
    /// What it does, for people.
    pub title: String,
    /// The statements, in order.
    pub sql: Vec<String>,
    /// The strongest lock on a user's relation.
    pub lock: Lock,
    /// All statements in one transaction; otherwise each runs alone.
    pub transactional: bool,
    /// The statements that take it back, or `None` when it cannot be taken back.
    pub undo: Option<Vec<String>>,
    /// A query of one boolean: whether the step is done.
    pub check: String,
    /// What would be lost; such a step runs only when allowed by name.
    pub loses: Option<String>,
    /// Who runs it.
    pub action: Action,
}

/// How a step is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Run `sql`.
    Sql,
    /// Rebuild a level of a rollup range by range; `sql` shows one range.
    Rebuild {
        /// The rollup's name in the system file.
        rollup: String,
        /// Index of the level.
        level: usize,
    },
    /// Rebuild a level of a rollup of spans from its stream; `sql` shows how.
    RebuildSpans {
        /// The rollup's name in the system file.
        rollup: String,
        /// Index of the level.
        level: usize,
    },
    /// Fold the segments of a stream again, chunk by chunk: they keep other columns plain.
    Regroup {
        /// The stream's name in the system file.
        stream: String,
    },
    /// Make what reads a stream's history, as its segments are; `sql` shows it without segments.
    Readers {
        /// The stream's name in the system file.
        stream: String,
    },
    /// Put all events of a stream's segments back into its chunks.
    Unfold {
        /// The stream's name in the system file.
        stream: String,
    },
    /// Rebuild a derived rollup from its states; `sql` shows how.
    RebuildDerived {
        /// The rollup's name in the system file.
        rollup: String,
    },
}

/// The strongest lock that a step takes on a relation of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// The mode.
    pub mode: LockMode,
    /// The relation, as people write it; `None` for none.
    pub relation: Option<String>,
    /// Whether it is held while rows are read or written, rather than for a moment.
    pub while_working: bool,
}

/// Table lock modes that matter to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// Nothing of the user's is locked.
    None,
    /// `share update exclusive`: reads and writes go on.
    ShareUpdateExclusive,
    /// `share row exclusive`: reads go on.
    ShareRowExclusive,
    /// `access exclusive`: nothing goes on.
    AccessExclusive,
}

impl Lock {
    /// No lock on anything of the user's.
    #[must_use]
    pub fn none() -> Self {
        Self { mode: LockMode::None, relation: None, while_working: false }
    }

    /// A lock for a moment.
    #[must_use]
    pub fn moment(mode: LockMode, relation: &howdah_catalog::RelName) -> Self {
        Self { mode, relation: Some(relation.plain()), while_working: false }
    }

    /// A lock that lasts as long as the step works.
    #[must_use]
    pub fn working(mode: LockMode, relation: &howdah_catalog::RelName) -> Self {
        Self { mode, relation: Some(relation.plain()), while_working: true }
    }
}

impl std::fmt::Display for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = match self.mode {
            LockMode::None => return f.write_str("none"),
            LockMode::ShareUpdateExclusive => "share update exclusive (reads and writes go on)",
            LockMode::ShareRowExclusive => "share row exclusive (reads go on)",
            LockMode::AccessExclusive => "access exclusive",
        };
        let relation = self.relation.as_deref().unwrap_or_default();
        let length = if self.while_working { ", while it works" } else { ", for a moment" };
        write!(f, "{mode} on {relation}{length}")
    }
}

/// Something to know that is not a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What is the case.
    pub message: String,
    /// What to do, when something can be done.
    pub hint: Option<String>,
}

impl Step {
    /// A transactional step of SQL without undo; the builder methods below fill in the rest.
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, sql: Vec<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            sql,
            lock: Lock::none(),
            transactional: true,
            undo: None,
            check: String::new(),
            loses: None,
            action: Action::Sql,
        }
    }

    pub(crate) fn lock(mut self, lock: Lock) -> Self {
        self.lock = lock;
        self
    }

    pub(crate) fn undo(mut self, undo: Vec<String>) -> Self {
        self.undo = Some(undo);
        self
    }

    pub(crate) fn check(mut self, check: impl Into<String>) -> Self {
        self.check = check.into();
        self
    }

    pub(crate) fn acting(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    pub(crate) fn outside_transaction(mut self) -> Self {
        self.transactional = false;
        self
    }
}
