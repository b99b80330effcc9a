//! What a campaign of faults struck, and how often: fault × step × source × shape of batches.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Counts of cuts by what failed, where, on which source, and in batches of which shape.
///
/// Only what was seen to happen is counted: a fault that was armed and never struck is not there.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Matrix {
    cuts: BTreeMap<[String; 4], u64>,
}

impl Matrix {
    /// Counts `times` more cuts by `fault` at `step` on `source` in batches of `shape`.
    pub fn add(&mut self, fault: &str, step: &str, source: &str, shape: &str, times: u64) {
        if times > 0 {
            let place = [fault, step, source, shape].map(str::to_owned);
            *self.cuts.entry(place).or_default() += times;
        }
    }

    /// Adds all counts of another one.
    pub fn merge(&mut self, other: &Self) {
        for ([fault, step, source, shape], times) in &other.cuts {
            self.add(fault, step, source, shape, *times);
        }
    }

    /// How many cuts there were in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.cuts.values().sum()
    }

    /// How many different places were struck: a fault at a step on a source.
    #[must_use]
    pub fn places(&self) -> usize {
        let mut places: Vec<_> = self.cuts.keys().map(|place| &place[..3]).collect();
        places.dedup();
        places.len()
    }

    /// The faults that struck, in the order of the alphabet.
    #[must_use]
    pub fn faults(&self) -> Vec<&str> {
        let mut faults: Vec<&str> = self.cuts.keys().map(|place| place[0].as_str()).collect();
        faults.dedup();
        faults
    }

    /// A Markdown table: a row for each fault and step, a column for each source.
    #[must_use]
    pub fn by_source(&self) -> String {
        self.table(["fault", "step"], |[fault, step, source, _]| ([fault, step], source))
    }

    /// A Markdown table: a row for each fault, a column for each shape.
    #[must_use]
    pub fn by_shape(&self) -> String {
        self.table(["fault"], |[fault, _, _, shape]| ([fault], shape))
    }

    /// A table whose rows and columns `place` gives.
    fn table<const N: usize>(
        &self,
        heads: [&str; N],
        place: impl Fn(&[String; 4]) -> ([&String; N], &String),
    ) -> String {
        let mut columns: Vec<&str> = self.cuts.keys().map(|key| place(key).1.as_str()).collect();
        columns.sort_unstable();
        columns.dedup();
        let mut rows: BTreeMap<[&String; N], Vec<u64>> = BTreeMap::new();
        for (key, times) in &self.cuts {
            let (row, column) = place(key);
            let row = rows.entry(row).or_insert_with(|| vec![0; columns.len()]);
            if let Ok(column) = columns.binary_search(&column.as_str()) {
                row[column] += times;
            }
        }
        let mut text = format!("| {} | {} |\n", heads.join(" | "), columns.join(" | "));
        text.push_str(&format!("|{}{}\n", " --- |".repeat(N), " ---: |".repeat(columns.len())));
        for (row, counts) in rows {
            for head in row {
                let _ = write!(text, "| {head} ");
            }
            for count in counts {
                let cell = if count == 0 { "–".to_owned() } else { count.to_string() };
                let _ = write!(text, "| {cell} ");
            }
            text.push_str("|\n");
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
        matrix.add("killed", "before COPY", "redis", "few", 2);
        matrix.add("killed", "before COPY", "file", "few", 1);
        matrix.add("killed", "before COPY", "file", "many", 3);
        matrix.add("killed", "after COPY", "redis", "few", 0);
        let mut all = Matrix::default();
        all.merge(&matrix);
        all.merge(&matrix);
        assert_eq!((all.total(), all.places(), all.faults()), (12, 2, vec!["killed"]));
        let expected = "| fault | step | file | redis |\n| --- | --- | ---: | ---: |\n\
                        | killed | before COPY | 8 | 4 |\n";
        assert_eq!(all.by_source(), expected);
        let expected = "| fault | few | many |\n| --- | ---: | ---: |\n| killed | 6 | 6 |\n";
        assert_eq!(all.by_shape(), expected);
    }
}
