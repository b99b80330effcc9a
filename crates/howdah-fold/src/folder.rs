//! Folding the tuples of a batch into deltas.

use hashbrown::DefaultHashBuilder;
use howdah_rollup::bucket::feeder;
use howdah_rollup::column::columns;
use howdah_system::{Rollup, Stream, TimeType};

use crate::bucket::{Cutter, Remembered};
use crate::delta::{Elements, LevelDelta, RollupDelta};
use crate::fault::{Fault, RowFault, Unsupported};
use crate::key::{self, Groups};
use crate::measure::{self, Acc, Aggregate, EventOrder, Measure, OfRow, Rows, Stored, time_of};
use crate::tuple::{Arg, Builder, Program, RawField, TupleColumn, Values, field, split};
use crate::types::{Type, Width};
use crate::value::Value;
use crate::zone::ZoneProbe;

/// Folds the rows of one stream into what they add to its rollups.
#[derive(Debug, Clone)]
pub struct Folder {
    program: Program,
    time: Option<RawField>,
    rollups: Vec<RollupFolder>,
    unsupported: Vec<Unsupported>,
}

#[derive(Debug, Clone)]
struct RollupFolder {
    /// Its place among those given.
    place: usize,
    name: String,
    timezone: String,
    filter: Option<Arg>,
    key: Vec<RawField>,
    order: Option<EventOrder>,
    measures: Vec<Measure>,
    stored: Vec<Stored>,
    levels: Vec<LevelFolder>,
    bucket_type: Type,
}

#[derive(Debug, Clone)]
struct LevelFolder {
    cutter: Option<Cutter>,
    /// The finer level that it is folded from.
    feeder: Option<usize>,
}

/// A level while rows are folded.
struct Level<'a> {
    groups: Groups<'a>,
    accs: Vec<Acc<'a>>,
    remembered: Remembered,
}

/// What is read of a row, and used again for the next.
struct Reader<'a> {
    fields: Vec<Option<&'a [u8]>>,
    values: Values<'a>,
    key: Vec<Option<&'a [u8]>>,
    hasher: DefaultHashBuilder,
}

impl Folder {
    /// Compiles the folds of `rollups`, which all read `stream`, for tuples of the columns
    /// `layout`. What cannot be folded here is in [`Self::unsupported`]; the others are folded.
    #[must_use]
    pub fn compile(stream: &Stream, layout: &[TupleColumn], rollups: &[&Rollup]) -> Self {
        let mut builder = Builder::new(stream, layout);
        let time = builder.raw(&stream.time).ok();
        let mut folders = Vec::new();
        let mut unsupported = Vec::new();
        for (place, rollup) in rollups.iter().enumerate() {
            let before = builder.program.clone();
            let compiled = match &time {
                Some(_) => RollupFolder::compile(&mut builder, rollup, place),
                None => Err("the time is not given by the events alone".to_owned()),
            };
            match compiled {
                Ok(folder) => folders.push(folder),
                Err(reason) => {
                    builder.program = before;
                    unsupported.push(Unsupported { rollup: rollup.name.clone(), reason });
                }
            }
        }
        Self { program: builder.program, time, rollups: folders, unsupported }
    }

    /// The rollups that stay with the server.
    #[must_use]
    pub fn unsupported(&self) -> &[Unsupported] {
        &self.unsupported
    }

    /// What to ask the server before anything is folded, when rollups have buckets of a time zone.
    /// Where it does not agree: [`Self::leave_zone`].
    #[must_use]
    pub fn zones(&self) -> Vec<ZoneProbe> {
        let mut zones: Vec<&str> = self.rollups.iter().filter_map(RollupFolder::zone).collect();
        zones.sort_unstable();
        zones.dedup();
        zones.into_iter().filter_map(ZoneProbe::new).collect()
    }

    /// Leaves the rollups with buckets of that time zone to the server.
    pub fn leave_zone(&mut self, zone: &str) {
        let reason = format!("the server knows another history of the time zone \"{zone}\"");
        let unsupported = &mut self.unsupported;
        self.rollups.retain(|rollup| {
            let leaves = rollup.zone() == Some(zone);
            if leaves {
                let reason = reason.clone();
                unsupported.push(Unsupported { rollup: rollup.name.clone(), reason });
            }
            !leaves
        });
    }

    /// Which of the rollups given are folded here.
    pub fn supported(&self) -> impl Iterator<Item = usize> + '_ {
        self.rollups.iter().map(|rollup| rollup.place)
    }

    /// Folds `tuples`, each in binary COPY's form, all of them new in the stream. Gives one delta
    /// for each of [`Self::supported`].
    ///
    /// # Errors
    /// A row holds what is not computed here (NaN, a number out of range, a malformed value): the
    /// batch must be folded by the server, which also decides whether the row is refused.
    pub fn fold<'a>(&'a self, tuples: &[&'a [u8]]) -> Result<Vec<RollupDelta>, RowFault> {
        let Some(time) = self.time.as_ref().filter(|_| !self.rollups.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut levels: Vec<Vec<Level<'a>>> =
            self.rollups.iter().map(RollupFolder::levels).collect();
        let mut reader = self.reader();
        let mut rows = Rows { tuples, times: Vec::with_capacity(tuples.len()) };
        for (row, tuple) in tuples.iter().enumerate() {
            self.add(time, tuple, &mut rows, &mut reader, &mut levels)
                .map_err(|fault| RowFault { row: Some(row), fault })?;
        }
        let whole = |fault| RowFault { row: None, fault };
        self.rollups
            .iter()
            .zip(levels)
            .map(|(rollup, levels)| self.finish(rollup, levels, &rows, &mut reader))
            .collect::<Result<_, _>>()
            .map_err(whole)
    }

    fn reader(&self) -> Reader<'_> {
        Reader {
            fields: Vec::with_capacity(self.program.fields),
            values: Values::new(&self.program),
            key: Vec::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    fn add<'a>(
        &self,
        time: &RawField,
        tuple: &'a [u8],
        rows: &mut Rows<'_, 'a>,
        reader: &mut Reader<'a>,
        levels: &mut [Vec<Level<'a>>],
    ) -> Result<(), Fault> {
        split(tuple, &mut reader.fields, self.program.fields)?;
        reader.values.read(&reader.fields)?;
        rows.times.push(time_of(time, &reader.fields)?);
        for (rollup, levels) in self.rollups.iter().zip(levels) {
            rollup.add(rows, reader, levels)?;
        }
        Ok(())
    }

    fn finish<'a>(
        &'a self,
        rollup: &RollupFolder,
        mut levels: Vec<Level<'a>>,
        rows: &Rows<'_, 'a>,
        reader: &mut Reader<'a>,
    ) -> Result<RollupDelta, Fault> {
        for (index, level) in rollup.levels.iter().enumerate() {
            let (finer, coarser) = levels.split_at_mut(index);
            if let (Some(feeder), Some(coarse)) = (level.feeder, coarser.first_mut()) {
                rollup.feed(level, &finer[feeder], coarse, rows)?;
            }
        }
        let mut out =
            RollupDelta { rollup: rollup.place, levels: Vec::with_capacity(levels.len()) };
        for (level, compiled) in levels.iter().zip(&rollup.levels) {
            out.levels.push(self.write(rollup, compiled, level, rows, reader)?);
        }
        Ok(out)
    }

    fn write<'a>(
        &'a self,
        rollup: &RollupFolder,
        compiled: &LevelFolder,
        level: &Level<'a>,
        rows: &Rows<'_, 'a>,
        reader: &mut Reader<'a>,
    ) -> Result<LevelDelta, Fault> {
        let order = level.groups.sorted();
        let mut columns = Vec::with_capacity(rollup.key.len() + 1 + rollup.stored.len());
        for place in 0..rollup.key.len() {
            let mut column = Elements::default();
            for group in &order {
                column.push_bytes(level.groups.key(*group as usize)[place]);
            }
            columns.push(column);
        }
        if compiled.cutter.is_some() {
            let mut column = Elements::default();
            for group in &order {
                let start = Value::Int(level.groups.bucket(*group as usize));
                column.push(&rollup.bucket_type, &start)?;
            }
            columns.push(column);
        }
        let width = rollup.measures.len();
        for stored in &rollup.stored {
            let mut column = Elements::default();
            for group in &order {
                let acc = &level.accs[*group as usize * width + stored.measure];
                self.write_one(stored, acc, rows, reader, &mut column)?;
            }
            columns.push(column);
        }
        Ok(LevelDelta { rows: order.len(), columns })
    }

    fn write_one<'a>(
        &'a self,
        stored: &Stored,
        acc: &Acc<'a>,
        rows: &Rows<'_, 'a>,
        reader: &mut Reader<'a>,
        into: &mut Elements,
    ) -> Result<(), Fault> {
        let (Acc::Row(row), Some(of_row)) = (acc, &stored.of_row) else {
            return into.push(&stored.kind, &acc.value());
        };
        let Some(row) = row else {
            into.push_bytes(None);
            return Ok(());
        };
        let tuple = rows.tuples[*row as usize];
        match of_row {
            OfRow::Field(raw) => {
                into.push_bytes(raw.bytes(field(tuple, raw.field)));
                Ok(())
            }
            OfRow::Computed(arg) => {
                split(tuple, &mut reader.fields, self.program.fields)?;
                reader.values.read(&reader.fields)?;
                into.push(&stored.kind, reader.values.get(*arg)?)
            }
        }
    }
}

impl RollupFolder {
    fn compile(builder: &mut Builder<'_>, rollup: &Rollup, place: usize) -> Result<Self, String> {
        let stream = builder.stream;
        let filter = rollup
            .filter
            .as_ref()
            .map(|filter| builder.condition(&filter.text).map_err(|why| format!("where: {why}")))
            .transpose()?;
        let key = compile_key(builder, rollup)?;
        let (measures, stored) = measure::compile(builder, &columns(stream, rollup).stored)?;
        let ends = measures.iter().any(|m| matches!(m.aggregate, Aggregate::End(_)));
        let order = if ends {
            Some(EventOrder::new(builder, &stream.total_order(&rollup.by))?)
        } else {
            None
        };
        let mut levels = Vec::with_capacity(rollup.levels.len());
        for (index, level) in rollup.levels.iter().enumerate() {
            let cutter = level.bucket.map(|bucket| {
                Cutter::new(bucket, stream.time_type, &rollup.timezone).ok_or_else(|| {
                    format!("the time zone \"{}\" is not known here", rollup.timezone)
                })
            });
            levels.push(LevelFolder { cutter: cutter.transpose()?, feeder: feeder(rollup, index) });
        }
        let bucket_type = match stream.time_type {
            TimeType::Date => Type::Date,
            TimeType::Timestamp | TimeType::Timestamptz => Type::Int(Width::Eight),
        };
        Ok(Self {
            place,
            name: rollup.name.clone(),
            timezone: rollup.timezone.clone(),
            filter,
            key,
            order,
            measures,
            stored,
            levels,
            bucket_type,
        })
    }

    /// The time zone, when a level is cut by its offsets.
    fn zone(&self) -> Option<&str> {
        let mut cutters = self.levels.iter().filter_map(|level| level.cutter.as_ref());
        cutters.any(Cutter::is_local).then_some(self.timezone.as_str())
    }

    fn levels<'a>(&self) -> Vec<Level<'a>> {
        let level = |_| Level {
            groups: Groups::new(&self.key),
            accs: Vec::new(),
            remembered: Remembered::new(),
        };
        self.levels.iter().map(level).collect()
    }

    fn add<'a>(
        &self,
        rows: &Rows<'_, 'a>,
        reader: &mut Reader<'a>,
        levels: &mut [Level<'a>],
    ) -> Result<(), Fault> {
        if let Some(filter) = self.filter
            && !reader.values.get(filter)?.is_true()
        {
            return Ok(());
        }
        let hash = key::read(&self.key, &reader.fields, &reader.hasher, &mut reader.key)?;
        let row = rows.times.len() - 1;
        for (level, folding) in self.levels.iter().zip(levels) {
            if level.feeder.is_some() {
                continue;
            }
            let bucket = match &level.cutter {
                Some(cutter) => cutter.cut(rows.times[row], &mut folding.remembered)?,
                None => 0,
            };
            let group = self.group(folding, hash, &reader.key, bucket);
            let accs = &mut folding.accs[group..group + self.measures.len()];
            for (measure, acc) in self.measures.iter().zip(accs) {
                match measure.aggregate {
                    Aggregate::End(end) => {
                        if let Some(filter) = measure.filter
                            && !reader.values.get(filter)?.is_true()
                        {
                            continue;
                        }
                        let order = self.order.as_ref().ok_or(NO_ORDER)?;
                        acc.add_end(end, row as u32, order, rows)?;
                    }
                    _ => measure.add(acc, &mut reader.values)?,
                }
            }
        }
        // A value that only the row at an end shows must be computable for every row, so that
        // which rows are refused does not depend on the cut of the batch.
        for stored in &self.stored {
            if let Some(OfRow::Computed(arg)) = stored.of_row {
                reader.values.get(arg)?;
            }
        }
        Ok(())
    }

    /// Where the accumulators of a group begin.
    fn group<'a>(
        &self,
        level: &mut Level<'a>,
        hash: u64,
        key: &[Option<&'a [u8]>],
        bucket: i64,
    ) -> usize {
        let (group, new) = level.groups.find(hash, key, bucket);
        if new {
            level.accs.extend(self.measures.iter().map(Measure::empty));
        }
        group * self.measures.len()
    }

    /// Folds a level from the groups of a finer one.
    fn feed<'a>(
        &self,
        compiled: &LevelFolder,
        finer: &Level<'a>,
        coarser: &mut Level<'a>,
        rows: &Rows<'_, 'a>,
    ) -> Result<(), Fault> {
        let width = self.measures.len();
        for group in 0..finer.groups.len() {
            let start = finer.groups.bucket(group);
            let bucket = match &compiled.cutter {
                Some(cutter) => cutter.cut(start, &mut coarser.remembered)?,
                None => 0,
            };
            let (hash, key) = (finer.groups.hash(group), finer.groups.key(group));
            let into = self.group(coarser, hash, key, bucket);
            for (at, measure) in self.measures.iter().enumerate() {
                let more = &finer.accs[group * width + at];
                let acc = &mut coarser.accs[into + at];
                match (&measure.aggregate, more) {
                    (Aggregate::End(end), Acc::Row(Some(row))) => {
                        let order = self.order.as_ref().ok_or(NO_ORDER)?;
                        acc.add_end(*end, *row, order, rows)?;
                    }
                    (Aggregate::End(_), _) => {}
                    _ => measure.merge(acc, more)?,
                }
            }
        }
        Ok(())
    }
}

const NO_ORDER: Fault = Fault("the events have no order");

/// The key columns of a rollup.
pub(crate) fn compile_key(builder: &Builder<'_>, rollup: &Rollup) -> Result<Vec<RawField>, String> {
    let mut key = Vec::with_capacity(rollup.by.len());
    for column in &rollup.by {
        let raw = builder.raw(&column.name)?;
        key::check(&raw).map_err(|why| format!("by \"{}\": {why}", column.name.as_str()))?;
        key.push(raw);
    }
    Ok(key)
}
