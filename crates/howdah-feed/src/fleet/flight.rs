//! One flight: its course, and what goes wrong with it and its data.

use crate::dice::{Dice, hashed};

use super::ids::{Kind, id};
use super::operators::{Aircraft, PILOTS, pilot};

/// On the ground before take-off and after landing.
const GROUND_MS: i64 = 6_000;
/// A step of climb or descent: 2 m/s.
const CLIMB_CMS: i64 = 200;

/// A flight and its fate.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) number: u64,
    pub(super) aircraft: Aircraft,
    pub(super) pilot: String,
    /// When it is armed, in ms since 1970; the session's id holds it.
    pub(super) start_ms: i64,
    /// Times after arming, in ms.
    pub(super) takeoff_ms: i64,
    pub(super) touch_ms: Option<i64>,
    pub(super) landing_ms: i64,
    pub(super) disarm_ms: i64,
    pub(super) cruise_dm: i64,
    pub(super) speed_dms: i64,
    pub(super) vib_milli: i64,
    pub(super) rpm_offset: i64,
    pub(super) rpm_uneven: i64,
    pub(super) drain: i64,
    pub(super) dep_lat_e7: i64,
    pub(super) dep_lon_e7: i64,
    /// Samples a second of the file.
    pub(super) hz: i64,
    pub(super) has_live: bool,
    pub(super) file: FileFate,
    /// No sample from the first to before the second, in ms after arming.
    pub(super) gap_ms: (i64, i64),
    /// It was recorded under the wrong aircraft and is voided later.
    pub(super) wrong_aircraft: bool,
    pub(super) risk: i64,
    pub(super) rerun: bool,
}

/// What becomes of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFate {
    /// There is none: the session stays landed.
    None,
    Whole,
    /// It ends at 60 of 100.
    Truncated,
    /// Its clock is three hours slow: the whole file is quarantined.
    ClockShifted,
}

impl Flight {
    /// The flight number `number` of an aircraft that is armed at `start_ms`.
    pub(super) fn new(number: u64, aircraft: Aircraft, start_ms: i64, dice: &mut Dice) -> Self {
        let seconds = 60 + dice.below(120) as i64;
        let takeoff_ms = GROUND_MS + dice.below(2_000) as i64;
        let landing_ms = takeoff_ms + seconds * 1_000 - dice.below(900) as i64;
        let file = match dice.below(1_000) {
            0..100 => FileFate::None,
            100..102 => FileFate::Truncated,
            102..112 => FileFate::ClockShifted,
            _ => FileFate::Whole,
        };
        let gap_from = landing_ms / 3;
        let gap = if dice.below(100) < 3 { 12_000 + dice.below(8_000) as i64 } else { 0 };
        let worn = hashed(aircraft.org * 1_000 + aircraft.index, 40) as i64;
        Self {
            number,
            aircraft,
            pilot: pilot(aircraft.org, dice.below(PILOTS)),
            start_ms,
            takeoff_ms,
            touch_ms: (dice.below(100) < 3).then_some(takeoff_ms + seconds * 500),
            landing_ms,
            disarm_ms: landing_ms + GROUND_MS,
            cruise_dm: 400 + dice.below(700) as i64,
            speed_dms: 40 + dice.below(100) as i64,
            vib_milli: 1_000 + worn * 60 + dice.below(500) as i64,
            rpm_offset: dice.below(3_000) as i64,
            rpm_uneven: if dice.below(100) < 2 { 9_000 } else { 150 },
            drain: 1_800 + worn * 20,
            dep_lat_e7: 335_731_123 + aircraft.org as i64 * 100_000,
            dep_lon_e7: -75_898_421 + aircraft.index as i64 * 100_000,
            hz: if dice.below(20) == 0 { 5 } else { 1 + dice.below(2) as i64 },
            has_live: dice.below(100) < 30,
            file,
            gap_ms: (gap_from, gap_from + gap),
            wrong_aircraft: dice.below(1_000) < 5,
            risk: (dice.below(10_000) * (dice.below(7_000) + 3_000) / 10_000) as i64,
            rerun: dice.below(100) < 2,
        }
    }

    pub(super) fn session(&self) -> String {
        id(Kind::Session, self.start_ms, self.number)
    }

    /// Height above home in decimetres, and climb in cm/s.
    pub(super) fn height(&self, t_ms: i64) -> (i64, i64) {
        if t_ms <= self.takeoff_ms || t_ms >= self.landing_ms {
            return (0, 0);
        }
        let up = (t_ms - self.takeoff_ms) * CLIMB_CMS / 10_000;
        let down = (self.landing_ms - t_ms) * CLIMB_CMS / 10_000;
        match (up < self.cruise_dm.min(down), down < self.cruise_dm.min(up)) {
            (true, _) => (up.max(1), CLIMB_CMS),
            (_, true) => (down.max(1), -CLIMB_CMS),
            _ => (self.cruise_dm.min(up).max(1), 0),
        }
    }

    /// The bank in tenths of a degree: one flight in forty turns too hard for a while.
    pub(super) fn bank_ddeg(&self, t_ms: i64) -> i64 {
        let hard = self.number.is_multiple_of(40) && (40_000..46_000).contains(&t_ms);
        if hard && self.height(t_ms).0 > 0 { 380 } else { 40 }
    }

    /// The times of the file's samples, in ms after arming.
    pub(super) fn file_times(&self) -> Vec<i64> {
        let end = match self.file {
            FileFate::Truncated => self.disarm_ms * 6 / 10,
            _ => self.disarm_ms,
        };
        let step = 1_000 / self.hz;
        (0..=end / step).map(|n| n * step).filter(|t_ms| !self.in_gap(*t_ms)).collect()
    }

    /// The times of the samples that come live, once a second and a little late.
    pub(super) fn live_times(&self) -> Vec<i64> {
        let times = (0..=self.disarm_ms / 1_000)
            .map(|second| second * 1_000 + hashed(self.number << 16 | second as u64, 80) as i64);
        times.filter(|t_ms| !self.in_gap(*t_ms) && *t_ms <= self.disarm_ms).collect()
    }

    fn in_gap(&self, t_ms: i64) -> bool {
        (self.gap_ms.0..self.gap_ms.1).contains(&t_ms)
    }

    /// Time in the air, in ms, and landings: a touch and go is one more, and time on the ground.
    pub(super) fn airborne(&self) -> (i64, u64) {
        match self.touch_ms {
            Some(_) => (self.landing_ms - self.takeoff_ms - TOUCH_MS, 2),
            None => (self.landing_ms - self.takeoff_ms, 1),
        }
    }
}

/// On the ground between touch and go.
pub(super) const TOUCH_MS: i64 = 1_000;
