//! Tools whose files hold both directions, with a line before each.

/// The lines of a tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Marks {
    /// The tool.
    pub tool: &'static str,
    /// Before what is applied; `None`: the file begins with it.
    pub up: Option<&'static str>,
    /// Before what undoes it.
    pub down: &'static str,
    /// What in a comment tells that the file is applied without a transaction: a line of its own
    /// before all others, or words behind the first mark.
    pub bare: Option<&'static str>,
    /// The line before what is applied, as people write it.
    pub written: &'static str,
}

const fn marks(
    tool: &'static str,
    up: Option<&'static str>,
    down: &'static str,
    written: &'static str,
    bare: Option<&'static str>,
) -> Marks {
    Marks { tool, up, down, bare, written }
}

/// The tools that are known.
pub(super) const ALL: &[Marks] = &[
    marks(
        "goose",
        Some("-- +goose up"),
        "-- +goose down",
        "-- +goose Up",
        Some("-- +goose NO TRANSACTION\n"),
    ),
    marks(
        "dbmate",
        Some("-- migrate:up"),
        "-- migrate:down",
        "-- migrate:up",
        Some("transaction:false"),
    ),
    marks(
        "sql-migrate",
        Some("-- +migrate up"),
        "-- +migrate down",
        "-- +migrate Up",
        Some("notransaction"),
    ),
    marks("node-pg-migrate", Some("-- up migration"), "-- down migration", "-- Up Migration", None),
    marks(
        "rambler",
        Some("-- rambler up"),
        "-- rambler down",
        "-- rambler up",
        Some("-- rambler no transaction\n"),
    ),
    marks("micrate", Some("-- +micrate up"), "-- +micrate down", "-- +micrate Up", None),
    marks("Play", Some("-- !ups"), "-- !downs", "# --- !Ups", None),
    marks(
        "tern",
        None,
        "---- create above / drop below ----",
        "",
        Some("---- tern: disable-tx ----\n"),
    ),
    marks("MyBatis", None, "-- //@undo", "", None),
];

/// The first of the tools that has a mark in one of the texts.
pub(super) fn tool_of<'t>(texts: impl Iterator<Item = &'t str>) -> Option<&'static Marks> {
    let lines = texts.flat_map(str::lines).filter(|line| is_dashed(line));
    let tools = lines.filter_map(|line| {
        let line = normal(line);
        ALL.iter().position(|marks| line.starts_with(marks.up.unwrap_or(marks.down)))
    });
    tools.min().map(|first| &ALL[first])
}

impl Marks {
    /// Whether the file is applied without a transaction.
    pub(super) fn are_bare(&self, text: &str) -> bool {
        self.bare.is_some_and(|bare| {
            let bare = bare.trim().to_ascii_lowercase();
            text.lines().any(|line| {
                let line = normal(line);
                line.starts_with("--") && line.contains(&bare)
            })
        })
    }

    /// The text with what tells the tool to apply it outside of a transaction, when the tool can.
    #[must_use]
    pub fn without_transaction(&self, text: &str) -> Option<String> {
        let bare = self.bare?;
        if bare.ends_with('\n') {
            return Some(format!("{bare}{text}"));
        }
        let line = line_of(text, self.up?)?;
        let end = text[line..].find('\n').map_or(text.len(), |end| line + end);
        Some(format!("{} {bare}{}", text[..end].trim_end(), &text[end..]))
    }
}

/// Where the line that begins with `mark` begins. Marks are compared without regard to case and to
/// the blanks behind the dashes.
pub(super) fn line_of(text: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if is_dashed(line) && normal(line).starts_with(mark) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Where the line behind the one that begins with `mark` begins.
pub(super) fn line_after(text: &str, mark: &str) -> Option<usize> {
    let at = line_of(text, mark)?;
    Some(text[at..].find('\n').map_or(text.len(), |end| at + end + 1))
}

/// Whether a line may be a mark.
fn is_dashed(line: &str) -> bool {
    line.trim_start().starts_with(['-', '#'])
}

/// `--+goose  Up` and `# --- !Ups` as the table has them.
fn normal(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', ' ']);
    let lower = line.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("--") else { return lower };
    if rest.starts_with("--") && !rest.starts_with("---") {
        return lower;
    }
    let words: Vec<&str> = rest.trim_start_matches('-').split_whitespace().collect();
    format!("-- {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_however_they_are_written() {
        assert_eq!(line_of("a\n--+goose  UP\n", "-- +goose up"), Some(2));
        assert_eq!(line_of("# --- !Ups\n", "-- !ups"), Some(0));
        assert_eq!(line_of("---- create above / drop below ----\n", ALL[7].down), Some(0));
        assert_eq!(line_of("select '-- +goose up'", "-- +goose up"), None);
        assert!(ALL[2].are_bare("-- +migrate Up notransaction\n"));
        assert!(!ALL[2].are_bare("select 'notransaction'"));
    }
}
