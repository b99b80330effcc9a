//! A review in Markdown, cut into what can be tried: sentences, code blocks, tables.

/// A sentence, heading, list item, table row or comment of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its line, from 1.
    pub line: usize,
    /// The heading that it stands under; a heading's own text for a heading.
    pub heading: String,
    /// How many `#` a heading has; 0 for what is none.
    pub depth: usize,
    /// The text without Markdown's signs.
    pub text: String,
}

/// A code block, or SQL within a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The line of its first line, from 1.
    pub line: usize,
    /// What is written behind the fence, in lower case; "inline" for code in a sentence.
    pub language: String,
    /// The heading that it stands under.
    pub heading: String,
    /// The code.
    pub text: String,
}

/// A review, cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Sentences, in order.
    pub passages: Vec<Passage>,
    /// Code, in order.
    pub blocks: Vec<Block>,
}

/// Words that begin a statement of SQL.
const STATEMENTS: &[&str] = &[
    "create", "alter", "drop", "select", "insert", "update", "delete", "with", "grant", "revoke",
    "vacuum", "analyze", "reindex", "refresh", "explain", "set", "truncate", "comment", "do",
];

/// Fewer words than this in a sentence's code are a name, not a statement.
const INLINE_WORDS: usize = 4;

impl Document {
    /// Cuts a text; any text is a document.
    #[must_use]
    pub fn read(markdown: &str) -> Self {
        let mut reader = Reader::default();
        for (at, line) in markdown.lines().enumerate() {
            reader.take(at + 1, line);
        }
        reader.end_passage();
        if let Some(block) = reader.open.take() {
            reader.document.blocks.push(block);
        }
        reader.document
    }

    /// All text in lower case with single blanks, for looking something up.
    #[must_use]
    pub fn words(&self) -> String {
        let passages = self.passages.iter().map(|passage| passage.text.as_str());
        let blocks = self.blocks.iter().map(|block| block.text.as_str());
        normal(&passages.chain(blocks).collect::<Vec<_>>().join("\n"))
    }
}

/// Lower case with single blanks.
pub(super) fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether a text begins as a statement of SQL does.
pub(super) fn begins_as_sql(text: &str) -> bool {
    let code = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with("--"));
    let word = code.and_then(|line| line.split(|c: char| !c.is_ascii_alphabetic()).next());
    word.is_some_and(|word| STATEMENTS.contains(&word.to_ascii_lowercase().as_str()))
}

#[derive(Default)]
struct Reader {
    document: Document,
    heading: String,
    open: Option<Block>,
    passage: Option<Passage>,
}

impl Reader {
    fn take(&mut self, number: usize, line: &str) {
        let trimmed = line.trim();
        if let Some(language) = trimmed.strip_prefix("```") {
            self.end_passage();
            match self.open.take() {
                Some(block) => self.document.blocks.push(block),
                None => {
                    self.open = Some(Block {
                        line: number + 1,
                        language: language.trim().to_ascii_lowercase(),
                        heading: self.heading.clone(),
                        text: String::new(),
                    });
                }
            }
            return;
        }
        if let Some(block) = &mut self.open {
            block.text.push_str(line);
            block.text.push('\n');
            if let Some(comment) = comment(trimmed) {
                self.add(number, 0, comment);
                self.end_passage();
            }
            return;
        }
        let depth = trimmed.bytes().take_while(|byte| *byte == b'#').count();
        if trimmed.is_empty() || trimmed.chars().all(|c| c == '-') {
            self.end_passage();
        } else if depth > 0 && trimmed[depth..].starts_with(' ') {
            self.end_passage();
            self.heading = plain(&trimmed[depth..]);
            self.add(number, depth, &trimmed[depth..]);
            self.end_passage();
        } else if begins_item(trimmed) {
            self.end_passage();
            self.add(number, 0, item(trimmed));
        } else {
            self.add(number, 0, trimmed);
        }
    }

    /// Begins a passage, or adds a line to the one that is open.
    fn add(&mut self, line: usize, depth: usize, text: &str) {
        self.inline(line, text);
        let text = plain(text);
        if let Some(open) = &mut self.passage {
            open.text.push(' ');
            open.text.push_str(&text);
        } else if !text.is_empty() {
            self.passage = Some(Passage { line, heading: self.heading.clone(), depth, text });
        }
    }

    fn end_passage(&mut self) {
        self.document.passages.extend(self.passage.take());
    }

    /// SQL between backticks.
    fn inline(&mut self, line: usize, text: &str) {
        if self.open.is_some() {
            return;
        }
        for code in text.split('`').skip(1).step_by(2) {
            if begins_as_sql(code) && code.split_whitespace().count() >= INLINE_WORDS {
                self.document.blocks.push(Block {
                    line,
                    language: "inline".to_owned(),
                    heading: self.heading.clone(),
                    text: code.to_owned(),
                });
            }
        }
    }
}

fn comment(line: &str) -> Option<&str> {
    ["-- ", "// ", "# "].into_iter().find_map(|mark| {
        let text = &line[line.find(mark)?..];
        text.strip_prefix(mark)
    })
}

fn begins_item(line: &str) -> bool {
    let number = line.split_once('.').is_some_and(|(number, rest)| {
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(' ')
    });
    number || line.starts_with(['|', '>']) || ["- ", "* ", "**"].iter().any(|m| line.starts_with(m))
}

fn item(line: &str) -> &str {
    line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line)
}

/// Without the signs that make text bold or code.
fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|c| !matches!(c, '*' | '`')).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVIEW: &str = "# A\n\nOne sentence\nof two lines.\n- **Issue**: slow `select 1 as a \
                          where false`\n\n```sql\n-- why not\nselect 1;\n```\n## B\nlast";

    #[test]
    fn a_review_is_cut_into_passages_and_blocks() {
        let document = Document::read(REVIEW);
        let texts: Vec<&str> = document.passages.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "A",
                "One sentence of two lines.",
                "Issue: slow select 1 as a where false",
                "why not",
                "B",
                "last"
            ]
        );
        let blocks: Vec<(usize, &str)> =
            document.blocks.iter().map(|b| (b.line, b.language.as_str())).collect();
        assert_eq!(blocks, [(5, "inline"), (8, "sql")]);
        assert_eq!(document.passages[5].heading, "B");
    }

    #[test]
    fn any_text_is_a_document() {
        for text in ["", "```", "```sql", "`", "####", "|", "1.", "# `\n```\n#"] {
            let _ = Document::read(text);
        }
    }
}
