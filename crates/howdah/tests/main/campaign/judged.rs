//! What the check of balances makes of postings in their order.

use std::collections::{HashMap, HashSet};

use crate::market::Posting;

/// The verdicts on the entries of the Redis stream of postings.
pub struct Judged {
    /// Those that are rows.
    pub accepted: Vec<Posting>,
    /// Events, duplicates, dead letters.
    pub counts: [i64; 3],
}

impl Judged {
    /// Judges one by one.
    pub fn of(postings: Vec<Posting>) -> Self {
        let mut balances: HashMap<(u64, u64), i64> = HashMap::new();
        let mut known = HashSet::new();
        let mut judged = Self { accepted: vec![], counts: [postings.len() as i64, 0, 0] };
        for posting in postings {
            let balance = balances.entry((posting.desk, posting.account)).or_default();
            if known.contains(&posting.id) {
                judged.counts[1] += 1;
            } else if *balance + posting.cents < -10_000 {
                judged.counts[2] += 1;
            } else {
                *balance += posting.cents;
                known.insert(posting.id);
                judged.accepted.push(posting);
            }
        }
        judged
    }
}
