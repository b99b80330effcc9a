//! Whether a stream is still the one that was read, and what it lost meanwhile.
//!
//! Redis 7.0 and newer count the entries that a stream ever had (`entries-added` of XINFO STREAM).
//! The reader keeps the same count for the last entry that it has read, its ordinal: what Redis
//! counted beyond it and does not hold any more was removed before it was read. Where every entry
//! present is unread, or none is, that is exact; in between it waits for one of the two.
//!
//! A server that restarts without its data, or a replica that takes over without the last entries,
//! makes the stream end before what was read, or its count smaller. What it then adds may have ids
//! below the one that was read, so reading on behind that one would pass over new entries.

use super::id::Id;

/// What XINFO STREAM says; all zero for a stream that does not exist yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) length: u64,
    /// The largest id that the stream ever had.
    pub(super) last: Id,
    /// The first entry present.
    pub(super) first: Option<Id>,
    /// The last entry present.
    pub(super) newest: Option<Id>,
    /// Entries ever added; Redis 7.0 and newer.
    pub(super) added: Option<u64>,
}

/// What the reader knows when it looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The last entry read; zero: none yet.
    pub(super) last: Id,
    /// Its place among all entries that the stream ever had, from 1.
    pub(super) ordinal: Option<u64>,
    /// The largest `added` that was seen.
    pub(super) seen: Option<u64>,
    /// The server is another run than the one that `last` was read from, and does not hold that
    /// entry: that it holds what followed it is not certain.
    pub(super) unsure: bool,
}

/// How the stream continues what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As far as can be told nothing is missing.
    Whole {
        /// The ordinal of the last entry read, as far as it is known now.
        ordinal: Option<u64>,
    },
    /// Entries behind the last one read were removed.
    Removed {
        /// How many; a lower bound unless `exact`.
        entries: u64,
        exact: bool,
        /// The first entry that is left, or the last one that was.
        before: Id,
        /// The ordinal that makes up for them.
        ordinal: Option<u64>,
    },
    /// The stream lost its state.
    Reset {
        /// How many entries are lost at least.
        entries: u64,
        /// Entries are there, or will come, whose ids are not above the last one read: to read
        /// them means to read from the beginning.
        below: Below,
        /// The ordinal of the entry to read on from.
        ordinal: Option<u64>,
    },
}

/// What may stand at or below the last id that was read, after a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    /// Nothing now or later: all ids are above it.
    Nothing,
    /// No entry yet, but entries may come.
    Later,
    /// Entries, of which some may have been read and others not.
    Entries,
}

/// Judges what XINFO says by what is known.
pub(super) fn judge(known: &Known, info: &Info) -> Verdict {
    // All entries present are behind `last`.
    let unread = info.first.is_none_or(|first| first > known.last);
    let gone = match info.added {
        // There is no stream yet, and nothing counts.
        None if info.last == Id::default() => Some(0),
        added => added.map(|added| added.saturating_sub(info.length)),
    };
    if known.last == Id::default() {
        // What a stream lost before anybody read it is nobody's loss.
        return Verdict::Whole { ordinal: known.ordinal.or(gone) };
    }
    let counts = known.ordinal.zip(info.added).zip(gone);
    let shrunk = counts.is_some_and(|((ordinal, added), gone)| {
        // Where no entry is left of those that were read, at least so many are gone.
        added < ordinal || (unread && gone < ordinal)
    });
    if info.last < known.last || shrunk {
        return reset(known, info, unread, gone);
    }
    // Nothing present is unread: what was counted and not read was removed.
    if info.newest.is_none_or(|newest| newest <= known.last) {
        return match known.ordinal.zip(info.added) {
            Some((ordinal, added)) if added > ordinal => Verdict::Removed {
                entries: added - ordinal,
                exact: !known.unsure,
                before: info.last,
                ordinal: info.added,
            },
            _ => Verdict::Whole { ordinal: info.added.or(known.ordinal) },
        };
    }
    if !unread {
        return Verdict::Whole { ordinal: known.ordinal };
    }
    let before = info.first.unwrap_or(info.last);
    match known.ordinal.zip(gone) {
        Some((ordinal, gone)) if gone > ordinal => Verdict::Removed {
            entries: gone - ordinal,
            exact: !known.unsure,
            before,
            ordinal: Some(gone),
        },
        Some(_) => Verdict::Whole { ordinal: known.ordinal },
        // Nobody counted: nothing can be said but that some may have been removed.
        None if known.unsure => {
            Verdict::Removed { entries: 0, exact: false, before, ordinal: gone }
        }
        None => Verdict::Whole { ordinal: gone },
    }
}

fn reset(known: &Known, info: &Info, unread: bool, gone: Option<u64>) -> Verdict {
    let unseen = known.seen.zip(known.ordinal).map_or(0, |(seen, read)| seen.saturating_sub(read));
    let below = match (unread, info.last > known.last) {
        (true, true) => Below::Nothing,
        (true, false) => Below::Later,
        (false, _) => Below::Entries,
    };
    // Where the new state has no entry from before, what it lost by itself is lost as well.
    let own = if below == Below::Entries { 0 } else { gone.unwrap_or_default() };
    Verdict::Reset { entries: unseen + own, below, ordinal: gone }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(length: u64, first: u64, last: u64, added: u64) -> Info {
        let (first, newest) = (Id(first, 0), Id(last, 0));
        let present = |id| (length > 0).then_some(id);
        let (first, newest) = (present(first), present(newest));
        Info { length, first, newest, last: Id(last, 0), added: Some(added) }
    }

    fn read(last: u64, ordinal: u64) -> Known {
        Known { last: Id(last, 0), ordinal: Some(ordinal), seen: None, unsure: false }
    }

    fn removed(entries: u64, before: u64, ordinal: u64) -> Verdict {
        let (before, ordinal) = (Id(before, 0), Some(ordinal));
        Verdict::Removed { entries, exact: true, before, ordinal }
    }

    #[test]
    fn what_was_removed_unread_is_counted() {
        // Ten were added with the ids 1 to 10, five are read.
        let whole = Verdict::Whole { ordinal: Some(5) };
        assert_eq!(judge(&read(5, 5), &info(10, 1, 10, 10)), whole, "nothing was trimmed");
        assert_eq!(judge(&read(5, 5), &info(5, 6, 10, 10)), whole, "what was read was trimmed");
        assert_eq!(judge(&read(5, 5), &info(2, 9, 10, 10)), removed(3, 9, 8), "three more were");
        assert_eq!(judge(&read(5, 5), &info(0, 0, 10, 10)), removed(5, 10, 10), "all were");
        // One in the middle was deleted; it shows when everything else is read.
        assert_eq!(judge(&read(5, 5), &info(9, 1, 10, 10)), whole);
        assert_eq!(judge(&read(10, 9), &info(9, 1, 10, 10)), removed(1, 10, 10));
        assert_eq!(
            judge(&read(8, 8), &Info { newest: Some(Id(8, 0)), ..info(8, 1, 10, 10) }),
            removed(2, 10, 10),
            "the last two were"
        );
        assert_eq!(
            judge(&read(10, 10), &info(0, 0, 10, 10)),
            Verdict::Whole { ordinal: Some(10) },
            "an empty stream whose entries were all read has lost none"
        );
    }

    #[test]
    fn a_stream_that_nobody_read_has_lost_nothing() {
        let start = Known::default();
        assert_eq!(judge(&start, &Info::default()), Verdict::Whole { ordinal: Some(0) });
        assert_eq!(judge(&start, &info(4, 7, 10, 10)), Verdict::Whole { ordinal: Some(6) });
    }

    #[test]
    fn a_stream_that_ends_before_what_was_read_was_reset() {
        let known = Known { seen: Some(30), ..read(20, 20) };
        let reset =
            |entries, below, ordinal| Verdict::Reset { entries, below, ordinal: Some(ordinal) };
        assert_eq!(judge(&known, &Info::default()), reset(10, Below::Later, 0));
        assert_eq!(judge(&known, &info(15, 1, 15, 15)), reset(10, Below::Entries, 0), "a replica");
        assert_eq!(judge(&known, &info(3, 50, 52, 3)), reset(10, Below::Nothing, 0), "made anew");
        assert_eq!(judge(&known, &info(2, 51, 52, 3)), reset(11, Below::Nothing, 1), "and trimmed");
        assert_eq!(
            judge(&known, &info(4, 18, 52, 4)),
            reset(10, Below::Entries, 0),
            "a slow clock"
        );
    }

    #[test]
    fn without_counts_or_on_another_server_nothing_is_exact() {
        let old = Info { added: None, ..info(5, 6, 10, 0) };
        let known = Known { last: Id(3, 0), ..Known::default() };
        assert_eq!(judge(&known, &old), Verdict::Whole { ordinal: None });
        let unsure = Known { unsure: true, ..known };
        let may_be = Verdict::Removed { entries: 0, exact: false, before: Id(6, 0), ordinal: None };
        assert_eq!(judge(&unsure, &old), may_be);
        let unsure = Known { unsure: true, ..read(3, 3) };
        let two = Verdict::Removed { entries: 2, exact: false, before: Id(6, 0), ordinal: Some(5) };
        assert_eq!(judge(&unsure, &info(5, 6, 10, 10)), two);
        // Once the count is known of any entry it is known of the others.
        let late = Known { last: Id(10, 0), ..Known::default() };
        assert_eq!(judge(&late, &info(5, 6, 10, 10)), Verdict::Whole { ordinal: Some(10) });
    }
}
