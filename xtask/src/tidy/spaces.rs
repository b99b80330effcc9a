//! White space: no trailing blanks, no tabs where they do not belong, a newline at the end.

use super::tree::{File, Finding, Tree};

/// Texts that people write. Data and snapshots are as they are.
const TEXTS: &[&str] = &["rs", "md", "sql", "toml", "sh"];
/// Texts in which a tab has no meaning.
const WITHOUT_TABS: &[&str] = &["rs", "md", "sql"];

/// Reads every line of every text that people write.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.files.iter().filter(|file| TEXTS.contains(&file.extension())).flat_map(spaces).collect()
}

fn spaces(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.text.split('\n').enumerate() {
        if line.ends_with(char::is_whitespace) {
            findings.push(file.finding(number, "blanks at the end of the line", "remove them"));
        } else if WITHOUT_TABS.contains(&file.extension()) && line.contains('\t') {
            findings.push(file.finding(number, "a tab", "use spaces, or `\\t` in a literal"));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        let last = file.text.lines().count().saturating_sub(1);
        findings.push(file.finding(last, "the end is not one newline", "end with one newline"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<(usize, String)> {
        let findings = check(&Tree::sample(&[(path, text)]));
        findings.into_iter().map(|finding| (finding.line, finding.wrong)).collect()
    }

    #[test]
    fn stray_white_space_is_found() {
        let blanks = "blanks at the end of the line".to_owned();
        assert_eq!(told("a.rs", "a\nb \n"), [(2, blanks.clone())]);
        assert_eq!(told("a.sql", "a\r\n"), [(1, blanks)]);
        assert_eq!(told("a.sql", "\ta\n"), [(1, "a tab".to_owned())]);
        assert_eq!(told("a.md", "a"), [(1, "the end is not one newline".to_owned())]);
        assert_eq!(told("a.md", "a\n\n"), [(2, "the end is not one newline".to_owned())]);
    }

    #[test]
    fn clean_texts_and_data_pass() {
        assert_eq!(told("a.rs", "a\n\nb\n"), []);
        assert_eq!(told("a.sh", "\ta\n"), []);
        assert_eq!(told("a.csv", "a \nb\tc"), []);
    }
}
