//! Application source: its comments and string constants told apart from its code.
//!
//! This is no parser of any of the languages. It knows where strings and comments are, which is
//! what is needed to find SQL and the calls around it, takes any text, and costs nothing to build.

use std::ops::Range;
use std::path::Path;

use howdah_sql::Lines;

use crate::finding::{Place, Subject};

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust.
    Rust,
    /// TypeScript and JavaScript.
    TypeScript,
    /// Go.
    Go,
    /// Python.
    Python,
}

/// A file of source.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path within the target.
    pub path: String,
    /// Its language.
    pub language: Language,
    /// The whole text.
    pub text: String,
    /// The text with comments and the content of strings blank; places are the same.
    pub code: String,
    /// The strings, in order.
    pub strings: Vec<Text>,
}

/// A string constant or template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its content, in bytes of the file.
    pub span: Range<usize>,
    /// What stands before its quote: `f`, `r`, `sql`.
    pub tag: String,
}

impl Language {
    /// By the ending of a file's name.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        Some(match Path::new(path).extension()?.to_str()? {
            "rs" => Self::Rust,
            "ts" | "tsx" | "js" | "mjs" | "cjs" => Self::TypeScript,
            "go" => Self::Go,
            "py" => Self::Python,
            _ => return None,
        })
    }
}

impl SourceFile {
    /// Reads a file; `None` when its name is that of none of the languages.
    #[must_use]
    pub fn read(path: String, text: String) -> Option<Self> {
        let language = Language::of(&path)?;
        let mut code = text.clone().into_bytes();
        let mut strings = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(length) = comment(rest, language) {
                blank(&mut code[at..at + length]);
                at += length;
            } else if let Some((open, close)) = quotes(rest, language) {
                let start = at + open;
                let length = string_end(&text[start..], &close);
                let tag = &text[..at];
                let from = tag
                    .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '!')))
                    .map_or(0, |before| {
                        before + tag[before..].chars().next().map_or(1, char::len_utf8)
                    });
                strings.push(Text { span: start..start + length, tag: tag[from..].to_owned() });
                blank(&mut code[start..start + length]);
                at = (start + length + close.len()).min(text.len());
            } else {
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
        }
        let code = String::from_utf8(code).ok()?;
        Some(Self { path, language, text, code, strings })
    }

    /// The place of a span.
    #[must_use]
    pub fn place(&self, span: Range<usize>) -> Place {
        let position = Lines::new(&self.text).position(span.start);
        Place { path: self.path.clone(), span, position }
    }

    /// The line of a byte as a finding's subject: it stays the same when lines move.
    #[must_use]
    pub fn subject(&self, at: usize) -> Subject {
        let begin = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline);
        let line = self.text[begin..end].split_whitespace().collect::<Vec<_>>().join(" ");
        Subject::Named("code", format!("{}: {line}", self.path))
    }

    /// The strings that begin as a statement of SQL does, in lower case with single blanks.
    pub fn sql(&self) -> impl Iterator<Item = (&Text, String)> {
        self.strings.iter().filter_map(move |string| {
            let text = self.text[string.span.clone()].split_whitespace().collect::<Vec<_>>();
            let text = text.join(" ").to_lowercase();
            let begins = ["select ", "insert into ", "update ", "delete from ", "with "];
            begins.iter().any(|word| text.starts_with(word)).then_some((string, text))
        })
    }

    /// The bodies of loops.
    #[must_use]
    pub fn loops(&self) -> Vec<Range<usize>> {
        let heads = self.code.match_indices("for").filter(|(at, _)| {
            let before = self.code[..*at].chars().next_back();
            let after = self.code[at + 3..].chars().next();
            before.is_none_or(|c| c.is_whitespace() || c == '}' || c == ';')
                && after.is_some_and(|c| c.is_whitespace() || c == '(')
        });
        heads
            .filter_map(|(at, _)| match self.language {
                Language::Python => Some(self.indented(at)),
                _ => self.braces(at),
            })
            .collect()
    }

    fn braces(&self, head: usize) -> Option<Range<usize>> {
        let open = head + self.code[head..].find('{')?;
        // The body begins on the line of the head, or the word was no loop.
        if self.code[head..open].matches('\n').count() > 1 {
            return None;
        }
        let mut depth = 0;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => continue,
            }
            if depth == 0 {
                return Some(open..at);
            }
        }
        None
    }

    fn indented(&self, head: usize) -> Range<usize> {
        let begin = self.code[..head].rfind('\n').map_or(0, |newline| newline + 1);
        let depth = head - begin;
        let body = self.code[head..].find('\n').map_or(self.code.len(), |line| head + line + 1);
        let mut end = body;
        for line in self.code[body..].split_inclusive('\n') {
            let indent = line.len() - line.trim_start().len();
            if !line.trim().is_empty() && indent <= depth {
                break;
            }
            end += line.len();
        }
        body..end
    }
}

fn comment(rest: &str, language: Language) -> Option<usize> {
    let line = match language {
        Language::Python => "#",
        _ => "//",
    };
    if rest.starts_with(line) {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if language != Language::Python && rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |end| end + 2));
    }
    None
}

/// The length of the opening quote, and the closing one.
fn quotes(rest: &str, language: Language) -> Option<(usize, String)> {
    let first = rest.chars().next()?;
    if language == Language::Rust && first == '#' {
        // r#"…"#, seen from its first number sign.
        let signs = rest.bytes().take_while(|byte| *byte == b'#').count();
        return rest[signs..]
            .starts_with('"')
            .then(|| (signs + 1, format!("\"{}", "#".repeat(signs))));
    }
    if language == Language::Python {
        for triple in ["\"\"\"", "'''"] {
            if rest.starts_with(triple) {
                return Some((3, triple.to_owned()));
            }
        }
    }
    let is_quote = match first {
        '"' => true,
        // In Rust a lifetime or a character, in Go a character.
        '\'' => matches!(language, Language::TypeScript | Language::Python),
        '`' => matches!(language, Language::TypeScript | Language::Go),
        _ => false,
    };
    is_quote.then(|| (1, first.to_string()))
}

/// How long the content is: up to the closing quote that no backslash stands before.
fn string_end(content: &str, close: &str) -> usize {
    let mut escaped = false;
    for (at, c) in content.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' && close.len() != 2 {
            escaped = true;
        } else if content[at..].starts_with(close) {
            return at;
        }
    }
    content.len()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::read(path.to_owned(), text.to_owned()).unwrap()
    }

    #[test]
    fn strings_and_comments_are_told_from_code() {
        for (path, text, strings) in [
            (
                "a.rs",
                "f(r#\"a \"b\" c\"#, 'x', \"d\\\"e\"); // \"no\"",
                vec!["a \"b\" c", "d\\\"e"],
            ),
            ("a.ts", "sql`select ${a}` + 'b' /* `no` */", vec!["select ${a}", "b"]),
            ("a.py", "x = '''a\nb''' # 'no'\ny = f\"c\"", vec!["a\nb", "c"]),
            ("a.go", "q := `a` // `no`", vec!["a"]),
        ] {
            let file = file(path, text);
            let found: Vec<&str> =
                file.strings.iter().map(|string| &text[string.span.clone()]).collect();
            assert_eq!(found, strings, "{path}");
            assert!(!file.code.contains("no"), "{}", file.code);
            assert_eq!(file.code.len(), text.len());
        }
        assert_eq!(file("a.ts", "sql`x`").strings[0].tag, "sql");
        assert_eq!(file("a.py", "f\"x\"").strings[0].tag, "f");
    }

    #[test]
    fn loops_have_bodies() {
        let text = "for (const a of b) { c(); }\nd();";
        let loops = file("a.ts", text).loops();
        assert_eq!(&text[loops[0].clone()], "{ c(); ");
        let text = "for a in b:\n    c()\nd()\n";
        let loops = file("a.py", text).loops();
        assert_eq!(&text[loops[0].clone()], "    c()\n");
    }

    #[test]
    fn any_text_is_source() {
        for path in ["a.rs", "a.ts", "a.go", "a.py"] {
            for text in ["\"", "'", "`é", "\"\\", "/*", "#", "r#\"é", "'''", "for {", "for (é"] {
                let _ = file(path, text).loops();
            }
        }
    }
}
