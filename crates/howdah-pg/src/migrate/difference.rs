//! How an applied file differs from what was applied.

use std::fmt;

/// At most this many lines of each side are shown.
const SHOWN_LINES: usize = 12;

/// The difference between the applied text and the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The text that was applied is not kept (sqlx keeps the checksum only).
    Unknown,
    /// The lines that changed, what surrounds them left out.
    Lines {
        /// The first line that differs, from 1.
        line: usize,
        /// The lines as applied.
        applied: Vec<String>,
        /// The lines as they are in the file.
        file: Vec<String>,
    },
}

impl Difference {
    /// Compares; `applied` is `None` when only its checksum is known.
    #[must_use]
    pub fn between(applied: Option<&str>, file: &str) -> Self {
        let Some(applied) = applied else { return Self::Unknown };
        let (old, new): (Vec<_>, Vec<_>) = (lines(applied), lines(file));
        let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
        let (old, new) = (&old[same..], &new[same..]);
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Self::Lines {
            line: same + 1,
            applied: owned(&old[..old.len() - tail]),
            file: owned(&new[..new.len() - tail]),
        }
    }
}

/// Lines with their ends, so that a changed line end is a change.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Lines { line, applied, file } = self else {
            return f.write_str("the checksum differs; the text that was applied is not known");
        };
        write!(f, "from line {line} (- applied, + file):")?;
        for (sign, lines) in [('-', applied), ('+', file)] {
            for line in lines.iter().take(SHOWN_LINES) {
                // Ends of lines are shown where they are not the usual ones.
                let line = line.strip_suffix('\n').unwrap_or(line).replace('\r', "\\r");
                write!(f, "\n{sign} {line}")?;
            }
            if lines.len() > SHOWN_LINES {
                write!(f, "\n{sign} … {} more", lines.len() - SHOWN_LINES)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Difference;

    #[test]
    fn only_what_changed_is_shown() {
        let difference = Difference::between(Some("a\nb\nc\nd\n"), "a\nx\ny\nd\n");
        assert_eq!(difference.to_string(), "from line 2 (- applied, + file):\n- b\n- c\n+ x\n+ y");
        assert_eq!(
            Difference::between(Some("a\n"), "a\r\n").to_string(),
            "from line 1 (- applied, + file):\n- a\n+ a\\r"
        );
        assert_eq!(Difference::between(None, "a"), Difference::Unknown);
    }
}
