//! `[upkeep]`: whether `howdah run` does the upkeep, and when.

use std::time::Duration;

use super::reader::Section;
use crate::units::{self, Complaint};

/// `[upkeep]` with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpkeepConfig {
    /// Whether `howdah run` does the upkeep; `howdah upkeep` does it in any case.
    pub enabled: bool,
    /// When chunks are folded, merged and proved, and old ones go; `None`: at any time.
    pub window: Option<Window>,
    /// How often each job looks.
    pub every: Duration,
    /// How long a folded chunk rests before late events in it are folded again.
    pub merge_after: Duration,
    /// How many bytes the streams may take; a forecast says when they are used up.
    pub disk: Option<u64>,
}

impl Default for UpkeepConfig {
    /// A look costs a few catalog queries; merging sooner than in minutes would fold the segments
    /// of one chunk again for every late event.
    fn default() -> Self {
        Self {
            enabled: true,
            window: None,
            every: Duration::from_secs(60),
            merge_after: Duration::from_secs(600),
            disk: None,
        }
    }
}

/// A daily window of time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The minute of the day at which it opens.
    pub from: u16,
    /// At which it closes; before `from`: on the next day.
    pub to: u16,
}

impl Window {
    /// Whether it is open at that minute of the day.
    #[must_use]
    pub fn is_open(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

pub(super) fn read(top: &Section<'_>) -> UpkeepConfig {
    let mut config = UpkeepConfig::default();
    let section = top.section("upkeep");
    let given = section.as_ref();
    match given.and_then(|section| section.boolean("enabled")) {
        Some(enabled) => config.enabled = enabled.value,
        None => top.default_at("upkeep.enabled", "true"),
    }
    match given.and_then(|section| section.parsed("window", window)) {
        Some(window) => config.window = Some(window.value),
        None => top.default_at("upkeep.window", "\"00:00-24:00\""),
    }
    for (key, shown, least, setting) in [
        ("every", "1 min", Duration::from_secs(1), &mut config.every),
        ("merge_after", "10 min", Duration::ZERO, &mut config.merge_after),
    ] {
        let value = given.and_then(|section| section.parsed(key, units::duration));
        match (value, given) {
            (Some(value), Some(section)) if value.value < least => {
                let problem = value.problem(format!("\"{key}\" must be at least 1 s"));
                section.report(problem.hint("Each job looks at the database as often as that."));
            }
            (Some(value), _) => *setting = value.value,
            _ => top.default_at(&format!("upkeep.{key}"), format!("\"{shown}\"")),
        }
    }
    if let Some(disk) = given.and_then(|section| section.parsed("disk", units::size)) {
        config.disk = Some(disk.value as u64);
    }
    if let Some(section) = section {
        section.finish();
    }
    config
}

/// `22:00-06:00`; 24:00 is midnight.
fn window(text: &str) -> Result<Window, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("\"{text}\" is not a window of time"),
            "Write two times of day in UTC, such as \"22:00-06:00\".",
        )
    };
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        let valid = minute < 60 && (hour < 24 || (hour == 24 && minute == 0));
        valid.then_some(hour * 60 + minute)
    };
    let (from, to) = minute(from).zip(minute(to)).ok_or_else(wrong)?;
    if from == to {
        return Err(Complaint::new(
            format!("the window \"{text}\" never opens"),
            "Leave the key out to work at any time, or set enabled = false.",
        ));
    }
    Ok(Window { from: from % 1440, to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_may_go_over_midnight() {
        let night = window("22:00-06:00").expect("a window");
        assert!(night.is_open(23 * 60) && night.is_open(0) && !night.is_open(6 * 60));
        assert!(!night.is_open(12 * 60));
        let all = window("00:00-24:00").expect("a window");
        assert!(all.is_open(0) && all.is_open(1439));
        assert_eq!(all.to_string(), "00:00-24:00");
        for text in ["22-06", "25:00-01:00", "10:61-11:00", "24:30-01:00", "now", "5:00-5:00"] {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
