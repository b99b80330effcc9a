//! The little Ruby that `schema.rb` is written in: a method and its arguments, on one line.

/// Lists and maps within each other, at most.
const DEPTH: usize = 8;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `"text"` or `'text'`.
    Text(String),
    /// `:name`.
    Symbol(String),
    /// A number, `true`, `false`, `nil`.
    Word(String),
    /// `-> { "now()" }`: SQL.
    Code(String),
    /// `["a", "b"]`.
    List(Vec<Self>),
    /// `{ a: :desc }`.
    Map(Vec<(String, Self)>),
}

impl Value {
    /// A text or a symbol.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Symbol(text) => Some(text),
            Self::Word(_) | Self::Code(_) | Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The texts of a list, or the one that it is.
    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(all) => all.iter().map(Self::text).collect(),
            one => one.text().map(|one| vec![one]),
        }
    }
}

/// A method that is called.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// Its name, with what it is called on: `t.string`.
    pub(super) method: String,
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
    /// The word that ends the text behind the line: `<<-SQL`.
    pub(super) heredoc: Option<String>,
}

impl Call {
    /// Reads a line; `None` when it is none.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = match line.rsplit_once(" do |") {
            Some((call, block)) if block.ends_with('|') => call,
            _ => line,
        };
        let end = line
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
            .unwrap_or(line.len());
        let (method, rest) = line.split_at(end);
        let mut call = Self {
            method: method.to_owned(),
            positional: Vec::new(),
            named: Vec::new(),
            heredoc: None,
        };
        let rest = rest.trim();
        let rest = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
        let mut reader = Reader { rest };
        while !reader.at_end() {
            if let Some(name) = reader.name() {
                match reader.heredoc() {
                    Some(end) => call.heredoc = Some(end),
                    None => call.named.push((name, reader.value(0)?)),
                }
            } else {
                let value = reader.value(0)?;
                // `:name => value`, as older dumps have it.
                if reader.take("=>") {
                    call.named.push((value.text()?.to_owned(), reader.value(0)?));
                } else {
                    call.positional.push(value);
                }
            }
            if !reader.take(",") && !reader.at_end() {
                return None;
            }
        }
        Some(call)
    }

    /// The text or symbol at a place.
    pub(super) fn text(&self, at: usize) -> Option<&str> {
        self.positional.get(at)?.text()
    }

    /// The texts of the list at a place.
    pub(super) fn list(&self, at: usize) -> Option<Vec<&str>> {
        self.positional.get(at)?.texts()
    }

    /// The text or symbol of `name: …`.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.named(name).and_then(Value::text)
    }

    /// Whether `name: word` is said, of a word such as `true`.
    pub(super) fn says(&self, name: &str, word: &str) -> bool {
        matches!(self.named(name), Some(Value::Word(said)) if said == word)
    }

    /// The value of `name: …`.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    fn take(&mut self, what: &str) -> bool {
        self.skip_blanks();
        let Some(rest) = self.rest.strip_prefix(what) else { return false };
        self.rest = rest;
        true
    }

    fn word(&mut self) -> Option<String> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    /// `name:` before a value.
    fn name(&mut self) -> Option<String> {
        self.skip_blanks();
        let before = self.rest;
        let quoted = before.starts_with('"');
        let name = if quoted { self.quoted('"') } else { self.word() };
        let is_name = self.rest.starts_with(':') && !self.rest.starts_with("::");
        match name {
            Some(name) if is_name => {
                self.rest = &self.rest[1..];
                Some(name)
            }
            _ => {
                self.rest = before;
                None
            }
        }
    }

    /// `<<-SQL`, `<<~'SQL'`.
    fn heredoc(&mut self) -> Option<String> {
        self.skip_blanks();
        let begins = self.rest.strip_prefix("<<-").or_else(|| self.rest.strip_prefix("<<~"))?;
        self.rest = begins.trim_start_matches(['\'', '"']);
        let word = self.word();
        self.rest = self.rest.trim_start_matches(['\'', '"']);
        word
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_blanks();
        if depth > DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            quote @ ('"' | '\'') => self.quoted(quote).map(Value::Text),
            ':' => {
                self.rest = &self.rest[1..];
                let quoted = self.rest.starts_with('"');
                if quoted { self.quoted('"') } else { self.word() }.map(Value::Symbol)
            }
            '[' => self.list(depth),
            '{' => self.map(depth),
            '-' if self.rest.starts_with("->") => {
                self.rest = &self.rest[2..];
                let code = if self.take("{") { self.value(depth + 1)? } else { return None };
                self.take("}").then_some(())?;
                code.text().map(|code| Value::Code(code.to_owned()))
            }
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', ')']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at(end);
                self.rest = rest;
                (!word.is_empty()).then(|| Value::Word(word.to_owned()))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut all = Vec::new();
        while !self.take("]") {
            all.push(self.value(depth + 1)?);
            if !self.take(",") {
                self.skip_blanks();
                self.rest.starts_with(']').then_some(())?;
            }
        }
        Some(Value::List(all))
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        self.rest = &self.rest[1..];
        let mut all = Vec::new();
        while !self.take("}") {
            let name = if let Some(name) = self.name() {
                name
            } else {
                let name = self.value(depth + 1)?.text()?.to_owned();
                self.take("=>").then_some(name)?
            };
            all.push((name, self.value(depth + 1)?));
            if !self.take(",") {
                self.skip_blanks();
                self.rest.starts_with('}').then_some(())?;
            }
        }
        Some(Value::Map(all))
    }

    /// A string from its quote on.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => {
                    let (_, escaped) = letters.next()?;
                    match escaped {
                        'n' | 'r' | 't' if quote == '"' => text.push(' '),
                        '\\' | '"' | '\'' | '#' => text.push(escaped),
                        other => text.extend(['\\', other]),
                    }
                }
                _ if letter == quote => {
                    self.rest = &self.rest[at + letter.len_utf8()..];
                    return Some(text);
                }
                _ => text.push(letter),
            }
        }
        None
    }
}
