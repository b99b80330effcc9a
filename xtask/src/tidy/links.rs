//! A link of a page to a file of this repository leads to one, and behind a `#` to a heading of it.

use super::tree::{File, Finding, Tree};

/// Reads every page. Below `tests` are templates of pages that stand elsewhere.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let is_page = |file: &&File| file.extension() == "md" && !file.path.contains("/tests/");
    let pages = tree.files.iter().filter(is_page);
    pages.flat_map(|page| dead(tree, page)).collect()
}

fn dead(tree: &Tree, page: &File) -> Vec<Finding> {
    let (mut findings, mut fenced) = (Vec::new(), false);
    for (number, line) in page.text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        for behind in line.split("](").skip(1) {
            let Some((target, _)) = behind.split_once(')') else { continue };
            if !target.contains("://") && !leads(tree, page, target) {
                let wrong = format!("the link {target} leads nowhere");
                findings.push(page.finding(number, wrong, "mend it, or take it away"));
            }
        }
    }
    findings
}

/// Whether a link of a page leads to a file or folder, and to a heading if it names one.
fn leads(tree: &Tree, page: &File, target: &str) -> bool {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if path.is_empty() { page.path.clone() } else { beside(&page.path, path) };
    let folder = format!("{path}/");
    match tree.files.iter().find(|file| file.path == path) {
        Some(file) => heading.is_empty() || headings(file).any(|known| known == heading),
        None => heading.is_empty() && tree.files.iter().any(|file| file.path.starts_with(&folder)),
    }
}

/// The path that `relative` means in the page at `page`.
fn beside(page: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in relative.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The headings of a page, as links name them: in lower case, blanks as dashes, without marks.
fn headings(page: &File) -> impl Iterator<Item = String> + '_ {
    let headings = page.text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_files_folders_and_headings() {
        let told = |page: &str| {
            let guide = ("docs/guide.md", "# Guide\n## How `events` are read\n");
            let tree = Tree::sample(&[("docs/adr/0001-a.md", page), guide]);
            check(&tree).len()
        };
        for alive in [
            "[a](../guide.md) and [b](../guide.md#how-events-are-read)",
            "# Here\n[c](#here) [d](../../docs/adr) [e](0001-a.md) [f](https://example.org/x.md)",
            "```\n[g](gone.md)\n```",
        ] {
            assert_eq!(told(alive), 0, "{alive}");
        }
        for dead in ["[a](guide.md)", "[b](../guide.md#how)", "[c](#there)", "[d](../adrs)"] {
            assert_eq!(told(dead), 1, "{dead}");
        }
    }
}
