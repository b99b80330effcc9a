//! Which events of a batch the checks of states refuse.
//!
//! Events are taken one by one in stream order, each upon what is left of those before it: all legs
//! of an event are applied, then the check of every state row that they touched is looked at. If
//! one is false the event is refused, and with it its group; nothing of the group leaves a trace.
//! So the verdicts do not depend on the cut of the batch. A check that is null holds, as in a table
//! constraint.

use hashbrown::DefaultHashBuilder;
use howdah_catalog::Ident;
use howdah_rollup::column::{RollupColumns, columns};
use howdah_rollup::judge::ForeignColumn;
use howdah_system::{Rollup, Stream};

use crate::delta::Elements;
use crate::expr::{Compiled, Node, Scope, cast, compile, constant};
use crate::fault::{Fault, RowFault, Unsupported};
use crate::folder::compile_key;
use crate::key::{self, Groups};
use crate::measure::{self, Acc, Aggregate, Measure, Stored};
use crate::tuple::{Arg, Builder, Program, RawField, TupleColumn, Values, split};
use crate::types::{NamedType, Type};
use crate::value::{Constant, Decode, Value};

const WIDTH: Fault = Fault("a row of a state has another number of columns than was compiled");

/// Judges the events of one stream by the checks of its states.
#[derive(Debug, Clone)]
pub struct Judge {
    program: Program,
    states: Vec<JudgedState>,
}

/// A state whose check is judged.
#[derive(Debug, Clone)]
pub struct JudgedState {
    place: usize,
    filter: Option<Arg>,
    key: Vec<RawField>,
    measures: Vec<Measure>,
    stored: Vec<Stored>,
    foreign: Vec<Foreign>,
    check: Node,
    /// What the check's slots are.
    bindings: Vec<Binding>,
}

/// A column of the state's table that is not howdah's, and that the check names.
#[derive(Debug, Clone)]
struct Foreign {
    place: usize,
    kind: Type,
    /// Of a row that is not there yet.
    default: Constant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Binding {
    Key(usize),
    Stored(usize),
    Foreign(usize),
    Event(Arg),
}

/// The keys of a state that the rows of a batch touch, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateKeys {
    /// How many.
    pub len: usize,
    /// The key's columns: the parameters of `howdah_rollup::delta::states`.
    pub columns: Vec<Elements>,
}

/// A row that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// In binary COPY's form.
    pub tuple: &'a [u8],
    /// The number of its event, rising with the stream order over all streams of the batch. The
    /// legs of an event are applied together.
    pub event: u32,
    /// The number of its group, rising likewise. The events of a group stand or fall together.
    pub group: u32,
    /// [`crate::Repeats::number`]: a row whose key was accepted before in the batch is a duplicate,
    /// and changes nothing. Rows whose key is in the stream already are not given.
    pub key: u32,
}

/// An event that a check refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Its number.
    pub event: u32,
    /// The number of its group, all of which is refused with it.
    pub group: u32,
}

/// The rows of one stream, and the states that they may change as they were before the batch.
#[derive(Debug, Clone, Copy)]
pub struct Hearing<'a> {
    /// The judge of the stream.
    pub judge: &'a Judge,
    /// For each of [`Judge::states`] the rows that `howdah_rollup::delta::states` gave.
    pub present: &'a [Vec<Vec<Option<&'a [u8]>>>],
    /// In stream order.
    pub legs: &'a [Leg<'a>],
}

impl Judge {
    /// Compiles the checks of those of `rollups` that have one, for tuples of the columns `layout`.
    /// Each rollup comes with the columns of its table that are the application's own.
    ///
    /// # Errors
    /// What cannot be judged here. Then nothing of the stream is: an event that the server's judge
    /// refuses must leave no trace in the states that are judged here.
    pub fn compile(
        stream: &Stream,
        layout: &[TupleColumn],
        rollups: &[(&Rollup, &[ForeignColumn])],
    ) -> Result<Self, Vec<Unsupported>> {
        let mut builder = Builder::new(stream, layout);
        let mut states = Vec::new();
        let mut unsupported = Vec::new();
        for (place, (rollup, foreign)) in rollups.iter().enumerate() {
            match JudgedState::compile(&mut builder, rollup, foreign, place) {
                Ok(state) => states.extend(state),
                Err(reason) => {
                    unsupported.push(Unsupported { rollup: rollup.name.clone(), reason });
                }
            }
        }
        if unsupported.is_empty() {
            Ok(Self { program: builder.program, states })
        } else {
            Err(unsupported)
        }
    }

    /// The states that are judged; empty: no event can be refused.
    #[must_use]
    pub fn states(&self) -> &[JudgedState] {
        &self.states
    }

    /// For each of [`Self::states`] the keys that the rows touch.
    ///
    /// # Errors
    /// A row holds what is not computed here; the server must judge.
    pub fn touched(&self, tuples: &[&[u8]]) -> Result<Vec<StateKeys>, RowFault> {
        let hasher = DefaultHashBuilder::default();
        let mut reader = Reader::new(self);
        let mut groups: Vec<Groups<'_>> =
            self.states.iter().map(|state| Groups::new(&state.key)).collect();
        for (row, tuple) in tuples.iter().enumerate() {
            let at = |fault| RowFault { row: Some(row), fault };
            reader.read(self, tuple).map_err(at)?;
            for (state, groups) in self.states.iter().zip(&mut groups) {
                if let Some(hash) = state.hash(&mut reader, &hasher).map_err(at)? {
                    groups.find(hash, &reader.key, 0);
                }
            }
        }
        Ok(groups.iter().zip(&self.states).map(|(groups, state)| state.keys(groups)).collect())
    }
}

impl JudgedState {
    fn compile(
        builder: &mut Builder<'_>,
        rollup: &Rollup,
        foreign: &[ForeignColumn],
        place: usize,
    ) -> Result<Option<Self>, String> {
        let Some(check) = &rollup.check else { return Ok(None) };
        let filter = rollup
            .filter
            .as_ref()
            .map(|filter| builder.condition(&filter.text).map_err(|why| format!("where: {why}")))
            .transpose()?;
        let key = compile_key(builder, rollup)?;
        let all = columns(builder.stream, rollup);
        let (measures, stored) = measure::compile(builder, &all.stored)?;
        if measures.iter().any(|measure| matches!(measure.aggregate, Aggregate::End(_))) {
            return Err("first and last cannot be judged event by event".to_owned());
        }
        let mut scope = StateScope {
            keys: rollup.by.iter().map(|key| key.name.clone()).collect(),
            kinds: &key,
            stored: &stored,
            columns: &all,
            candidates: foreign,
            foreign: Vec::new(),
            bindings: Vec::new(),
            builder,
        };
        let compiled = compile(&check.text, &mut scope).map_err(|why| format!("check: {why}"))?;
        if compiled.kind != Type::Bool {
            return Err("check: not a condition".to_owned());
        }
        let StateScope { foreign, bindings, .. } = scope;
        let check = compiled.node;
        Ok(Some(Self { place, filter, key, measures, stored, foreign, check, bindings }))
    }

    /// Which of the rollups given it is.
    #[must_use]
    pub fn rollup(&self) -> usize {
        self.place
    }

    /// The places of the columns that are read beside howdah's own: the argument `wanted` of
    /// `howdah_rollup::delta::states`.
    #[must_use]
    pub fn wanted(&self) -> Vec<usize> {
        self.foreign.iter().map(|foreign| foreign.place).collect()
    }

    /// The hash of the row's key, which the reader then holds; `None` for one that does not count.
    fn hash(
        &self,
        reader: &mut Reader<'_>,
        hasher: &DefaultHashBuilder,
    ) -> Result<Option<u64>, Fault> {
        if let Some(filter) = self.filter
            && !reader.values.get(filter)?.is_true()
        {
            return Ok(None);
        }
        key::read(&self.key, &reader.fields, hasher, &mut reader.key).map(Some)
    }

    fn keys(&self, groups: &Groups<'_>) -> StateKeys {
        let order = groups.sorted();
        let column = |place: usize| {
            let mut column = Elements::default();
            for group in &order {
                column.push_bytes(groups.key(*group as usize)[place]);
            }
            column
        };
        StateKeys { len: order.len(), columns: (0..self.key.len()).map(column).collect() }
    }
}

/// The names that a check may use.
struct StateScope<'b, 's> {
    keys: Vec<Ident>,
    kinds: &'b [RawField],
    stored: &'b [Stored],
    columns: &'b RollupColumns,
    candidates: &'b [ForeignColumn],
    foreign: Vec<Foreign>,
    bindings: Vec<Binding>,
    builder: &'b mut Builder<'s>,
}

impl StateScope<'_, '_> {
    fn bind(&mut self, binding: Binding, kind: Type) -> Compiled {
        let slot = self.bindings.iter().position(|known| *known == binding).unwrap_or_else(|| {
            self.bindings.push(binding);
            self.bindings.len() - 1
        });
        Compiled { node: Node::Slot(slot), kind }
    }

    fn foreign(&mut self, place: usize) -> Result<Compiled, String> {
        let column = &self.candidates[place];
        let unknown = || format!("column \"{}\" of a rare type or default", column.name.as_str());
        let kind = compile(&column.default, self.builder).map_err(|_| unknown())?.kind;
        let default = constant(&column.default, &kind, None, self.builder).ok_or_else(unknown)?;
        let at = self.foreign.iter().position(|known| known.place == place).unwrap_or_else(|| {
            self.foreign.push(Foreign { place, kind: kind.clone(), default });
            self.foreign.len() - 1
        });
        Ok(self.bind(Binding::Foreign(at), kind))
    }
}

impl Scope for StateScope<'_, '_> {
    fn column(&mut self, name: &str) -> Result<Compiled, String> {
        let is = |column: &Ident| column.as_str() == name;
        if let Some(at) = self.keys.iter().position(is) {
            return Ok(self.bind(Binding::Key(at), self.kinds[at].kind.clone()));
        }
        if let Some(at) = self.columns.stored.iter().position(|column| is(&column.name)) {
            return Ok(self.bind(Binding::Stored(at), self.stored[at].kind.clone()));
        }
        let generated = self.columns.generated.iter().find(|column| is(&column.name));
        if let Some(column) = generated {
            let named = NamedType::parse(&column.type_name)
                .ok_or_else(|| format!("column \"{name}\" of a rare type"))?;
            return cast(compile(&column.expression, self)?, &named.kind, named.limit);
        }
        if let Some(place) = self.candidates.iter().position(|column| is(&column.name)) {
            return self.foreign(place);
        }
        let (arg, kind) = self.builder.arg(&Ident::new(name).to_string())?;
        Ok(self.bind(Binding::Event(arg), kind))
    }

    fn named_type(&self, name: &str) -> Option<Type> {
        self.builder.named_type(name)
    }
}

/// What is read of each row, and used again for the next.
struct Reader<'a> {
    fields: Vec<Option<&'a [u8]>>,
    values: Values<'a>,
    key: Vec<Option<&'a [u8]>>,
}

impl<'a> Reader<'a> {
    fn new(judge: &'a Judge) -> Self {
        Self { fields: Vec::new(), values: Values::new(&judge.program), key: Vec::new() }
    }

    fn read(&mut self, judge: &Judge, tuple: &'a [u8]) -> Result<(), Fault> {
        split(tuple, &mut self.fields, judge.program.fields)?;
        self.values.read(&self.fields)
    }
}

/// A state while events are judged.
struct Live<'a> {
    state: &'a JudgedState,
    groups: Groups<'a>,
    accs: Vec<Acc<'a>>,
    foreign: Vec<Value<'a>>,
    /// For each row of the state the group and the event that touched it last.
    touched: Vec<(Option<u32>, Option<u32>)>,
}

/// A row of a state that the event at hand touched.
struct Touch<'a> {
    live: usize,
    row: usize,
    /// What the check reads of the event.
    event: Vec<Value<'a>>,
}

/// A row of a state as it was before the group at hand.
struct Before<'a> {
    live: usize,
    row: usize,
    accs: Vec<Acc<'a>>,
}

/// One stream while events are judged.
struct Bench<'a> {
    judge: &'a Judge,
    legs: &'a [Leg<'a>],
    at: usize,
    reader: Reader<'a>,
    lives: Vec<Live<'a>>,
    /// Which keys were accepted.
    accepted: Vec<bool>,
    /// What the group at hand changed: rows of states, and keys.
    before: Vec<Before<'a>>,
    keys: Vec<u32>,
}

/// The first event of each group that a check refuses, in order. Groups may span the streams.
///
/// # Errors
/// A row holds what is not computed here, or a check cannot be computed; the server must judge.
pub fn refused(hearings: &[Hearing<'_>]) -> Result<Vec<Refused>, RowFault> {
    let hasher = DefaultHashBuilder::default();
    let mut benches = Vec::with_capacity(hearings.len());
    for hearing in hearings {
        let whole = |fault| RowFault { row: None, fault };
        benches.push(Bench::new(hearing, &hasher).map_err(whole)?);
    }
    let mut out: Vec<Refused> = Vec::new();
    let mut group = None;
    while let Some((event, place)) = next_event(&benches) {
        let of = benches[place].legs[benches[place].at].group;
        if group != Some(of) {
            benches.iter_mut().for_each(Bench::keep);
            group = Some(of);
        }
        if out.last().is_some_and(|last| last.group == of) {
            benches[place].skip(event);
        } else if !benches[place].apply(event, of, &hasher)? {
            benches.iter_mut().for_each(Bench::undo);
            out.push(Refused { event, group: of });
        }
    }
    Ok(out)
}

/// The number of the next event, and whose it is.
fn next_event(benches: &[Bench<'_>]) -> Option<(u32, usize)> {
    let next = |(place, bench): (usize, &Bench<'_>)| {
        bench.legs.get(bench.at).map(|leg| (leg.event, place))
    };
    benches.iter().enumerate().filter_map(next).min()
}

impl<'a> Bench<'a> {
    fn new(hearing: &Hearing<'a>, hasher: &DefaultHashBuilder) -> Result<Self, Fault> {
        let judge = hearing.judge;
        let mut lives = Vec::with_capacity(judge.states.len());
        for (state, present) in judge.states.iter().zip(hearing.present) {
            lives.push(Live::new(state, present, hasher)?);
        }
        if lives.len() != judge.states.len() {
            return Err(WIDTH);
        }
        let keys = hearing.legs.iter().map(|leg| leg.key as usize + 1).max().unwrap_or(0);
        Ok(Self {
            judge,
            legs: hearing.legs,
            at: 0,
            reader: Reader::new(judge),
            lives,
            accepted: vec![false; keys],
            before: Vec::new(),
            keys: Vec::new(),
        })
    }

    /// The legs of the event at hand are passed over.
    fn skip(&mut self, event: u32) {
        while self.legs.get(self.at).is_some_and(|leg| leg.event == event) {
            self.at += 1;
        }
    }

    /// Applies the legs of an event and tells whether all checks hold.
    fn apply(
        &mut self,
        event: u32,
        group: u32,
        hasher: &DefaultHashBuilder,
    ) -> Result<bool, RowFault> {
        let mut touches = Vec::new();
        let first = self.at;
        while let Some(leg) = self.legs.get(self.at).filter(|leg| leg.event == event) {
            let row = self.at;
            self.at += 1;
            if std::mem::replace(&mut self.accepted[leg.key as usize], true) {
                continue;
            }
            self.keys.push(leg.key);
            let at = |fault| RowFault { row: Some(row), fault };
            self.reader.read(self.judge, leg.tuple).map_err(at)?;
            for (place, live) in self.lives.iter_mut().enumerate() {
                let Some(hash) = live.state.hash(&mut self.reader, hasher).map_err(at)? else {
                    continue;
                };
                let row = live.row(hash, &self.reader.key);
                if live.touched[row].0 != Some(group) {
                    let accs = live.accs_of(row).to_vec();
                    self.before.push(Before { live: place, row, accs });
                }
                let values = live.add(row, &mut self.reader.values).map_err(at)?;
                // A check of the state alone is the same for all legs.
                if live.touched[row] != (Some(group), Some(event)) || !values.is_empty() {
                    touches.push(Touch { live: place, row, event: values });
                }
                live.touched[row] = (Some(group), Some(event));
            }
        }
        let at = |fault| RowFault { row: Some(first), fault };
        self.holds(&touches).map_err(at)
    }

    fn holds(&self, touches: &[Touch<'a>]) -> Result<bool, Fault> {
        let mut slots = Vec::new();
        for touch in touches {
            if !self.lives[touch.live].holds(touch, &mut slots)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The group at hand stands.
    fn keep(&mut self) {
        self.before.clear();
        self.keys.clear();
    }

    /// The group at hand falls.
    fn undo(&mut self) {
        for before in self.before.drain(..) {
            let live = &mut self.lives[before.live];
            let width = before.accs.len();
            live.accs.splice(before.row * width..(before.row + 1) * width, before.accs);
            live.touched[before.row] = (None, None);
        }
        for key in self.keys.drain(..) {
            self.accepted[key as usize] = false;
        }
    }
}

impl<'a> Live<'a> {
    fn new(
        state: &'a JudgedState,
        present: &'a [Vec<Option<&'a [u8]>>],
        hasher: &DefaultHashBuilder,
    ) -> Result<Self, Fault> {
        let mut live = Self {
            state,
            groups: Groups::new(&state.key),
            accs: Vec::new(),
            foreign: Vec::new(),
            touched: Vec::new(),
        };
        let mut key = Vec::new();
        for row in present {
            let width = state.key.len() + state.stored.len() + state.foreign.len();
            if row.len() != width {
                return Err(WIDTH);
            }
            let (keys, rest) = row.split_at(state.key.len());
            let (stored, foreign) = rest.split_at(state.stored.len());
            let hash = key::take(&state.key, keys.iter().copied(), hasher, &mut key)?;
            let at = live.row(hash, &key);
            for (column, bytes) in state.stored.iter().zip(stored) {
                let acc = &mut live.accs[at * state.measures.len() + column.measure];
                acc.resume(read(&column.kind, *bytes)?)?;
            }
            for (index, (column, bytes)) in state.foreign.iter().zip(foreign).enumerate() {
                live.foreign[at * state.foreign.len() + index] = read(&column.kind, *bytes)?;
            }
        }
        Ok(live)
    }

    /// The place of a row of the state; a new one is empty.
    fn row(&mut self, hash: u64, key: &[Option<&'a [u8]>]) -> usize {
        let (row, new) = self.groups.find(hash, key, 0);
        if new {
            self.accs.extend(self.state.measures.iter().map(Measure::empty));
            self.foreign.extend(self.state.foreign.iter().map(|column| column.default.value()));
            self.touched.push((None, None));
        }
        row
    }

    fn accs_of(&self, row: usize) -> &[Acc<'a>] {
        let width = self.state.measures.len();
        &self.accs[row * width..(row + 1) * width]
    }

    /// Adds an event's row to a row of the state; gives what the check reads of the event.
    fn add(&mut self, row: usize, values: &mut Values<'a>) -> Result<Vec<Value<'a>>, Fault> {
        let width = self.state.measures.len();
        let accs = &mut self.accs[row * width..(row + 1) * width];
        for (measure, acc) in self.state.measures.iter().zip(accs) {
            measure.add(acc, values)?;
        }
        let mut event = Vec::new();
        for binding in &self.state.bindings {
            if let Binding::Event(arg) = binding {
                event.push(values.get(*arg)?.clone());
            }
        }
        Ok(event)
    }

    fn holds(&self, touch: &Touch<'a>, slots: &mut Vec<Value<'a>>) -> Result<bool, Fault> {
        let state = self.state;
        slots.clear();
        let mut event = touch.event.iter();
        for binding in &state.bindings {
            slots.push(match binding {
                Binding::Key(at) => match self.groups.key(touch.row)[*at] {
                    Some(bytes) => state.key[*at].decode.value(bytes)?,
                    None => Value::Null,
                },
                Binding::Stored(at) => self.accs_of(touch.row)[state.stored[*at].measure].value(),
                Binding::Foreign(at) => self.foreign[touch.row * state.foreign.len() + at].clone(),
                Binding::Event(_) => event.next().cloned().unwrap_or(Value::Null),
            });
        }
        Ok(!matches!(state.check.eval(slots)?, Value::Bool(false)))
    }
}

/// A value that the server gave.
fn read<'a>(kind: &Type, bytes: Option<&'a [u8]>) -> Result<Value<'a>, Fault> {
    bytes.map_or(Ok(Value::Null), |bytes| Decode::of_type(kind).value(bytes))
}
