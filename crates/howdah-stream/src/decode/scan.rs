//! A scanner of JSON text: where values begin and end, and that it is JSON by RFC 8259.
//!
//! It builds nothing and goes over each byte once; strings eight bytes at a time. Nesting costs no
//! stack, so it needs no limit of depth.

/// What is wrong with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanError {
    /// It is not JSON from this byte on, or not the kind of value that is asked for.
    Syntax(usize),
    /// An array has more elements than are read.
    TooMany,
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Scanner<'t, 'o> {
    text: &'t str,
    pub(super) at: usize,
    /// The brackets that are open within the value that is being skipped.
    open: &'o mut Vec<u8>,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of the lowest byte of `word` that is `byte`; higher bits may be set too.
const fn has(word: u64, byte: u8) -> u64 {
    let differs = word ^ (ONES * byte as u64);
    differs.wrapping_sub(ONES) & !differs & HIGHS
}

impl<'t, 'o> Scanner<'t, 'o> {
    /// At the beginning of `text`; `open` is a buffer to be used again.
    pub(super) fn new(text: &'t str, open: &'o mut Vec<u8>) -> Self {
        open.clear();
        Self { text, at: 0, open }
    }

    pub(super) fn error(&self) -> ScanError {
        ScanError::Syntax(self.at)
    }

    /// The byte here; 0, which no JSON has, at the end.
    pub(super) fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Steps over `byte`.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.peek() != byte {
            return Err(self.error());
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but space is left.
    pub(super) fn end(&mut self) -> Result<(), ScanError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error()) }
    }

    /// Behind a member or element: `true` when another one follows, `false` behind the end.
    pub(super) fn goes_on(&mut self, end: u8) -> Result<bool, ScanError> {
        self.skip_space();
        match self.peek() {
            b',' => {
                self.at += 1;
                self.skip_space();
                Ok(true)
            }
            byte if byte == end => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.error()),
        }
    }

    /// At the opening bracket: `true` when something is between it and `end`.
    pub(super) fn begin(&mut self, end: u8) -> bool {
        self.at += 1;
        self.skip_space();
        if self.peek() == end {
            self.at += 1;
            return false;
        }
        true
    }

    /// A key and its colon; what is between the quotes, and whether it has escapes.
    pub(super) fn key(&mut self) -> Result<(&'t str, bool), ScanError> {
        if self.peek() != b'"' {
            return Err(self.error());
        }
        let start = self.at + 1;
        let escaped = self.skip_string()?;
        let key = &self.text[start..self.at - 1];
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok((key, escaped))
    }

    /// Steps over the value here.
    pub(super) fn skip_value(&mut self) -> Result<(), ScanError> {
        let base = self.open.len();
        loop {
            match self.peek() {
                b'{' => {
                    if self.begin(b'}') {
                        self.open.push(b'}');
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    if self.begin(b']') {
                        self.open.push(b']');
                        continue;
                    }
                }
                _ => self.skip_scalar()?,
            }
            // Behind a value: out of all that ends here, into what follows.
            loop {
                let Some(end) = self.open.get(base..).and_then(<[u8]>::last).copied() else {
                    return Ok(());
                };
                if self.goes_on(end)? {
                    if end == b'}' {
                        self.key()?;
                    }
                    break;
                }
                self.open.pop();
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            b'"' => self.skip_string().map(drop),
            b'-' | b'0'..=b'9' => self.skip_number(),
            b't' => self.skip_word("true"),
            b'f' => self.skip_word("false"),
            b'n' => self.skip_word("null"),
            _ => Err(self.error()),
        }
    }

    fn skip_word(&mut self, word: &str) -> Result<(), ScanError> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.error());
        }
        self.at += word.len();
        Ok(())
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn skip_number(&mut self) -> Result<(), ScanError> {
        self.at += usize::from(self.peek() == b'-');
        let zero = self.peek() == b'0';
        let whole = self.skip_digits();
        if whole == 0 || (zero && whole > 1) {
            return Err(self.error());
        }
        if self.peek() == b'.' {
            self.at += 1;
            if self.skip_digits() == 0 {
                return Err(self.error());
            }
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            if self.skip_digits() == 0 {
                return Err(self.error());
            }
        }
        Ok(())
    }

    /// Steps over the string here; whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, ScanError> {
        self.at += 1;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            while let Some(eight) = bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
                let word = u64::from_le_bytes(*eight);
                let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
                let stop = has(word, b'"') | has(word, b'\\') | control;
                if stop != 0 {
                    self.at += stop.trailing_zeros() as usize / 8;
                    break;
                }
                self.at += 8;
            }
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.skip_escape()?;
                }
                None | Some(0..=0x1F) => return Err(self.error()),
                Some(_) => self.at += 1,
            }
        }
    }

    fn skip_escape(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_ascii_hexdigit() {
                        return Err(self.error());
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.error()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn is_json(text: &str) -> bool {
        let mut open = Vec::new();
        let mut scanner = Scanner::new(text, &mut open);
        scanner.skip_space();
        scanner.skip_value().and_then(|()| scanner.end()).is_ok()
    }

    #[test]
    fn takes_json_and_nothing_else() {
        for text in ["{}", "[]", " 1 ", "-0.5e+3", "\"\\u12aF\\n\"", "[[{\"a\":[]}],{}]", "null"] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":}",
            "{,}",
            "01",
            "1.",
            "-",
            "1e",
            "+1",
            "tru",
            "\"\\x\"",
            "\"\u{1}\"",
            "[1 2]",
            "{\"a\" 1}",
            "{a:1}",
            "\"\\u12g4\"",
            "[}",
            "{\"a\":1]",
            "1 2",
            "\"abcdefgh",
        ] {
            assert!(!is_json(text), "{text}");
        }
        assert!(is_json(&("[".repeat(100_000) + &"]".repeat(100_000))));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(
            text in "[\\[\\]{}:,\" \\\\a-fnu0-9.eE+\\-\u{1}é]{0,14}|\
                (\\[|\\{\"k\":)(\"[a-z\\\\é]{0,20}\"|[-0-9.e]{0,5}|null|true)[\\]}]"
        ) {
            let theirs = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert_eq!(is_json(&text), theirs, "{}", text);
        }
    }
}
