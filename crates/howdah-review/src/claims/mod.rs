//! `howdah review TARGET --claims review.md`: somebody else's review is tried on the target.
//!
//! Every SQL statement of the review is run on a copy of what was built ([`statements`]); every
//! sentence that a [`Kind`] recognises gets a verdict by an experiment that anybody can repeat;
//! scores, counts and sums are added up ([`arithmetic`]). What is not recognised is only counted:
//! silence is no verdict.

mod arithmetic;
mod document;
mod kind;
mod print;
mod register;
mod script;
mod statements;

use std::fmt;

use howdah_error::Result;

use crate::build::{Scratch, ScratchDatabase};
use crate::facts::Facts;
use crate::finding::Finding;
use crate::secret;

pub use document::{Block, Document, Passage};
pub use kind::{Kind, On};
pub use print::{json, text};
pub use register::all;
pub use statements::{Came, StatementResult};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It holds on any PostgreSQL of this version.
    True,
    /// It holds on this target.
    TrueHere,
    /// It does not hold: the reproducer shows the contrary.
    False,
    /// No experiment of ours decides it.
    NotProvable,
}

impl Verdict {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "TRUE",
            Self::TrueHere => "TRUE HERE",
            Self::False => "FALSE",
            Self::NotProvable => "NOT PROVABLE",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A claim of the review with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The kind that recognised it, or the name of a calculation.
    pub kind: String,
    /// What is claimed, in our words.
    pub claim: String,
    /// The lines of the review that claim it.
    pub lines: Vec<usize>,
    /// The first of them, as written.
    pub quote: String,
    /// What became of it.
    pub verdict: Verdict,
    /// A sentence that says why.
    pub reason: String,
    /// SQL that shows it, and where it is run.
    pub reproducer: Option<String>,
}

/// Everything about a review.
#[derive(Debug, Clone, Default)]
pub struct ClaimsReport {
    /// The target, for people.
    pub target: String,
    /// Each statement of its SQL blocks.
    pub statements: Vec<StatementResult>,
    /// What it claims, as far as it is understood.
    pub claims: Vec<Claim>,
    /// Sentences in which no claim was recognised.
    pub unrecognised: usize,
}

impl ClaimsReport {
    /// Whether something in the review is refuted or does not run.
    #[must_use]
    pub fn refutes(&self) -> bool {
        self.claims.iter().any(|claim| claim.verdict == Verdict::False)
            || self.statements.iter().any(|one| matches!(one.came, Came::Failed { .. }))
    }
}

/// What a claim is tried against.
pub(crate) struct Ground<'a> {
    pub(crate) scratch: &'a Scratch,
    /// What was built, or the copy of a live database's schema.
    pub(crate) built: &'a ScratchDatabase,
    pub(crate) facts: &'a Facts,
    pub(crate) findings: &'a [Finding],
}

/// Tries all that the review in `markdown` says.
pub(crate) async fn examine(ground: &Ground<'_>, markdown: &str) -> Result<ClaimsReport> {
    let document = Document::read(markdown);
    let mut claims = Vec::new();
    let mut recognised = vec![false; document.passages.len()];
    for kind in all() {
        let lines = kind.lines(&document, &mut recognised);
        let Some(first) = lines.first() else { continue };
        let (verdict, reason) = script::judge(ground, &kind).await?;
        claims.push(Claim {
            kind: kind.name.to_owned(),
            claim: kind.claim.to_owned(),
            quote: first.1.clone(),
            lines: lines.iter().map(|(line, _)| *line).collect(),
            verdict,
            reason,
            reproducer: kind.reproducer(),
        });
    }
    claims.extend(arithmetic::check(&document));
    let mut statements = statements::run(ground, &document).await?;
    claims.extend(statements::there_already(&statements));
    claims.sort_by_key(|claim| claim.lines.first().copied());
    for claim in &mut claims {
        secret::mask(&mut claim.quote);
    }
    for one in &mut statements {
        secret::mask(&mut one.sql);
    }
    Ok(ClaimsReport {
        target: ground.facts.target.clone(),
        statements,
        claims,
        unrecognised: recognised.iter().filter(|known| !**known).count(),
    })
}
