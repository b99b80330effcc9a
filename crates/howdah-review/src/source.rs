//! Application source: its comments and string constants told apart from its code.
//!
//! This is no parser of any of the languages. It knows where strings and comments are ([`scan`]),
//! which is what is needed to find SQL and the calls around it, takes any text, and costs nothing
//! to build.

mod scan;

use std::ops::Range;
use std::path::Path;

use howdah_sql::Lines;

use crate::finding::{Place, Subject};
use scan::Piece;

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
        for (piece, quote, span) in scan::pieces(&text, language) {
            if piece == Piece::String {
                strings.push(Text { span: span.clone(), tag: tag(&text[..quote]) });
            }
            blank(&mut code[span]);
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

    /// The strings that begin as a statement of SQL does, in lower case with single blanks; those
    /// of tests are left out.
    pub fn sql(&self) -> impl Iterator<Item = (&Text, String)> {
        let tests = self.tests();
        self.strings.iter().filter_map(move |string| {
            if tests.iter().any(|body| body.contains(&string.span.start)) {
                return None;
            }
            let text = self.text[string.span.clone()].split_whitespace().collect::<Vec<_>>();
            let text = text.join(" ").to_lowercase();
            is_sql(&text).then_some((string, text))
        })
    }

    /// The modules of a file of Rust that are compiled for tests alone.
    fn tests(&self) -> Vec<Range<usize>> {
        if self.language != Language::Rust || !self.code.contains("#[cfg(test)]") {
            return Vec::new();
        }
        let braces = self.braces();
        let marks = self.code.match_indices("#[cfg(test)]");
        marks.filter_map(|(at, _)| self.body(at, &braces)).collect()
    }

    /// Whether the string is printed.
    #[must_use]
    pub fn is_printed(&self, string: &Text) -> bool {
        self.is_argument_of(string, &["print", "println!", "Println", "console.log"])
    }

    /// Whether the string is the first argument of a call.
    #[must_use]
    pub fn is_argument_of(&self, string: &Text, calls: &[&str]) -> bool {
        let quote = string.span.start - 1;
        // The rest of a quote of several signs, and its prefix: `r#"`, `f"""`.
        let prefix = |c: char| c.is_alphanumeric() || matches!(c, '#' | '"' | '\'');
        let before = self.code[..quote].trim_end_matches(prefix);
        let call = before.trim_end().strip_suffix('(');
        call.is_some_and(|before| calls.iter().any(|call| before.ends_with(call)))
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
        let heads = heads.map(|(at, _)| at);
        if self.language == Language::Python {
            // Of a line the first is the loop.
            let mut line_end = 0;
            let first = heads.filter(|at| {
                let new = *at >= line_end;
                if new {
                    line_end = self.code[*at..].find('\n').map_or(self.code.len(), |end| at + end);
                }
                new
            });
            return first.map(|at| self.indented(at)).collect();
        }
        let braces = self.braces();
        heads.filter_map(|at| self.body(at, &braces)).collect()
    }

    /// Every brace that is closed, with where it is; in the order of the opening ones.
    fn braces(&self) -> Vec<(usize, usize)> {
        let (mut pairs, mut open) = (Vec::new(), Vec::new());
        for (at, byte) in self.code.bytes().enumerate() {
            match byte {
                b'{' => open.push(at),
                b'}' => pairs.extend(open.pop().map(|from| (from, at))),
                _ => {}
            }
        }
        pairs.sort_unstable();
        pairs
    }

    fn body(&self, head: usize, braces: &[(usize, usize)]) -> Option<Range<usize>> {
        let (open, close) = *braces.get(braces.partition_point(|(open, _)| *open < head))?;
        // The body begins on the line of the head or the next, or the word was no loop.
        let lines = self.code[head..open].bytes().filter(|byte| *byte == b'\n').take(2).count();
        (lines < 2).then_some(open..close)
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

/// Whether a text in lower case begins as a statement does, and goes on like one: "with input" and
/// "select a file" do not.
fn is_sql(text: &str) -> bool {
    let then = |word: &str, next: &[&str]| {
        text.starts_with(word) && next.iter().any(|next| text.contains(next))
    };
    then("select ", &[" from ", "("])
        || then("with ", &[" as (", " as materialized (", " as not materialized ("])
        || then("update ", &[" set "])
        || text.starts_with("insert into ")
        || text.starts_with("delete from ")
}

/// What ends the text before the quote of a string: its prefix, or the call of a template, whose
/// type may stand between: `` $queryRaw<Row[]>`…` ``.
fn tag(before: &str) -> String {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$' | '!');
    let before = without_type(before).unwrap_or(before);
    let from = before.char_indices().rev().take_while(|(_, c)| part(*c)).last();
    from.map_or(String::new(), |(from, _)| before[from..].to_owned())
}

/// The longest type that is looked for.
const TYPE: usize = 400;

/// The text without `<…>` at its end.
fn without_type(before: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let bytes = before.as_bytes();
    for at in (bytes.len().saturating_sub(TYPE)..bytes.len()).rev() {
        match bytes[at] {
            // An arrow closes nothing.
            b'>' if at > 0 && bytes[at - 1] == b'=' => {}
            b'>' => depth += 1,
            b'<' => depth = depth.checked_sub(1)?,
            b';' if depth == 0 => return None,
            _ => {}
        }
        if depth == 0 {
            return (bytes[at] == b'<').then(|| &before[..at]);
        }
    }
    None
}

/// Words in paths of what tests the product or shows how it is used.
const TESTS: &[&str] = &[
    "test",
    "tests",
    "testing",
    "testdata",
    "testutil",
    "testutils",
    "__tests__",
    "__mocks__",
    "e2e",
    "spec",
    "specs",
    "fixture",
    "fixtures",
    "mock",
    "mocks",
    "bench",
    "benches",
    "benchmarks",
    "example",
    "examples",
    "integration",
];

/// Whether a file tests, by its path.
#[must_use]
pub fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    folders.split('/').any(|folder| TESTS.contains(&folder))
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "conftest" | "tests")
        || [".test.", ".spec.", ".stories.", ".e2e."].iter().any(|part| name.contains(part))
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
            ("a.rs", r#"f(r"C:\", '"', b'\'', '\u{22}', "b", &'a str) // 'no'"#, vec![r"C:\", "b"]),
            ("a.rs", "let x = c\"a\"; /* /* \"no\" */ \"no\" */ f(\"b\")", vec!["a", "b"]),
            ("a.go", r#"f('"', '\'', `a\`, "b")"#, vec![r"a\", "b"]),
            ("a.ts", "x.replace(/[\"/]/g, 'a') + b / c / 'd'", vec!["a", "d"]),
            ("a.ts", "return /\"/.test('a') // 'no'", vec!["a"]),
            (
                "a.ts",
                "sql`select ${a ? sql`x ${f({b: `}`})}` : '`'} from t` + \"b\"",
                vec!["select ${a ? sql`x ${f({b: `}`})}` : '`'} from t", "b"],
            ),
            ("a.tsx", "<p>don't</p>\nf('a')", vec!["t</p>", "a"]),
            ("a.py", "x = r'\\'a' + rb\"b\" # 'no'\ny = 'c\\\n d'", vec!["\\'a", "b", "c\\\n d"]),
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
        assert_eq!(
            file("a.ts", "tx.$queryRaw<{a: () => b; c: D<E>}[]>`x`").strings[0].tag,
            "tx.$queryRaw"
        );
        assert_eq!(file("a.ts", "a => `x`").strings[0].tag, "");
    }

    #[test]
    fn tests_and_sentences_are_no_sql_of_the_application() {
        for (path, test) in [
            ("db/store_test.go", true),
            ("src/__tests__/a.ts", true),
            ("src/a.spec.ts", true),
            ("tests/a.rs", true),
            ("app/test_a.py", true),
            ("src/contest.rs", false),
            ("src/latest/a.ts", false),
        ] {
            assert_eq!(is_test(path), test, "{path}");
        }
        let text =
            "f(\"with input '%s'\", \"Select a file\", \"update available\", \"select f(1)\")";
        assert_eq!(file("a.go", text).sql().count(), 1);
        let text = "f(\"select a from b\");\n#[cfg(test)]\nmod tests { g(\"select a from b\"); }";
        assert_eq!(file("a.rs", text).sql().count(), 1);
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
            // In time that grows with the text alone.
            for piece in
                ["'\\", "[/", "`${", "for (", "for {", "\"é", "for x:\n ", "/*", "r#", "'é"]
            {
                let _ = file(path, &piece.repeat(200_000)).loops();
            }
        }
    }
}
