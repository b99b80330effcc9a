//! Rust text without what is not code: comments and literals blanked, test modules found. A small
//! scanner instead of a parser, because tidy must build in a second and needs no more.

use std::ops::Range;

/// Replaces every character of comments and of string and character literals by a space. Lines
/// and columns stay where they are.
pub fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The end of the comment or literal that starts here, or `at` when none does.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    match (chars[at], chars.get(at + 1)) {
        ('/', Some('/')) => line_comment(chars, at),
        ('/', Some('*')) => block_comment(chars, at),
        ('"', _) => string(chars, at),
        ('\'', _) => character(chars, at),
        ('r', Some('"' | '#')) if starts_word(chars, at) => raw_string(chars, at),
        _ => at,
    }
}

/// Whether an `r` here begins a raw string: it stands at the start of a word, or after the `b` or
/// `c` of a byte or C string.
fn starts_word(chars: &[char], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|index| chars[index]);
    match before(1) {
        Some('b' | 'c') => !before(2).is_some_and(is_word),
        Some(c) => !is_word(c),
        None => true,
    }
}

/// Whether a character may stand in a name.
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn line_comment(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |length| at + length)
}

/// Block comments nest in Rust.
fn block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn string(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() {
        match chars[end] {
            '\\' => end += 2,
            '"' => return end + 1,
            _ => end += 1,
        }
    }
    chars.len()
}

/// A quote that does not begin a character literal begins a lifetime, which is code.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), Some(_)) => {
            let rest = chars.get(at + 3..).unwrap_or(&[]);
            rest.iter().position(|&c| c == '\'').map_or(chars.len(), |length| at + 4 + length)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// `r"…"`, `r#"…"#` and so on; `r#word` is an identifier and stays.
fn raw_string(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let mut end = open + 1;
    while end < chars.len() {
        let closing = chars[end + 1..].iter().take(hashes);
        if chars[end] == '"' && closing.filter(|&&c| c == '#').count() == hashes {
            return end + 1 + hashes;
        }
        end += 1;
    }
    chars.len()
}

/// The bytes at which a word stands that is not a part of a longer one.
pub fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word)
    })
}

/// The lines, from 0, of every item under `#[cfg(test)]` in blanked text, its attribute included.
pub fn test_lines(code: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, _) in code.match_indices(ATTRIBUTE) {
        let after = start + ATTRIBUTE.len();
        let Some(end) = item_end(code, after) else { continue };
        found.push(line_of(code, start)..line_of(code, end) + 1);
    }
    found
}

/// The line, from 0, of a byte of the text.
pub fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count()
}

/// The byte of the `}` or `;` that ends the item beginning here.
pub fn item_end(code: &str, from: usize) -> Option<usize> {
    let open = item_body(code, from)?;
    if code[open..].starts_with(';') { Some(open) } else { closing(code, open) }
}

/// The byte of the `{` that opens the body of the item beginning here, or of the `;` that ends an
/// item without one. Brackets before it, such as `[u8; 4]`, are skipped.
pub fn item_body(code: &str, from: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' | ';' if depth == 0 => return Some(from + offset),
            _ => {}
        }
    }
    None
}

/// The byte of the brace that closes the one at `open`.
pub fn closing(code: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(open + offset),
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("{ \" }", x)"#, "f(        , x)"),
            (r##"f(r#"{ " "#, x)"##, "f(         , x)"),
            ("f('{', '\\'', '\\u{7d}')", "f(   ,     ,         )"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("r#type = b\"{\"", "r#type = b   "),
            ("br#\"{\"# {", "b       {"),
        ] {
            assert_eq!(blank(text), code, "{text}");
            assert_eq!(blank(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn unfinished_text_ends_without_a_panic() {
        for text in ["\"", "'", "'\\", "r#\"", "/*", "\"\\", "r", "r#", "'\\u"] {
            assert_eq!(blank(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn test_modules_are_found_with_their_attributes() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n";
        assert_eq!(test_lines(&blank(text)), vec![Range { start: 1, end: 6 }]);
        let declared = "#[cfg(test)]\nmod tests;\nfn c() {}\n";
        assert_eq!(test_lines(&blank(declared)), vec![Range { start: 0, end: 2 }]);
    }
}
