//! Where the functions of a Rust file begin and end.

use super::mask;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, counted from 0.
    pub line: usize,
    /// Lines from its `fn` to its closing brace, both included.
    pub lines: usize,
}

/// All functions of blanked text in their order, nested ones too.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, keyword) in code.match_indices("fn ") {
        let name: String = code[at + keyword.len()..]
            .trim_start()
            .chars()
            .take_while(|c| mask::is_word(*c))
            .collect();
        if name.is_empty() || code[..at].ends_with(mask::is_word) {
            continue;
        }
        // A declaration in a trait ends with `;` and has no size.
        let Some(open) = mask::item_body(code, at).filter(|&at| code[at..].starts_with('{')) else {
            continue;
        };
        let Some(end) = mask::closing(code, open) else { continue };
        let lines = code[at..end].matches('\n').count() + 1;
        found.push(Function { name, line: mask::line_of(code, at), lines });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_measured_whatever_they_hold() {
        let text = "pub fn a(x: [u8; 2]) -> bool {\n  let s = \"}\"; // }\n  '}' == x\n}\n\
                    trait T {\n  fn declared(&self);\n  fn b(&self) { }\n}\n\
                    type F = fn (u8) -> u8;\n";
        let found = functions(&mask::blank(text));
        let told: Vec<_> =
            found.iter().map(|found| (found.name.as_str(), found.line, found.lines)).collect();
        assert_eq!(told, [("a", 0, 4), ("b", 6, 1)]);
    }
}
