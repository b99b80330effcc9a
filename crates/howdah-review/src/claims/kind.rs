//! A kind of claim: how it is recognised, and the experiment that decides it. Each is one file of
//! `claims/kinds/`: lines `-- key: value`, then the SQL of the experiment.
//!
//! | key | value |
//! | --- | --- |
//! | claim | what is claimed, in a line |
//! | says | a pattern that a sentence has; several lines are alternatives |
//! | code | likewise, that a code block has |
//! | under | a pattern that the heading above has as well |
//! | unless | a pattern that makes the sentence another claim: its contrary, another subject |
//! | also | a pattern that the review has somewhere as well |
//! | like, unlike | a sentence that is such a claim, and one that is not; tried by the tests |
//! | on | `empty`, `target`, or `again`: what was built, on which its files are run again |
//! | as | `superuser`: who runs it; the owner when left out |
//! | needs | an extension |
//! | finding | names of rules: their findings decide, and no SQL |
//! | rows, none, fails SQLSTATE, always | a verdict and a sentence: what it means when the last \
//! query gives rows, gives none, or the script fails so |
//!
//! A pattern is `a|b ; c`: a or b, and c, in lower case; `^a` is an "a" that begins a word, and
//! `a…b` a "b" behind an "a" in the same statement. In a verdict's sentence `{}` stands for the
//! first rows.

use super::Verdict;
use super::document::{Document, normal};

/// Where its experiment runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// An empty database.
    Empty,
    /// A copy of what was built.
    Target,
    /// Likewise; the files are run on it once more, and what fails then are the rows.
    Again,
}

/// What an experiment comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The last query gives rows, or a rule has findings.
    Rows,
    /// It gives none.
    None,
    /// The script fails with this SQLSTATE.
    Fails(String),
    /// Nothing is tried.
    Always,
}

/// A kind of claim.
#[derive(Debug, Clone)]
pub struct Kind {
    /// The name of its file.
    pub name: &'static str,
    /// What is claimed.
    pub claim: &'static str,
    says: Vec<Pattern>,
    code: Vec<Pattern>,
    under: Option<Pattern>,
    unless: Option<Pattern>,
    also: Option<Pattern>,
    /// Sentences that are such a claim.
    pub like: Vec<&'static str>,
    /// Sentences that are not.
    pub unlike: Vec<&'static str>,
    /// Where the experiment runs.
    pub on: On,
    /// It runs as the superuser of the scratch server.
    pub superuser: bool,
    /// An extension that it needs.
    pub needs: Option<&'static str>,
    /// Rules whose findings decide.
    pub findings: Vec<&'static str>,
    /// What each outcome means.
    pub outcomes: Vec<(Outcome, Verdict, &'static str)>,
    /// The experiment.
    pub sql: &'static str,
}

#[derive(Debug, Clone)]
struct Pattern(Vec<Vec<&'static str>>);

impl Pattern {
    fn parse(text: &'static str) -> Self {
        let groups = text.split(" ; ");
        Self(groups.map(|group| group.split('|').map(str::trim).collect()).collect())
    }

    fn fits(&self, text: &str) -> bool {
        let has = |piece: &&str| match piece.strip_prefix('^') {
            Some(piece) => text.match_indices(piece).any(|(at, _)| {
                !text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
            }),
            None => text.split(';').any(|statement| in_order(statement, piece)),
        };
        self.0.iter().all(|group| group.iter().any(has))
    }
}

/// Whether the pieces between `…` follow each other.
fn in_order(text: &str, pieces: &str) -> bool {
    let mut rest = text;
    pieces.split('…').all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

impl Kind {
    /// Reads a file of `claims/kinds/`; the error names the line that is not understood.
    pub fn parse(name: &'static str, file: &'static str) -> Result<Self, String> {
        let mut kind = Self {
            name,
            claim: "",
            says: Vec::new(),
            code: Vec::new(),
            under: None,
            unless: None,
            also: None,
            like: Vec::new(),
            unlike: Vec::new(),
            on: On::Empty,
            superuser: false,
            needs: None,
            findings: Vec::new(),
            outcomes: Vec::new(),
            sql: "",
        };
        let mut at = 0;
        for line in file.split_inclusive('\n') {
            let Some(header) = line.strip_prefix("-- ") else { break };
            let Some((key, value)) = header.trim_end().split_once(": ") else { break };
            kind.set(key, value).map_err(|why| format!("{name}: {why}"))?;
            at += line.len();
        }
        kind.sql = file[at..].trim();
        if kind.claim.is_empty() || kind.outcomes.is_empty() {
            return Err(format!("{name}: no claim or no outcome"));
        }
        Ok(kind)
    }

    fn set(&mut self, key: &'static str, value: &'static str) -> Result<(), String> {
        let outcome = match key {
            "rows" => Outcome::Rows,
            "none" => Outcome::None,
            "always" => Outcome::Always,
            _ => match key.strip_prefix("fails ") {
                Some(state) => Outcome::Fails(state.to_owned()),
                None => return self.set_text(key, value),
            },
        };
        let verdicts = [Verdict::TrueHere, Verdict::True, Verdict::False, Verdict::NotProvable];
        let found = verdicts.into_iter().find_map(|verdict| {
            let reason = value.strip_prefix(verdict.as_str())?.strip_prefix(' ')?;
            Some((outcome.clone(), verdict, reason))
        });
        self.outcomes.push(found.ok_or_else(|| format!("no verdict in \"{value}\""))?);
        Ok(())
    }

    fn set_text(&mut self, key: &str, value: &'static str) -> Result<(), String> {
        match (key, value) {
            ("claim", _) => self.claim = value,
            ("says", _) => self.says.push(Pattern::parse(value)),
            ("code", _) => self.code.push(Pattern::parse(value)),
            ("under", _) => self.under = Some(Pattern::parse(value)),
            ("unless", _) => self.unless = Some(Pattern::parse(value)),
            ("also", _) => self.also = Some(Pattern::parse(value)),
            ("like", _) => self.like.push(value),
            ("unlike", _) => self.unlike.push(value),
            ("needs", _) => self.needs = Some(value),
            ("finding", _) => self.findings.extend(value.split(", ")),
            ("on", "target") => self.on = On::Target,
            ("on", "again") => self.on = On::Again,
            ("as", "superuser") => self.superuser = true,
            _ => return Err(format!("unknown line \"{key}: {value}\"")),
        }
        Ok(())
    }

    /// Whether a sentence under a heading is such a claim.
    #[must_use]
    pub fn is_said(&self, text: &str, heading: &str) -> bool {
        let text = normal(text);
        let under = self.under.as_ref().is_none_or(|under| under.fits(&normal(heading)));
        let unless = self.unless.as_ref().is_some_and(|unless| unless.fits(&text));
        under && !unless && self.says.iter().any(|pattern| pattern.fits(&text))
    }

    /// Whether a code block is such a claim.
    #[must_use]
    pub fn is_coded(&self, code: &str) -> bool {
        let code = normal(code);
        self.code.iter().any(|pattern| pattern.fits(&code))
    }

    /// Whether it is recognised by code alone.
    #[must_use]
    pub fn of_code(&self) -> bool {
        self.says.is_empty()
    }

    /// Where the document says it: line and text; `recognised` is set for its passages.
    pub(super) fn lines(
        &self,
        document: &Document,
        recognised: &mut [bool],
    ) -> Vec<(usize, String)> {
        if self.also.as_ref().is_some_and(|also| !also.fits(&document.words())) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (at, passage) in document.passages.iter().enumerate() {
            if self.is_said(&passage.text, &passage.heading) {
                recognised[at] = true;
                found.push((passage.line, passage.text.clone()));
            }
        }
        for block in document.blocks.iter().filter(|block| self.is_coded(&block.text)) {
            let line = block.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            found.push((block.line, line.trim().to_owned()));
        }
        found.sort();
        found
    }

    /// What shows the verdict to anybody.
    #[must_use]
    pub fn reproducer(&self) -> Option<String> {
        if self.sql.is_empty() {
            return (!self.findings.is_empty()).then(|| {
                let names = self.findings.iter().map(|n| format!("howdah review --explain {n}"));
                names.collect::<Vec<_>>().join("\n")
            });
        }
        Some(self.sql.to_owned())
    }
}
