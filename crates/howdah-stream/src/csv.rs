//! CSV by RFC 4180: where records end, and what their fields are.
//!
//! An own splitter, because the difference between an empty field (null) and a quoted empty field
//! (an empty text), which PostgreSQL's COPY makes too, is lost in `csv-core`.

use std::borrow::Cow;

/// Finds the ends of records in a buffer that grows; remembers where it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    /// At the beginning of a field.
    #[default]
    FieldStart,
    /// In a field without quotes.
    Bare,
    /// Between the quotes of a field.
    Quoted,
    /// Behind a quote that may be the last one of its field or the first of a doubled one.
    AfterQuote,
}

impl Framing {
    /// Scans `bytes` from where the last call ended; the offset of the newline that ends the
    /// record, or `None` when it is not in `bytes` yet.
    pub(crate) fn record_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match self {
                Self::FieldStart if bytes[at] == b'"' => *self = Self::Quoted,
                Self::FieldStart | Self::Bare => {
                    let Some(len) = memchr::memchr2(b',', b'\n', &bytes[at..]) else {
                        *self = Self::Bare;
                        return None;
                    };
                    at += len;
                    *self = Self::FieldStart;
                    if bytes[at] == b'\n' {
                        return Some(at);
                    }
                }
                Self::Quoted => {
                    at += memchr::memchr(b'"', &bytes[at..])?;
                    *self = Self::AfterQuote;
                }
                Self::AfterQuote => match bytes[at] {
                    b'"' => *self = Self::Quoted,
                    b',' => *self = Self::FieldStart,
                    b'\n' => {
                        *self = Self::FieldStart;
                        return Some(at);
                    }
                    _ => *self = Self::Bare,
                },
            }
            at += 1;
        }
        None
    }
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvField<'a> {
    /// Its content without the quotes.
    pub(crate) text: Cow<'a, str>,
    /// Whether it stood in quotes.
    pub(crate) quoted: bool,
}

/// Splits a record, without its line end, into fields. `None` when a quoted field does not end, or
/// is followed by something else than a comma.
pub(crate) fn split(record: &str) -> Option<Vec<CsvField<'_>>> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, after) = if let Some(inner) = rest.strip_prefix('"') {
            quoted(inner)?
        } else {
            let end = memchr::memchr(b',', rest.as_bytes()).unwrap_or(rest.len());
            (CsvField { text: Cow::Borrowed(&rest[..end]), quoted: false }, &rest[end..])
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(fields),
            None => return None,
        }
    }
}

fn quoted(inner: &str) -> Option<(CsvField<'_>, &str)> {
    let mut text = Cow::Borrowed("");
    let mut rest = inner;
    loop {
        let end = memchr::memchr(b'"', rest.as_bytes())?;
        let after = &rest[end + 1..];
        if !after.starts_with('"') {
            if text.is_empty() {
                text = Cow::Borrowed(&rest[..end]);
            } else {
                text.to_mut().push_str(&rest[..end]);
            }
            return Some((CsvField { text, quoted: true }, after));
        }
        text.to_mut().push_str(&rest[..=end]);
        rest = &after[1..];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed split fails the test")]

    use super::*;

    fn texts(record: &str) -> Option<Vec<(String, bool)>> {
        Some(split(record)?.into_iter().map(|f| (f.text.into_owned(), f.quoted)).collect())
    }

    #[test]
    fn fields_tell_empty_from_quoted_empty() {
        let plain = |text: &str| (text.to_owned(), false);
        let quoted = |text: &str| (text.to_owned(), true);
        assert_eq!(texts("a,,\"\""), Some(vec![plain("a"), plain(""), quoted("")]));
        assert_eq!(texts("\"a,\"\"b\"\"\n\",c"), Some(vec![quoted("a,\"b\"\n"), plain("c")]));
        assert_eq!(texts("5\" pipe,x"), Some(vec![plain("5\" pipe"), plain("x")]));
        assert_eq!(texts(""), Some(vec![plain("")]));
        assert_eq!(texts("\"a"), None);
        assert_eq!(texts("\"a\"b"), None);
    }

    #[test]
    fn records_end_at_newlines_outside_quotes_however_the_bytes_come() {
        let text = b"a,\"b\n\"\"c\"\"\n\",d\n\"e\"\nf \"g\nh";
        let mut expected = vec![];
        let mut framing = Framing::default();
        let mut from = 0;
        while let Some(end) = framing.record_end(&text[from..]) {
            expected.push(from + end);
            from += end + 1;
        }
        assert_eq!(expected, [14, 18, 23]);
        for size in 1..text.len() {
            let mut ends = vec![];
            let mut framing = Framing::default();
            for (i, piece) in text.chunks(size).enumerate() {
                let mut from = 0;
                while let Some(end) = framing.record_end(&piece[from..]) {
                    ends.push(i * size + from + end);
                    from += end + 1;
                }
            }
            assert_eq!(ends, expected, "in pieces of {size}");
        }
    }
}
