//! Rows gathered to segments: values as the codes count them, their differences as arrays.
//!
//! A value is exact or does not fit: what cannot be read back as it was (a digit too many, a NaN, a
//! negative zero) is said, never rounded.

use std::collections::BTreeMap;

use crate::code::{Code, Column, Shape, Width};
use crate::layout::{Coded, Layout, SEGMENT_ROWS};
use crate::step;
use crate::wire::{self, Elements, Numeric, Value};

/// The times that are kept as µs since 2000, 1950 to 2049: within them a double holds every µs
/// exactly, in the seconds that `to_timestamp` takes as in the factor of an interval.
const EXACT_TIMES: std::ops::Range<i64> = -1_577_836_800_000_000..1_577_923_200_000_000;
/// Floats within it are whole numbers of 64 bits.
const WHOLE_FLOATS: std::ops::Range<f64> =
    -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;

/// A segment ends where its values have so many bytes: no array may have a GB, and they are held in
/// memory.
pub(crate) const MOST_BYTES: usize = 16 << 20;

/// About the memory of the segments that are open side by side, at most.
pub(crate) const MOST_HELD: usize = 32 << 20;

/// A value as the code counts it; `None`: it does not fit.
pub(crate) fn counted(code: &Code, shape: Shape, raw: &[u8]) -> Option<i64> {
    match code {
        Code::Plain | Code::Text | Code::Joined { .. } => None,
        Code::Whole { .. } => {
            let number = wire::whole(raw)?;
            // Infinite dates have no number of days.
            let infinite = number == i64::from(i32::MAX) || number == i64::from(i32::MIN);
            (shape != Shape::Date || !infinite).then_some(number)
        }
        Code::Decimal { scale, digits, .. } => {
            let number = Numeric::read(raw)?;
            if number.scale == *scale { number.scaled(*digits) } else { None }
        }
        Code::Float { digits, .. } => float(shape, *digits, wire::float(raw)?),
        Code::Time { .. } => wire::whole(raw).filter(|time| EXACT_TIMES.contains(time)),
    }
}

/// The decimals of a float as a whole number, where reading gives the same bits again.
fn float(shape: Shape, digits: u16, value: f64) -> Option<i64> {
    let factor = 10_f64.powi(digits.into());
    let rounded = (value * factor).round_ties_even();
    let back = rounded / factor;
    let same = if value == 0.0 {
        // A negative zero equals zero and is none.
        value.is_sign_positive()
    } else if shape == Shape::Float4 {
        f64::from(back as f32).to_bits() == value.to_bits()
    } else {
        back.to_bits() == value.to_bits()
    };
    (same && WHOLE_FLOATS.contains(&rounded)).then_some(rounded as i64)
}

/// What a column's values needed of its code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Needed {
    /// The greatest difference.
    pub(crate) widest: i64,
    /// Whether a value is not as the code says.
    pub(crate) never: bool,
}

impl Needed {
    /// Also what other values need.
    fn add(&mut self, other: Self) {
        self.widest = self.widest.max(other.widest);
        self.never |= other.never;
    }

    /// Whether all values fit the code.
    pub(crate) fn fits(self, code: &Code) -> bool {
        !self.never && code.width().is_none_or(|width| self.widest <= width.most())
    }
}

/// A column of a segment, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// What holds the values.
    pub(crate) values: Value,
    /// What the differences are from.
    pub(crate) base: i64,
    /// For each row.
    pub(crate) step: i64,
    /// The least and the greatest value as counted.
    pub(crate) extremes: Option<(i64, i64)>,
    /// The sum of the values as counted.
    pub(crate) sum: i128,
}

/// A column of the segment that is being gathered.
#[derive(Debug)]
pub(crate) struct Gathering {
    code: Code,
    shape: Shape,
    numbers: Vec<Option<i64>>,
    plain: Elements,
    joined: Vec<u8>,
    /// Of all segments so far.
    pub(crate) needed: Needed,
}

impl Gathering {
    pub(crate) fn new(column: &Column, code: &Code) -> Self {
        Self {
            code: code.clone(),
            shape: column.shape,
            numbers: Vec::new(),
            plain: Elements::default(),
            joined: Vec::new(),
            needed: Needed::default(),
        }
    }

    /// The next row's value.
    pub(crate) fn push(&mut self, raw: Option<&[u8]>) {
        match (&self.code, raw) {
            (Code::Joined { length }, Some(raw)) if raw.len() == usize::from(*length) => {
                return self.joined.extend_from_slice(raw);
            }
            (Code::Joined { .. }, _) => return self.needed.never = true,
            (Code::Plain | Code::Text, _) => return self.plain.push(raw),
            _ => {}
        }
        let number = raw.and_then(|raw| counted(&self.code, self.shape, raw));
        self.needed.never |= raw.is_some() && number.is_none();
        self.numbers.push(number);
    }

    /// Ends the segment. What does not fit is noted in [`Self::needed`] and packed as null.
    pub(crate) fn pack(&mut self) -> Packed {
        let mut elements = std::mem::take(&mut self.plain);
        let mut out = Packed {
            values: Value::One(None),
            base: self.numbers.iter().flatten().next().copied().unwrap_or(0),
            step: 0,
            extremes: None,
            sum: 0,
        };
        let Some(width) = self.code.width() else {
            out.values = match self.code {
                Code::Joined { .. } => Value::One(Some(std::mem::take(&mut self.joined))),
                _ => Value::Array(elements),
            };
            return out;
        };
        let unit = match self.code {
            Code::Time { unit, .. } => i128::from(unit),
            _ => 1,
        };
        if self.code.has_step() {
            out.step = step::of(&self.numbers, out.base, unit);
        }
        for (row, number) in self.numbers.iter().enumerate() {
            let Some(number) = *number else {
                elements.push(None);
                continue;
            };
            let (low, high) = out.extremes.unwrap_or((number, number));
            out.extremes = Some((low.min(number), high.max(number)));
            out.sum += i128::from(number);
            let rest =
                i128::from(number) - i128::from(out.base) - i128::from(out.step) * row as i128;
            match i64::try_from(rest / unit) {
                Ok(difference) if rest % unit == 0 && difference != i64::MIN => {
                    self.needed.widest = self.needed.widest.max(difference.abs());
                    push_narrow(&mut elements, width, difference);
                }
                _ => {
                    self.needed.never = true;
                    elements.push(None);
                }
            }
        }
        self.numbers.clear();
        out.values = Value::Array(elements);
        out
    }
}

/// A difference in the bytes of a width; one that is too wide is not kept anyway.
fn push_narrow(elements: &mut Elements, width: Width, difference: i64) {
    match width {
        Width::Int1 => elements.push(Some(&(difference as i8).to_be_bytes())),
        Width::Int2 => elements.push(Some(&(difference as i16).to_be_bytes())),
        Width::Int4 => elements.push(Some(&(difference as i32).to_be_bytes())),
        Width::Int8 => elements.push(Some(&difference.to_be_bytes())),
    }
}

/// In which order the rows of a chunk come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// By their time: the segments of all keys are open side by side. A sort by one number is three
    /// times as fast as one by the key.
    Time,
    /// By their key, then by time: one segment is open at a time.
    Key,
}

/// The rows of a chunk, in their order, becoming segments of a layout.
#[derive(Debug)]
pub(crate) struct Gatherer<'a> {
    layout: &'a Layout,
    order: Order,
    /// The segments that are not complete, by the plain columns as [`Gatherer::read_key`] writes
    /// them.
    open: BTreeMap<Vec<u8>, Segment>,
    /// The key of the row at hand.
    key: Vec<u8>,
    /// About the memory of the open segments.
    held: usize,
    /// What the columns needed in all segments that are complete.
    needed: Vec<Needed>,
    /// The place of the time in a row, behind the plain columns.
    time: usize,
}

/// A segment that is being gathered.
#[derive(Debug)]
struct Segment {
    plain: Vec<Option<Vec<u8>>>,
    columns: Vec<Gathering>,
    rows: u32,
    /// Of its values.
    bytes: usize,
    held: usize,
    times: (Option<Vec<u8>>, Option<Vec<u8>>),
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(layout: &'a Layout, order: Order) -> Self {
        let time = layout.coded.iter().position(|it| it.column.name == layout.time.name);
        Self {
            layout,
            order,
            open: BTreeMap::new(),
            key: Vec::new(),
            held: 0,
            needed: vec![Needed::default(); layout.coded.len()],
            time: layout.plain.len() + time.unwrap_or(0),
        }
    }

    /// Adds a row: the plain values, then those of the coded columns. What it completes is added to
    /// `ready`.
    pub(crate) fn push<'v>(
        &mut self,
        value: impl Fn(usize) -> Option<&'v [u8]>,
        ready: &mut Vec<Vec<Value>>,
    ) {
        self.read_key(&value);
        let segment = if let Some(segment) = self.open.get_mut(&self.key) {
            segment
        } else {
            if self.order == Order::Key {
                self.end(ready);
            }
            self.open.entry(self.key.clone()).or_insert_with(|| Segment::new(self.layout))
        };
        self.held += segment.push(self.layout.plain.len(), self.time, value);
        if segment.rows == SEGMENT_ROWS || segment.bytes >= MOST_BYTES {
            self.held -= segment.held;
            ready.push(segment.end(self.layout, &mut self.needed));
        }
    }

    /// The plain values of a row, each with its length, so that no two rows look alike.
    fn read_key<'v>(&mut self, value: impl Fn(usize) -> Option<&'v [u8]>) {
        self.key.clear();
        for at in 0..self.layout.plain.len() {
            let value = value(at);
            let length = value.map_or(-1, |value| value.len() as i64);
            self.key.extend_from_slice(&length.to_be_bytes());
            self.key.extend_from_slice(value.unwrap_or_default());
        }
    }

    /// Completes all open segments.
    pub(crate) fn end(&mut self, ready: &mut Vec<Vec<Value>>) {
        for mut segment in std::mem::take(&mut self.open).into_values() {
            if segment.rows > 0 {
                ready.push(segment.end(self.layout, &mut self.needed));
            }
        }
        self.held = 0;
    }

    /// Whether the open segments need more memory than there is for them.
    pub(crate) fn is_crowded(&self) -> bool {
        self.order == Order::Time && self.held > MOST_HELD
    }

    /// What the columns needed in the segments that are complete.
    pub(crate) fn needed(&self) -> &[Needed] {
        &self.needed
    }

    /// Whether every value in them fits its code.
    pub(crate) fn fits(&self) -> bool {
        self.layout.coded.iter().zip(&self.needed).all(|(it, needed)| needed.fits(&it.code))
    }
}

impl Segment {
    fn new(layout: &Layout) -> Self {
        Self {
            plain: Vec::new(),
            columns: layout.coded.iter().map(|it| Gathering::new(&it.column, &it.code)).collect(),
            rows: 0,
            bytes: 0,
            held: 0,
            times: (None, None),
        }
    }

    /// Adds a row of so many `plain` values, with the `time` at its place; gives about the memory
    /// that it takes.
    fn push<'v>(
        &mut self,
        plain: usize,
        time: usize,
        value: impl Fn(usize) -> Option<&'v [u8]>,
    ) -> usize {
        let now = value(time);
        if self.rows == 0 {
            self.plain = (0..plain).map(|at| value(at).map(<[u8]>::to_vec)).collect();
            self.times.0 = now.map(<[u8]>::to_vec);
        }
        self.times.1.get_or_insert_default().clear();
        match (now, &mut self.times.1) {
            (Some(now), Some(last)) => last.extend_from_slice(now),
            (_, last) => *last = None,
        }
        self.rows += 1;
        let before = self.held;
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = value(plain + at);
            let length = value.map_or(0, <[u8]>::len);
            self.bytes += length;
            self.held += length.max(size_of::<Option<i64>>());
            column.push(value);
        }
        self.held - before
    }

    /// Completes the segment: the parameters of [`crate::write_sql::insert`].
    fn end(&mut self, layout: &Layout, needed: &mut [Needed]) -> Vec<Value> {
        let mut out = vec![Value::One(Some(self.rows.to_be_bytes().to_vec()))];
        out.extend(self.plain.drain(..).map(Value::One));
        out.extend([self.times.0.take(), self.times.1.take()].map(Value::One));
        for ((it, column), needed) in layout.coded.iter().zip(&mut self.columns).zip(needed) {
            out.extend(parameters(it, column.pack()));
            needed.add(column.needed);
        }
        (self.rows, self.bytes, self.held) = (0, 0, 0);
        out
    }
}

/// The parameters of one column, in the order in which [`crate::write_sql::insert`] numbers them.
fn parameters(it: &Coded, packed: Packed) -> Vec<Value> {
    let mut out = vec![packed.values];
    out.extend(it.base.iter().map(|_| Value::int8(packed.base)));
    out.extend(it.step.iter().map(|_| Value::int8(packed.step)));
    // Those of other arrays are computed of the arrays.
    if it.code.has_base() {
        let of = |number: Option<i64>| number.map_or(Value::One(None), Value::int8);
        if it.extremes.is_some() {
            out.push(of(packed.extremes.map(|(low, _)| low)));
            out.push(of(packed.extremes.map(|(_, high)| high)));
        }
        if it.sum.is_some() {
            let any = packed.extremes.is_some();
            out.push(if any { Value::text(packed.sum.to_string()) } else { Value::One(None) });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(shape: Shape) -> Column {
        Column {
            name: "x".to_owned(),
            type_name: String::new(),
            array_type: None,
            shape,
            modified: String::new(),
        }
    }

    #[test]
    fn floats_fit_where_the_same_bits_come_back() {
        let code = Code::Float { digits: 2, width: Width::Int2 };
        let of = |value: f64| counted(&code, Shape::Float8, &value.to_be_bytes());
        assert_eq!(of(-61.25), Some(-6_125));
        assert_eq!(of(0.1 + 0.2), None, "0.30000000000000004");
        assert_eq!(of(0.0), Some(0));
        for value in [-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 0.001] {
            assert_eq!(of(value), None, "{value}");
        }
        let of = |value: f32| counted(&code, Shape::Float4, &value.to_be_bytes());
        assert_eq!((of(0.1), of(-0.0), of(123.456)), (Some(10), None, None));
    }

    #[test]
    fn what_has_no_whole_number_does_not_fit() {
        let whole = Code::Whole { stepped: false, width: Width::Int8 };
        let date = |days: i32| counted(&whole, Shape::Date, &days.to_be_bytes());
        assert_eq!((date(9_497), date(i32::MAX), date(i32::MIN)), (Some(9_497), None, None));
        let time = Code::Time { unit: 1, stepped: false, width: Width::Int8 };
        let time = |us: i64| counted(&time, Shape::Timestamptz, &us.to_be_bytes());
        assert_eq!(time(EXACT_TIMES.start), Some(EXACT_TIMES.start));
        for us in [i64::MIN, EXACT_TIMES.start - 1, EXACT_TIMES.end, i64::MAX] {
            assert_eq!(time(us), None, "{us}");
        }
    }

    #[test]
    fn a_step_leaves_what_the_axis_lacks() {
        let code = Code::Time { unit: 1_000, stepped: true, width: Width::Int1 };
        let mut gathering = Gathering::new(&column(Shape::Timestamptz), &code);
        for us in [7_000_i64, 107_000, 207_000, 310_000] {
            gathering.push(Some(&us.to_be_bytes()));
        }
        let packed = gathering.pack();
        assert_eq!((packed.base, packed.step), (7_000, 100_000));
        let mut expected = Elements::default();
        for element in [0_u8, 0, 0, 3] {
            expected.push(Some(&[element]));
        }
        assert_eq!(packed.values, Value::Array(expected));
        assert!(gathering.needed.fits(&code));
        // Half a millisecond is no whole unit.
        gathering.push(Some(&7_000_i64.to_be_bytes()));
        gathering.push(Some(&7_500_i64.to_be_bytes()));
        gathering.push(Some(&7_900_i64.to_be_bytes()));
        gathering.pack();
        assert!(gathering.needed.never);
    }

    #[test]
    fn byte_strings_of_one_length_stand_end_to_end() {
        let code = Code::Joined { length: 2 };
        let mut gathering = Gathering::new(&column(Shape::Bytes), &code);
        gathering.push(Some(b"ab"));
        gathering.push(Some(b"cd"));
        assert_eq!(gathering.pack().values, Value::One(Some(b"abcd".to_vec())));
        assert!(gathering.needed.fits(&code));
        for other in [None, Some(b"a".as_slice()), Some(b"abc")] {
            let mut gathering = Gathering::new(&column(Shape::Bytes), &code);
            gathering.push(other);
            assert!(!gathering.needed.fits(&code), "{other:?}");
        }
    }

    #[test]
    fn differences_are_from_the_first_value_there_is() {
        let code = Code::Whole { stepped: false, width: Width::Int1 };
        let mut gathering = Gathering::new(&column(Shape::Int8), &code);
        gathering.push(None);
        gathering.push(Some(&1_000_000_i64.to_be_bytes()));
        gathering.push(Some(&1_000_100_i64.to_be_bytes()));
        let packed = gathering.pack();
        assert_eq!((packed.base, packed.sum), (1_000_000, 2_000_100));
        assert_eq!(packed.extremes, Some((1_000_000, 1_000_100)));
        assert!(gathering.needed.fits(&code));
        gathering.push(Some(&i64::MIN.to_be_bytes()));
        gathering.push(Some(&i64::MAX.to_be_bytes()));
        gathering.pack();
        assert!(gathering.needed.never, "wider than 64 bits");
    }

    #[test]
    fn segments_are_the_same_in_either_order() {
        let (k, at, x) = ("k", "at", "x");
        let named = |name: &str, shape| Column { name: name.to_owned(), ..column(shape) };
        let time = named(at, Shape::Timestamptz);
        let code = Code::Time { unit: 1_000, stepped: true, width: Width::Int4 };
        let columns = vec![(time.clone(), code), (named(x, Shape::Other), Code::Plain)];
        let layout = Layout::new(vec![named(k, Shape::Int4)], columns, &time, true);
        // 5,000 rows of each of three keys, one of them null.
        let mut rows: Vec<[Option<Vec<u8>>; 3]> = (0..15_000_i64)
            .map(|n| {
                let key = (n % 3 != 2).then(|| (n as i32 % 3).to_be_bytes().to_vec());
                let time = (n * 1_000_000).to_be_bytes().to_vec();
                [key, Some(time), Some(n.to_string().into_bytes())]
            })
            .collect();
        let gathered = |rows: &[[Option<Vec<u8>>; 3]], order| {
            let (mut gatherer, mut ready) = (Gatherer::new(&layout, order), Vec::new());
            for row in rows {
                gatherer.push(|at| row[at].as_deref(), &mut ready);
            }
            gatherer.end(&mut ready);
            assert!(gatherer.fits());
            let mut ready: Vec<String> = ready.iter().map(|it| format!("{it:?}")).collect();
            ready.sort();
            ready
        };
        let by_time = gathered(&rows, Order::Time);
        rows.sort_by(|a, b| a[0].cmp(&b[0]));
        let by_key = gathered(&rows, Order::Key);
        assert_eq!(by_time.len(), 9);
        assert!(by_time == by_key);
        // The same rows in an order that breaks each key apart.
        rows.sort_by(|a, b| a[1].cmp(&b[1]));
        assert_eq!(gathered(&rows, Order::Key).len(), 15_000);
    }
}
