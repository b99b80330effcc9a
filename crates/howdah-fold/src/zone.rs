//! Whether the server and this process know the same history of a time zone.
//!
//! Each has its own copy of the IANA database; where they differ, a day would be cut at another
//! moment here than there.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The span that is compared: 1970 to 2050, in seconds since 1970.
const END: i64 = 2_524_608_000;
const DAY: i64 = 86_400;

/// Moments of a time zone, and its offsets as they are known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneProbe {
    /// The zone's name.
    pub zone: String,
    /// Every noon, and the seconds around every change of offset: in seconds since 1970.
    pub moments: Vec<i64>,
    offsets: Vec<i32>,
}

impl ZoneProbe {
    /// The query for the server's offsets at moments (`$1`, `bigint[]`) in a zone (`$2`, `text`):
    /// one `integer[]`, seconds east of Greenwich.
    pub const SQL: &'static str = "select array_agg(extract(epoch from \
         (to_timestamp(m.at) at time zone $2) - (to_timestamp(m.at) at time zone 'UTC'))::int \
         order by m.n) from unnest($1::bigint[]) with ordinality m (at, n)";

    /// `None` for a zone that is not known here.
    pub(crate) fn new(zone: &str) -> Option<Self> {
        let known = TimeZone::get(zone).ok()?;
        let mut moments: Vec<i64> = (0..END / DAY).map(|day| day * DAY + DAY / 2).collect();
        for change in known.following(Timestamp::UNIX_EPOCH) {
            let at = change.timestamp().as_second();
            if at >= END {
                break;
            }
            moments.extend([at - 1, at]);
        }
        let offset = |at: &i64| {
            let at = Timestamp::from_second(*at).ok()?;
            Some(known.to_offset(at).seconds())
        };
        let offsets = moments.iter().map(offset).collect::<Option<_>>()?;
        Some(Self { zone: zone.to_owned(), moments, offsets })
    }

    /// Whether these are the offsets that are known here.
    #[must_use]
    pub fn agrees(&self, offsets: &[i32]) -> bool {
        self.offsets == offsets
    }
}
