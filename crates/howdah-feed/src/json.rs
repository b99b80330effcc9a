//! JSON objects written field by field: texts, exact decimals, times and uuids.

/// A kind of thing that has uuids: the first eight digits of each of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UuidPrefix(pub(crate) &'static str);

/// A JSON object in the making.
#[derive(Debug)]
pub(crate) struct Object(String);

impl Object {
    /// An object whose text will not grow beyond `bytes` without allocating again.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// The finished text.
    pub(crate) fn finish(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }

    /// A text without characters that JSON escapes: names of this crate, never foreign ones.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.quoted(name, |out| out.push_str(value));
    }

    /// A whole number as a text: exchanges quote ids, which may exceed 2^53.
    pub(crate) fn quoted_number(&mut self, name: &str, value: u64) {
        self.quoted(name, |out| push_number(out, value));
    }

    /// A whole number.
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        push_number(&mut self.0, value);
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    /// What is JSON already.
    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    /// `units` times 10 to the minus `scale`, as a text.
    pub(crate) fn decimal(&mut self, name: &str, units: i64, scale: u32) {
        self.quoted(name, |out| push_decimal(out, units, scale));
    }

    /// Milliseconds since 1970 as RFC 3339 in UTC.
    pub(crate) fn time(&mut self, name: &str, ms: i64) {
        self.quoted(name, |out| push_time(out, ms));
    }

    /// The uuid of the thing number `index` of a kind.
    pub(crate) fn uuid(&mut self, name: &str, prefix: UuidPrefix, index: u64) {
        self.quoted(name, |out| push_uuid(out, prefix, index));
    }

    fn quoted(&mut self, name: &str, value: impl FnOnce(&mut String)) {
        self.name(name);
        self.0.push('"');
        value(&mut self.0);
        self.0.push('"');
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

/// Appends digits of `value`.
fn push_number(out: &mut String, value: u64) {
    push_digits(out, value, 1);
}

/// Appends digits of `value`, with zeroes in front up to `width` (at most 20) of them.
fn push_digits(out: &mut String, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut begin = digits.len();
    while value > 0 {
        begin -= 1;
        digits[begin] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    begin = begin.min(digits.len() - width.min(digits.len()));
    out.extend(digits[begin..].iter().map(|digit| char::from(*digit)));
}

/// Appends `units` times 10 to the minus `scale` (at most 18) as a decimal number.
pub(crate) fn push_decimal(out: &mut String, units: i64, scale: u32) {
    if units < 0 {
        out.push('-');
    }
    let one = 10_u64.pow(scale);
    push_number(out, units.unsigned_abs() / one);
    if scale > 0 {
        out.push('.');
        push_digits(out, units.unsigned_abs() % one, scale as usize);
    }
}

/// Appends milliseconds since 1970 as `2025-10-17T13:45:12.337Z`.
///
/// The date by days_from_civil's inverse (Hinnant: chrono-compatible low-level date algorithms);
/// years 0 to 9999.
pub(crate) fn push_time(out: &mut String, ms: i64) {
    let days = ms.div_euclid(86_400_000);
    let of_day = ms.rem_euclid(86_400_000) as u64;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097) as u64;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era as i64 + i64::from(month <= 2);

    let parts = [
        (year.unsigned_abs(), 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (of_day / 3_600_000, 2, ':'),
        (of_day / 60_000 % 60, 2, ':'),
        (of_day / 1_000 % 60, 2, '.'),
        (of_day % 1_000, 3, 'Z'),
    ];
    for (value, width, after) in parts {
        push_digits(out, value, width);
        out.push(after);
    }
}

/// Appends the uuid of the thing number `index` of a kind: version 4 in form, counted in fact.
pub(crate) fn push_uuid(out: &mut String, prefix: UuidPrefix, index: u64) {
    out.push_str(prefix.0);
    out.push_str("-0000-4000-8000-");
    for place in (0..12).rev() {
        let digit = (index >> (place * 4)) & 0xf;
        out.push(char::from_digit(digit as u32, 16).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn decimals_keep_every_digit() {
        for (units, scale, text) in [
            (10_821_437, 2, "108214.37"),
            (5, 5, "0.00005"),
            (-15, 3, "-0.015"),
            (0, 0, "0"),
            (i64::MAX, 18, "9.223372036854775807"),
        ] {
            assert_eq!(written(|out| push_decimal(out, units, scale)), text);
        }
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_760_708_712_337, "2025-10-17T13:45:12.337Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(written(|out| push_time(out, ms)), text);
        }
    }

    #[test]
    fn uuids_count_in_their_last_digits() {
        let text = written(|out| push_uuid(out, UuidPrefix("7e4a0000"), 0xab_cdef));
        assert_eq!(text, "7e4a0000-0000-4000-8000-000000abcdef");
    }
}
