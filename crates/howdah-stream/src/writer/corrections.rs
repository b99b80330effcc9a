//! The SQL of what takes events back, for one source, compiled once.

use howdah_catalog::Literal;
use howdah_rollup::reorganise::{self, Staged};
use howdah_rollup::{horizon, retract};
use howdah_system::{Reorganisation, Rollup, Stream, System};

use super::sql::Target;

/// What a batch into the streams of a source may need beside insert and fold.
#[derive(Debug, Clone, Default)]
pub(super) struct Corrections {
    /// Makes the temporary tables.
    pub(super) temporary: Vec<String>,
    /// For each of the source's streams.
    pub(super) targets: Vec<OfTarget>,
    /// Those whose streams the source fills.
    pub(super) reorganisations: Vec<OfReorganisation>,
}

/// What can happen to the events of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct OfTarget {
    /// The first reversal, where each is judged apart.
    pub(super) first_reversal: Option<String>,
    pub(super) restore: Option<String>,
    pub(super) divert_reversals: Option<String>,
    pub(super) divert_known: Option<String>,
    /// Puts the events that reversals name back into their chunks, where they are folded.
    pub(super) thaw_reversed: Thaw,
    pub(super) take_reversed: Option<String>,
    pub(super) breaks_check: Option<String>,
    pub(super) in_conflict: Option<String>,
    pub(super) after: After,
}

impl OfTarget {
    /// Whether a batch into the stream needs more than insert and fold.
    pub(super) fn concerned(&self) -> bool {
        self.divert_known.is_some() || self.in_conflict.is_some()
    }
}

/// What follows when a stream has lost rows.
#[derive(Debug, Clone, Default)]
pub(super) struct After {
    /// Every rollup anew where rows are gone.
    pub(super) recompute: Vec<String>,
    /// Whether one of the rollups' rows cannot be computed anew, since retention took events of it.
    pub(super) reaches_back: Option<String>,
    /// Forgets which.
    pub(super) empty: String,
}

/// A reorganisation as a source meets it.
#[derive(Debug, Clone)]
pub(super) struct OfReorganisation {
    /// Those of the source's streams that are in it, the marker's among them.
    pub(super) targets: Vec<usize>,
    /// None where the source fills only the marker's stream.
    pub(super) blocks: Option<Blocks>,
    pub(super) first_marker: Option<String>,
    pub(super) note_suspended: Option<String>,
    pub(super) too_deep: String,
    pub(super) set_states: String,
    pub(super) forget: String,
    /// For each stream of the reorganisation: takes its rows back, and what follows.
    pub(super) lose: Vec<Lose>,
    /// Put back what may be looked for beside blocks of late events, `$1`.
    pub(super) thaw_near: Vec<String>,
}

/// What puts events of a stream back into its chunks before they are taken back.
#[derive(Debug, Clone, Default)]
pub(super) struct Thaw {
    /// Whether anything of the stream is folded: only then may others than the owner not do it.
    pub(super) is_folded: String,
    /// In order, each seeing what was committed before it; empty: nothing can be folded.
    pub(super) statements: Vec<String>,
}

impl Thaw {
    fn new(stream: &Stream, statements: Vec<String>) -> Self {
        let is_folded = format!(
            "select exists (select from howdah.folds where stream = {})",
            Literal(&stream.table.to_string())
        );
        Self { is_folded, statements }
    }
}

/// What a stream of a reorganisation loses.
#[derive(Debug, Clone)]
pub(super) struct Lose {
    /// Puts it back into its chunks, where it is folded.
    pub(super) thaw: Thaw,
    /// Takes it back.
    pub(super) take: String,
    pub(super) after: After,
}

/// The statements over staged events of blocks.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    pub(super) first_conflict: String,
    pub(super) note_replaced: String,
    pub(super) register: String,
    pub(super) settle: String,
}

impl Corrections {
    /// `streams` are the indexes of `targets` in the system, in the same order.
    pub(super) fn new(
        system: &System,
        streams: &[usize],
        targets: &[Target],
        has_foreign: &impl Fn(&Rollup) -> bool,
    ) -> Self {
        let reach = system.reach(streams);
        let mut temporary: Vec<String> = reach
            .iter()
            .flat_map(|index| retract::temporary_tables(&system.streams[*index]))
            .collect();
        let mut reorganisations = Vec::new();
        for reorganisation in &system.reorganisations {
            if reorganisation.streams().any(|stream| streams.contains(&stream)) {
                temporary.push(reorganise::create_going(reorganisation));
                let of =
                    OfReorganisation::new(system, reorganisation, streams, targets, has_foreign);
                reorganisations.push(of);
            }
        }
        let targets = streams
            .iter()
            .zip(targets)
            .map(|(index, target)| OfTarget::new(system, *index, target, has_foreign))
            .collect();
        Self { temporary, targets, reorganisations }
    }

    /// Whether a batch into these streams needs more than insert and fold.
    pub(super) fn concern(&self, part: &[usize]) -> bool {
        part.iter().any(|target| self.targets[*target].concerned())
            || self.of(part).next().is_some()
    }

    /// The reorganisations of these streams.
    pub(super) fn of(&self, part: &[usize]) -> impl Iterator<Item = &OfReorganisation> {
        self.reorganisations.iter().filter(|it| it.targets.iter().any(|t| part.contains(t)))
    }

    /// Parts that meet in a reorganisation are one: its events are looked at in their order.
    pub(super) fn joined(&self, parts: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        let mut out: Vec<Vec<usize>> = parts;
        for of in &self.reorganisations {
            let (met, mut apart): (Vec<_>, Vec<_>) =
                out.into_iter().partition(|part| part.iter().any(|t| of.targets.contains(t)));
            let mut together: Vec<usize> = met.into_iter().flatten().collect();
            together.sort_unstable();
            if !together.is_empty() {
                apart.push(together);
            }
            out = apart;
        }
        out
    }
}

impl OfTarget {
    fn new(
        system: &System,
        index: usize,
        target: &Target,
        has_foreign: &impl Fn(&Rollup) -> bool,
    ) -> Self {
        let (stream, staging) = (&target.stream, &target.staging);
        let rollups: Vec<&Rollup> = system.rollups_of(stream).collect();
        let of = system.reorganisation_of(index).filter(|it| it.of.contains(&index));
        let replaced = of.map(reorganise::is_replaced);
        let judged = rollups.iter().any(|rollup| rollup.check.is_some());
        Self {
            first_reversal: retract::first_reversal(stream, staging).filter(|_| judged),
            restore: of.and_then(|of| reorganise::restore(of, Staged { stream, staging })),
            divert_reversals: retract::divert_reversals(stream, staging),
            divert_known: retract::divert_known(stream, staging, replaced.as_deref()),
            thaw_reversed: Thaw::new(stream, retract::thaw_reversed(stream)),
            take_reversed: retract::take_reversed(stream),
            breaks_check: retract::breaks_check(stream, &rollups),
            in_conflict: retract::in_conflict(stream, staging),
            after: After::new(system, stream, has_foreign),
        }
    }
}

impl After {
    fn new(system: &System, stream: &Stream, has_foreign: &impl Fn(&Rollup) -> bool) -> Self {
        let rollups: Vec<&Rollup> = system.rollups_of(stream).collect();
        if stream.retracted.is_none() {
            return Self::default();
        }
        Self {
            recompute: retract::recompute(stream, &rollups, has_foreign),
            reaches_back: horizon::reaches_back(stream, &rollups, &stream.table.to_string()),
            empty: retract::empty(stream),
        }
    }
}

impl OfReorganisation {
    fn new(
        system: &System,
        of: &Reorganisation,
        streams: &[usize],
        targets: &[Target],
        has_foreign: &impl Fn(&Rollup) -> bool,
    ) -> Self {
        let staged = |index: &usize| {
            let target = &targets[streams.iter().position(|stream| stream == index)?];
            Some(Staged { stream: &target.stream, staging: &target.staging })
        };
        let filled: Vec<Staged<'_>> = of.of.iter().filter_map(staged).collect();
        let marker = of.marker.as_ref().and_then(|marker| staged(&marker.stream));
        let known = |stream: &usize| of.streams().any(|other| other == *stream);
        Self {
            targets: (0..streams.len()).filter(|at| known(&streams[*at])).collect(),
            blocks: (!filled.is_empty()).then(|| Blocks {
                first_conflict: reorganise::first_conflict(system, of, &filled),
                note_replaced: reorganise::note_replaced(system, of, &filled),
                register: reorganise::register(of, &filled),
                settle: reorganise::settle(of, &filled),
            }),
            first_marker: marker.map(reorganise::first_marker),
            note_suspended: marker.and_then(|marker| reorganise::note_suspended(of, marker)),
            too_deep: reorganise::too_deep(of),
            set_states: reorganise::set_states(of),
            forget: format!("delete from {}", reorganise::going(of)),
            lose: of
                .of
                .iter()
                .map(|index| &system.streams[*index])
                .filter_map(|stream| {
                    let take = reorganise::take_back(of, stream)?;
                    let statements = reorganise::thaw_going(of, stream).into_iter().collect();
                    let thaw = Thaw::new(stream, statements);
                    Some(Lose { thaw, take, after: After::new(system, stream, has_foreign) })
                })
                .collect(),
            // What is in one block only is what is looked for.
            thaw_near: of
                .of
                .iter()
                .filter(|_| !of.once.is_empty())
                .filter_map(|index| reorganise::thaw_near(of, &system.streams[*index]))
                .collect(),
        }
    }
}
