//! The lines of a Cargo.toml as (section, key, value), as far as the manifests of this repository
//! need it: one key a line.

/// One `key = value` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The heading above it, without brackets.
    pub section: &'a str,
    /// The key before the equals sign.
    pub key: &'a str,
    /// The value behind it, without a comment after an inline table or word.
    pub value: &'a str,
    /// Line, counted from 0.
    pub line: usize,
}

impl Entry<'_> {
    /// The dependency that the line declares, in any kind of dependency section.
    pub fn dependency(&self) -> Option<&str> {
        self.section.ends_with("dependencies").then(|| {
            let name = self.key.split('.').next().unwrap_or(self.key);
            name.trim_matches('"')
        })
    }

    /// Whether the line declares something that only tests see.
    pub fn is_dev(&self) -> bool {
        self.section.ends_with("dev-dependencies")
    }

    /// Whether the line takes its value from the workspace.
    pub fn is_from_workspace(&self) -> bool {
        (self.key.ends_with(".workspace") && self.value == "true")
            || self.value.replace(' ', "").contains("workspace=true")
    }
}

/// All entries of a manifest in their order.
pub fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut entries = Vec::new();
    for (line, content) in text.lines().enumerate() {
        let content = content.trim();
        if let Some(heading) = content.strip_prefix('[') {
            section = heading.trim_end_matches(']').trim();
        } else if !content.starts_with('#')
            && let Some((key, value)) = content.split_once('=')
        {
            let value = value.split(" #").next().unwrap_or(value);
            entries.push(Entry { section, key: key.trim(), value: value.trim(), line });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_know_their_section_and_origin() {
        let text = "[lints]\nworkspace = true\n\n[dependencies]\na.workspace = true\n\
                    b = { workspace = true, features = [\"x\"] } # why\nc = \"1\"\n\
                    [dev-dependencies]\nd.workspace = true\n";
        let found = entries(text);
        let told: Vec<_> = found
            .iter()
            .map(|entry| (entry.dependency(), entry.is_from_workspace(), entry.is_dev()))
            .collect();
        assert_eq!(
            told,
            [
                (None, false, false),
                (Some("a"), true, false),
                (Some("b"), true, false),
                (Some("c"), false, false),
                (Some("d"), true, true),
            ]
        );
        assert_eq!(found[4].line, 8);
    }
}
