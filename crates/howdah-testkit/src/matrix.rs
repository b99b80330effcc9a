//! What a campaign of faults struck, and how often: fault × step × source.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Counts of cuts by what failed, where, and on which source.
///
/// Only what was seen to happen is counted: a fault that was armed and never struck is not there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Matrix {
    cuts: BTreeMap<(String, String, String), u64>,
}

impl Matrix {
    /// Counts `times` more cuts by `fault` at `step` on `source`.
    pub fn add(&mut self, fault: &str, step: &str, source: &str, times: u64) {
        if times > 0 {
            *self.cuts.entry((fault.into(), step.into(), source.into())).or_default() += times;
        }
    }

    /// Adds all counts of another one.
    pub fn merge(&mut self, other: &Self) {
        for ((fault, step, source), times) in &other.cuts {
            self.add(fault, step, source, *times);
        }
    }

    /// How many cuts there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cuts.values().sum()
    }

    /// How many different places were struck.
    #[must_use]
    pub fn places(&self) -> usize {
        self.cuts.len()
    }

    /// A Markdown table: a row for each fault and step, a column for each source.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut sources: Vec<&str> = self.cuts.keys().map(|key| key.2.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        let mut rows: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
        for ((fault, step, source), times) in &self.cuts {
            let row = rows.entry((fault, step)).or_insert_with(|| vec![0; sources.len()]);
            if let Ok(column) = sources.binary_search(&source.as_str()) {
                row[column] += times;
            }
        }
        let mut text = format!("| fault | step | {} |\n| --- | --- |", sources.join(" | "));
        text.push_str(&" ---: |".repeat(sources.len()));
        text.push('\n');
        for ((fault, step), counts) in rows {
            let _ = write!(text, "| {fault} | {step} |");
            for count in counts {
                let cell = if count == 0 { "–".to_owned() } else { count.to_string() };
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_stands_in_its_row_and_column() {
        let mut matrix = Matrix::default();
        matrix.add("killed", "before COPY", "redis", 2);
        matrix.add("killed", "before COPY", "file", 1);
        matrix.add("killed", "after COPY", "redis", 0);
        let mut all = Matrix::default();
        all.merge(&matrix);
        all.merge(&matrix);
        assert_eq!((all.total(), all.places()), (6, 2));
        let expected = "| fault | step | file | redis |\n| --- | --- | ---: | ---: |\n\
                        | killed | before COPY | 2 | 4 |\n";
        assert_eq!(all.markdown(), expected);
    }
}
