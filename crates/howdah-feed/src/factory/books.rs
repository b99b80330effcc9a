//! The events that count, kept while the feed is made, and what follows from them: computed here
//! from beginning to end, not step by step as a store does.

use crate::dice::Dice;
use crate::expected::Claim;
use crate::factory::machine::STATES;
use crate::json::push_decimal;

/// A longer silence is not the state before it.
const LONGEST_MS: i64 = 30 * 24 * 3_600_000;
/// Corrections are of one of so many last states.
const RECENT: usize = 8;

/// A machine has gone into a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) ms: i64,
    pub(super) seq: u64,
    pub(super) into: usize,
    /// It was taken back, or stands in the place of another and is left alone.
    pub(super) voided: bool,
}

/// Counters: total, good, scrap, rework.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    pub(super) epoch: u64,
    pub(super) ms: i64,
    pub(super) values: [u64; 4],
}

/// What the machines have said, by machine.
#[derive(Debug)]
pub(super) struct Books {
    states: Vec<Vec<State>>,
    /// States that stand in the place of others.
    replaced: Vec<Vec<State>>,
    counts: Vec<Vec<Count>>,
    corrections: u64,
}

impl Books {
    pub(super) fn new(machines: usize) -> Self {
        Self {
            states: vec![Vec::new(); machines],
            replaced: vec![Vec::new(); machines],
            counts: vec![Vec::new(); machines],
            corrections: 0,
        }
    }

    pub(super) fn state(&mut self, machine: usize, state: State) {
        self.states[machine].push(state);
    }

    pub(super) fn replaced(&mut self, machine: usize, state: State) {
        self.replaced[machine].push(state);
    }

    pub(super) fn count(&mut self, machine: usize, count: Count) {
        self.counts[machine].push(count);
    }

    /// Takes back one of the last states of a machine that was not yet.
    pub(super) fn take_back(&mut self, machine: usize, dice: &mut Dice) -> Option<State> {
        let states = &mut self.states[machine];
        let recent = states.len().min(RECENT);
        let place = states.len() - recent + dice.below(recent as u64) as usize;
        let state = states.get_mut(place).filter(|state| !state.voided)?;
        state.voided = true;
        self.corrections += 1;
        Some(*state)
    }

    /// Milliseconds in each state, and how many states count.
    fn times(&self) -> ([i64; STATES.len()], usize) {
        let (mut times, mut many) = ([0; STATES.len()], 0);
        for (states, replaced) in self.states.iter().zip(&self.replaced) {
            let mut all: Vec<&State> =
                states.iter().filter(|state| !state.voided).chain(replaced).collect();
            all.sort_by_key(|state| (state.ms, state.seq));
            many += all.len();
            for pair in all.windows(2) {
                times[pair[0].into] += (pair[1].ms - pair[0].ms).min(LONGEST_MS);
            }
        }
        (times, many)
    }

    /// Parts made: total, good, scrap, rework. The first count of an epoch adds nothing; when the
    /// total falls, all counters began anew.
    fn parts(&self) -> [u64; 4] {
        let mut sums = [0; 4];
        for counts in &self.counts {
            let mut counts = counts.clone();
            counts.sort_by_key(|count| (count.epoch, count.ms));
            for pair in counts.windows(2).filter(|pair| pair[0].epoch == pair[1].epoch) {
                let reset = pair[1].values[0] < pair[0].values[0];
                for ((sum, now), before) in sums.iter_mut().zip(pair[1].values).zip(pair[0].values)
                {
                    *sum += if reset { now } else { now - before };
                }
            }
        }
        sums
    }

    /// What a store must hold.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let (times, many) = self.times();
        let claim = |what, sql: &str, is: String| Claim { what, sql: sql.to_owned(), is };
        let mut claims = vec![
            claim("states that count", "select count(*) from machine_state", many.to_string()),
            claim(
                "states that were taken back",
                "select count(*) from machine_state_retracted where cause = 'reversed'",
                self.corrections.to_string(),
            ),
        ];
        for (state, name) in [
            (0, "seconds of production"),
            (1, "seconds of set-up"),
            (3, "seconds down"),
            (4, "seconds of planned stops"),
            (9, "seconds offline"),
        ] {
            let sql = format!(
                "select coalesce(sum(seconds_in), 0)::numeric(20,3) from reliability \
                 where state = '{}'",
                STATES[state]
            );
            let mut is = String::new();
            push_decimal(&mut is, times[state], 3);
            claims.push(Claim { what: name, sql, is });
        }
        let parts = self.parts();
        for (column, what, is) in [
            ("pq", "parts made", parts[0]),
            ("gq", "good parts", parts[1]),
            ("sq", "scrap", parts[2]),
            ("rq", "parts to rework", parts[3]),
        ] {
            let sql = format!("select coalesce(sum({column}), 0) from order_progress");
            claims.push(claim(what, &sql, is.to_string()));
        }
        claims
    }
}
