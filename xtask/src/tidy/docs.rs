//! Pages under `docs/` have one title each; decisions are `docs/adr/NNNN-title.md`, numbered
//! without a gap.

use super::tree::{File, Finding, Tree};

const ADR: &str = "docs/adr/";

/// Reads every page under `docs/`.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let pages = || {
        tree.files.iter().filter(|file| file.path.starts_with("docs/") && file.extension() == "md")
    };
    let decisions: Vec<&File> =
        pages().filter(|file| file.path.starts_with(ADR) && file.name() != "README.md").collect();
    pages().filter_map(one_title).chain(numbered(&decisions)).collect()
}

fn one_title(file: &File) -> Option<Finding> {
    let mut fenced = false;
    let mut titles = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && line.starts_with("# ") {
            titles.push(number);
        }
    }
    match titles[..] {
        [_] => None,
        [] => Some(file.finding(0, "the page has no title", "begin with `# Title`")),
        [_, second, ..] => {
            Some(file.finding(second, "a second title", "use `##`, or make it a page"))
        }
    }
}

/// Files come sorted by name, so each decision must follow the one before.
fn numbered(decisions: &[&File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expected = 1;
    for file in decisions {
        let number = adr_number(file.name());
        match number {
            None => findings.push(file.finding(
                0,
                "the name is not that of a decision",
                "call it `NNNN-title-in-lower-case.md`",
            )),
            Some(number) if number != expected => findings.push(file.finding(
                0,
                format!("decision {number:04} stands where {expected:04} should"),
                "number decisions from 0001 without gaps or repeats",
            )),
            Some(_) => {}
        }
        expected = number.unwrap_or(expected) + 1;
    }
    findings
}

fn adr_number(name: &str) -> Option<u32> {
    let (number, title) = name.strip_suffix(".md")?.split_once('-')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let digits = number.len() == 4 && number.chars().all(|c| c.is_ascii_digit());
    let fits = digits && !title.is_empty() && title.chars().all(plain);
    fits.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let findings = check(&Tree::sample(files));
        findings.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
    }

    #[test]
    fn a_page_has_one_title() {
        assert_eq!(told(&[("docs/a.md", "# A\n```sh\n# not one\n```\n## b\n")]), [""; 0]);
        assert_eq!(told(&[("docs/a.md", "# A\ntext\n# B\n")]), ["docs/a.md:3"]);
        assert_eq!(told(&[("docs/a.md", "text\n")]), ["docs/a.md:1"]);
        assert_eq!(told(&[("notes/a.md", "text\n")]), [""; 0]);
    }

    #[test]
    fn decisions_are_numbered_without_gaps() {
        let named = |names: &[&str]| {
            let paths: Vec<String> = names.iter().map(|name| format!("{ADR}{name}")).collect();
            let files: Vec<_> = paths.iter().map(|path| (path.as_str(), "# A\n")).collect();
            told(&files)
        };
        assert_eq!(named(&["0001-sql-parser.md", "0002-pool.md", "README.md"]), [""; 0]);
        assert_eq!(named(&["0001-a.md", "0003-b.md"]), ["docs/adr/0003-b.md:1"]);
        assert_eq!(named(&["0001-a.md", "0001-b.md"]), ["docs/adr/0001-b.md:1"]);
        assert_eq!(named(&["0001_a.md"]), ["docs/adr/0001_a.md:1"]);
        assert_eq!(named(&["0001-A.md"]), ["docs/adr/0001-A.md:1"]);
    }
}
