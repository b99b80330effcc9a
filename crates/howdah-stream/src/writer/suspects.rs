//! Events that the direct way would fail by, looked at before the first COPY: one that repeats an
//! event of the last minutes, or that breaks a condition of the table. There are few of them, so
//! asking for each costs little, and failing costs the batch twice. What is not suspected and fails
//! all the same is found as before.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use howdah_catalog::Ident;

use super::Writer;
use super::direct::{End, Trial};
use super::events::Events;
use super::failed::Tried;
use super::sql::{Layout, Target};
use super::tuple::Fields;

/// So many keys are remembered twice over: 8 bytes and a little for each.
const RECENT: usize = 1 << 16;
/// Where more of a batch is suspected, all of it is looked up, or it is the same batch again.
const FEW: usize = 4;

/// For each route of a source, the fields of its stream's key; `None`: they are not all given.
pub(super) fn keys(routes: &[Layout], targets: &[Target]) -> Vec<Option<Vec<usize>>> {
    let place = |route: &Layout, name: &Ident| route.columns.iter().position(|it| it == name);
    let key = |route: &Layout| -> Option<Vec<usize>> {
        let stream = &targets[route.target].stream;
        stream.key.iter().map(|name| place(route, name)).collect()
    };
    routes.iter().map(|route| key(route).filter(|fields| !fields.is_empty())).collect()
}

/// The keys of the last events, as hashes: one that is here by chance is only looked up in vain.
#[derive(Debug, Default)]
pub(super) struct Recent {
    hashes: DefaultHashBuilder,
    last: HashSet<u64>,
    before: HashSet<u64>,
}

impl Recent {
    fn has(&self, key: u64) -> bool {
        self.last.contains(&key) || self.before.contains(&key)
    }

    fn add(&mut self, keys: impl Iterator<Item = u64>) {
        self.last.extend(keys);
        if self.last.len() > RECENT {
            self.before = std::mem::take(&mut self.last);
        }
    }
}

impl Writer {
    /// The keys of the rows of some events, each with its event.
    fn keys_of(&self, events: &Events<'_>, some: &[usize]) -> Vec<(usize, u64)> {
        let hashes = &self.direct.recent.hashes;
        let mut out = Vec::with_capacity(some.len());
        for event in some {
            for row in &events.rows[events.all[*event].rows.clone()] {
                let Some(places) = self.sql.keys.get(row.route).and_then(Option::as_ref) else {
                    continue;
                };
                // Each field of the key by its place there, since another route of the stream may
                // have its columns in another order.
                let mut key = hashes.hash_one(self.sql.routes[row.route].target);
                for (field, bytes) in Fields::of(&row.copy).enumerate() {
                    if let Some(place) = places.iter().position(|place| *place == field) {
                        key = key.wrapping_add(hashes.hash_one((place, bytes)));
                    }
                }
                out.push((*event, key));
            }
        }
        out
    }

    /// Refuses the events that break a condition, and finds those that are repeated, as far as they
    /// are suspected. Nothing is written.
    pub(super) async fn try_suspects(
        &mut self,
        events: &mut Events<'_>,
        part: &[usize],
        trial: &mut Trial,
    ) -> Tried<()> {
        let live = events.live(part);
        // Where none was refused lately, looking costs more than one failure will.
        let expected = self.direct.expects_refusals();
        let bad = if expected { self.breaking(events, part, &live) } else { Vec::new() };
        trial.broken = !bad.is_empty();
        if !bad.is_empty() && bad.len() * FEW <= live.len() {
            self.execute("savepoint howdah_sift").await?;
            let end = self.sift_some(events, &bad).await?;
            self.execute("rollback to savepoint howdah_sift; release savepoint howdah_sift")
                .await?;
            // An error that names no row is for the whole batch to meet.
            if matches!(end, End::Never) {
                return Ok(());
            }
        }
        let can_look = part.iter().all(|t| self.statements.targets[*t].repeated.is_some());
        trial.keys = self.keys_of(events, &events.live(part));
        let again = self.again(&trial.keys);
        if !can_look || trial.looked || again.is_empty() || again.len() * FEW > live.len() {
            return Ok(());
        }
        self.execute("savepoint howdah_suspects").await?;
        if self.look_up(events, part, again, trial).await? {
            self.execute("release savepoint howdah_suspects").await
        } else {
            trial.forget_found();
            self.execute("rollback to savepoint howdah_suspects").await
        }
    }

    /// The events of which a row breaks a condition of its table, as far as it is known here.
    fn breaking(&self, events: &Events<'_>, part: &[usize], live: &[usize]) -> Vec<usize> {
        let mut out: Vec<usize> = Vec::new();
        for target in part {
            let Some(screen) = &self.statements.targets[*target].screen else { continue };
            let rows = self.tuples(events, *target, live);
            let tuples: Vec<&[u8]> = rows.iter().map(|(_, tuple)| &tuple[..]).collect();
            out.extend(screen.suspects(&tuples).into_iter().map(|place| rows[place].0));
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The events whose keys came lately, or come twice in the batch.
    fn again(&self, keys: &[(usize, u64)]) -> Vec<usize> {
        let mut first: HashMap<u64, usize> = HashMap::with_capacity(keys.len());
        let mut out: Vec<usize> = Vec::new();
        for (event, key) in keys {
            let known = first.insert(*key, *event);
            if let Some(other) = known.filter(|other| other != event) {
                out.extend([other, *event]);
            } else if self.direct.recent.has(*key) {
                out.push(*event);
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Remembers the keys of a part that was written.
    pub(super) fn remember(&mut self, trial: &Trial) {
        self.direct.recent.add(trial.keys.iter().map(|(_, key)| *key));
    }
}
