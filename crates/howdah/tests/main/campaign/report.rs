//! What a campaign did, as a page: `docs/faults.md`.

use std::time::Duration;

use howdah_testkit::Matrix;

use super::proof::Found;

/// What each fault comes to. All of it is asserted: by the proof at the end of each block, or in
/// the round itself.
const OUTCOMES: [(&str, &str); 43] = [
    ("answers lost", "the client sends again, is told what was stored, and it is stored once"),
    ("answers lost, howdah killed", "the same, by another process"),
    ("backends terminated", "howdah connects again and goes on with the batch in hand"),
    ("client leaves before the answer", "its repetition finds the request stored, or stores it"),
    ("client leaves in its body", "nothing of the request is stored before it comes whole"),
    ("client sends slowly", "stored as any other"),
    ("client stalls", "408 after `body_timeout`, nothing is stored; its repetition is"),
    (
        "clock of PostgreSQL set back, howdah stopped",
        "another takes over though the lease seems to last for hours",
    ),
    ("clock of PostgreSQL jumps", "no lease counts twice; what timed out is tried again"),
    ("clock of howdah jumps", "nothing: no lease and no verdict reads it"),
    ("connection broken", "the batch in hand is committed again, or found committed"),
    ("connections cut", "the same"),
    ("connections of clients cut", "the clients send again; each request is stored once"),
    ("disk full", "howdah waits and tries again; after a crash of the server it reconnects"),
    ("howdah killed", "the next process goes on behind the committed position"),
    (
        "howdah stopped, another goes on, continued",
        "the epoch keeps the first from committing what the second has",
    ),
    ("immediate shutdown of PostgreSQL", "howdah waits for the recovery, then commits again"),
    ("kill -9 of PostgreSQL", "the same"),
    ("kill -9 of Redis", "what Redis confirmed is read on; what it did not, producers send again"),
    ("kill -9 of a backend", "the server restarts itself; howdah waits and commits again"),
    ("kill -9 of howdah", "the next process goes on behind the committed position"),
    ("PostgreSQL stopped for a while", "howdah waits"),
    ("Redis forgot all", "said, counted once with the next batch, and everything new is read"),
    ("Redis forgot all, howdah killed", "the same, by the next process"),
    ("refused: deadlock", "the batch is tried again"),
    ("refused: disk full", "the batch is tried again"),
    ("refused: serialization failure", "the batch is tried again"),
    ("refused: statement timeout", "the batch is tried again, in smaller statements"),
    ("reply of a commit lost", "the position, or the row of the request, tells that it was done"),
    ("reply of a commit lost, howdah killed", "the next process goes on behind it"),
    ("SIGTERM of howdah", "the batch in hand is committed, requests are answered, exit code 0"),
    ("PostgreSQL stopped in upkeep", "upkeep and writer wait"),
    ("backends of upkeep terminated", "what was begun is taken back; the next pass goes on"),
    ("connections of upkeep cut", "the same"),
    ("kill -9 of PostgreSQL in upkeep", "the same, after the recovery"),
    ("kill -9 of upkeep", "the next process has the lease at once and goes on"),
    ("kill -9 of upkeep and writer", "the same; late events are read again from their position"),
    ("restore killed", "a chunk is put back whole or not at all"),
    ("upkeep killed", "the next process has the lease at once and goes on"),
    ("upkeep stopped, another goes on, continued", "the epoch keeps the first from committing"),
    ("upkeep: connection broken", "the job fails, is noted, and is tried again"),
    ("writer of late events killed", "segments that were put back are segments again"),
    ("two howdahs, stopped and continued", "one owns each shard, the other stands by"),
];

/// A campaign that has ended well.
pub struct Report<'r> {
    pub matrix: &'r Matrix,
    pub seed: u64,
    pub blocks: u64,
    pub took: Duration,
    pub found: Found,
    pub lacks: &'r [&'static str],
}

impl Report<'_> {
    /// One line.
    pub fn line(&self) -> String {
        let Self { matrix, seed, blocks, took, .. } = self;
        format!(
            "{} cuts at {} places in {blocks} blocks, seed {seed}, {took:.0?}: \
             0 lost, 0 doubled, 0 wrong",
            matrix.total(),
            matrix.places()
        )
    }

    /// The page.
    ///
    /// # Panics
    /// When a fault struck whose outcome is not told.
    pub fn page(&self) -> String {
        let Found { already, events, requests: [stored, repeated] } = self.found;
        let mut outcomes = String::from("| fault | outcome |\n| --- | --- |\n");
        for fault in self.matrix.faults() {
            let outcome = OUTCOMES.iter().find(|(known, _)| *known == fault);
            let outcome = outcome.unwrap_or_else(|| panic!("no outcome for \"{fault}\"")).1;
            outcomes += &format!("| {fault} | {outcome} |\n");
        }
        let lacks = match self.lacks {
            [] => String::new(),
            lacks => format!("\nNot struck on this machine: {}.\n", lacks.join("; ")),
        };
        let rate = self.matrix.total() as f64 / self.took.as_secs_f64();
        format!(
            include_str!("page.md"),
            line = self.line(),
            rate = rate,
            seed = self.seed,
            cuts = self.matrix.total(),
            already = already,
            events = events,
            stored = stored,
            repeated = repeated,
            lacks = lacks,
            outcomes = outcomes,
            by_source = self.matrix.by_source(),
            by_shape = self.matrix.by_shape(),
        )
    }
}
