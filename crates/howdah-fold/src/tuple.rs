//! Tuples, and which of their fields an expression reads.

use howdah_catalog::Ident;
use howdah_system::{ColumnType, Stream, StreamColumn};

use crate::expr::{Compiled, Node, Scope, cast, compile, constant, labels};
use crate::fault::Fault;
use crate::types::{Type, of_column};
use crate::value::{Constant, Decode, Value};

const MALFORMED: Fault = Fault("a tuple is not in the form of binary COPY");
const DEFAULTED: Fault = Fault("a column is filled by a default that is not constant");

/// A column of a tuple.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TupleColumn {
    /// The stream's column.
    pub name: Ident,
    /// Its bytes are a text that the server casts; nothing is computed from it.
    pub as_text: bool,
}

/// The fields of a tuple in binary COPY's form; `None` is null.
pub(crate) fn split<'t>(
    tuple: &'t [u8],
    fields: &mut Vec<Option<&'t [u8]>>,
    count: usize,
) -> Result<(), Fault> {
    fields.clear();
    let mut rest = tuple.get(2..).ok_or(MALFORMED)?;
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
        let length = i32::from_be_bytes(*length);
        if length < 0 {
            fields.push(None);
            rest = after;
        } else {
            let length = length as usize;
            let (field, behind) = after.split_at_checked(length).ok_or(MALFORMED)?;
            fields.push(Some(field));
            rest = behind;
        }
    }
    if rest.is_empty() { Ok(()) } else { Err(MALFORMED) }
}

/// The field at `index`, without reading what is behind it.
pub(crate) fn field(tuple: &[u8], index: usize) -> Option<&[u8]> {
    let mut rest = tuple.get(2..)?;
    for at in 0..=index {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let (value, behind) = after.split_at_checked(length.unwrap_or(0))?;
        if at == index {
            return length.map(|_| value);
        }
        rest = behind;
    }
    None
}

/// A field that expressions read.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) field: usize,
    pub(crate) decode: Decode,
    /// What the column's default gives for null.
    default: Option<Constant>,
    /// Null means a default that only the server computes.
    null_is_fault: bool,
}

impl Slot {
    pub(crate) fn value<'a>(&'a self, field: Option<&'a [u8]>) -> Result<Value<'a>, Fault> {
        match (field, &self.default) {
            (Some(bytes), _) => self.decode.value(bytes),
            (None, Some(default)) => Ok(default.value()),
            (None, None) if self.null_is_fault => Err(DEFAULTED),
            (None, None) => Ok(Value::Null),
        }
    }
}

/// Where the value of a key column or of a kept value stands as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawField {
    pub(crate) field: usize,
    pub(crate) decode: Decode,
    pub(crate) kind: Type,
}

impl RawField {
    pub(crate) fn bytes<'t>(&self, field: Option<&'t [u8]>) -> Option<&'t [u8]> {
        field.map(|bytes| self.decode.stored(bytes))
    }
}

/// What is read of each row: fields, and what is computed from them, each once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    /// How many fields a tuple has.
    pub(crate) fields: usize,
    pub(crate) slots: Vec<Slot>,
    /// Expressions that are more than a field, by their text.
    pub(crate) computed: Vec<(String, Compiled)>,
}

/// An expression's place among the values of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arg {
    Slot(usize),
    Computed(usize),
}

/// Compiles expressions over the rows of a stream into a [`Program`].
pub(crate) struct Builder<'s> {
    pub(crate) stream: &'s Stream,
    layout: &'s [TupleColumn],
    pub(crate) program: Program,
}

impl<'s> Builder<'s> {
    pub(crate) fn new(stream: &'s Stream, layout: &'s [TupleColumn]) -> Self {
        let program = Program { fields: layout.len(), ..Program::default() };
        Self { stream, layout, program }
    }

    /// Compiles an expression and gives its place and type.
    pub(crate) fn arg(&mut self, text: &str) -> Result<(Arg, Type), String> {
        if let Some(at) = self.program.computed.iter().position(|(known, _)| known == text) {
            return Ok((Arg::Computed(at), self.program.computed[at].1.kind.clone()));
        }
        let compiled = compile(text, self)?;
        let kind = compiled.kind.clone();
        if let Node::Slot(slot) = compiled.node {
            return Ok((Arg::Slot(slot), kind));
        }
        self.program.computed.push((text.to_owned(), compiled));
        Ok((Arg::Computed(self.program.computed.len() - 1), kind))
    }

    /// The same for a condition.
    pub(crate) fn condition(&mut self, text: &str) -> Result<Arg, String> {
        match self.arg(text)? {
            (arg, Type::Bool) => Ok(arg),
            _ => Err("a condition that is not boolean".to_owned()),
        }
    }

    /// The field of a column whose bytes can be handed on as they are: the events give it.
    pub(crate) fn raw(&self, name: &Ident) -> Result<RawField, String> {
        let column = self.known(name.as_str())?;
        let kind = of_column(column)?;
        let field = self.field(column)?.filter(|_| !column.generated && !column.has_default);
        let field = field.ok_or_else(|| {
            format!("column \"{}\" is not given by the events alone", name.as_str())
        })?;
        Ok(RawField { field, decode: Decode::of(&column.kind), kind })
    }

    fn known(&self, name: &str) -> Result<&'s StreamColumn, String> {
        let mut columns = self.stream.columns.iter();
        columns
            .find(|column| column.name.as_str() == name)
            .ok_or_else(|| format!("no column \"{name}\""))
    }

    fn field(&self, column: &StreamColumn) -> Result<Option<usize>, String> {
        let Some(at) = self.layout.iter().position(|given| given.name == column.name) else {
            return Ok(None);
        };
        if self.layout[at].as_text {
            return Err(format!("column \"{}\" comes as text", column.name.as_str()));
        }
        Ok(Some(at))
    }

    fn default(&mut self, column: &StreamColumn, kind: &Type) -> Option<Constant> {
        let text = column.expression.as_deref()?;
        constant(text, kind, limit(column), self)
    }
}

/// The declared precision and scale of a column.
fn limit(column: &StreamColumn) -> Option<(u16, i16)> {
    match column.kind {
        ColumnType::Numeric(limit) => limit,
        _ => None,
    }
}

impl Scope for Builder<'_> {
    fn column(&mut self, name: &str) -> Result<Compiled, String> {
        let column = self.known(name)?;
        let kind = of_column(column)?;
        if column.generated {
            let text = column.expression.as_deref().unwrap_or("null");
            return cast(compile(text, self)?, &kind, limit(column))
                .map_err(|why| format!("column \"{name}\" is generated from {why}"));
        }
        let Some(field) = self.field(column)? else {
            if !column.has_default {
                return Ok(Compiled { node: Node::Constant(Constant::Null), kind });
            }
            let constant = self.default(column, &kind).ok_or_else(|| {
                format!("column \"{name}\" is filled by a default that is not constant")
            })?;
            return Ok(Compiled { node: Node::Constant(constant), kind });
        };
        if let Some(slot) = self.program.slots.iter().position(|slot| slot.field == field) {
            return Ok(Compiled { node: Node::Slot(slot), kind });
        }
        let default = if column.has_default { self.default(column, &kind) } else { None };
        self.program.slots.push(Slot {
            field,
            decode: Decode::of(&column.kind),
            null_is_fault: column.has_default && default.is_none(),
            default,
        });
        Ok(Compiled { node: Node::Slot(self.program.slots.len() - 1), kind })
    }

    fn named_type(&self, name: &str) -> Option<Type> {
        self.stream.columns.iter().find(|column| column.type_name == name).and_then(|column| {
            match &column.kind {
                ColumnType::Enum(found) => Some(labels(found)),
                _ => None,
            }
        })
    }
}

/// The values of one row; what is computed is computed when it is asked for.
pub(crate) struct Values<'a> {
    program: &'a Program,
    slots: Vec<Value<'a>>,
    computed: Vec<Option<Value<'a>>>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(program: &'a Program) -> Self {
        Self {
            program,
            slots: Vec::with_capacity(program.slots.len()),
            computed: vec![None; program.computed.len()],
        }
    }

    /// Takes up the fields of the next row.
    pub(crate) fn read(&mut self, fields: &[Option<&'a [u8]>]) -> Result<(), Fault> {
        self.slots.clear();
        self.computed.fill(None);
        for slot in &self.program.slots {
            let field = fields.get(slot.field).copied().ok_or(MALFORMED)?;
            self.slots.push(slot.value(field)?);
        }
        Ok(())
    }

    pub(crate) fn get(&mut self, arg: Arg) -> Result<&Value<'a>, Fault> {
        match arg {
            Arg::Slot(slot) => self.slots.get(slot).ok_or(MALFORMED),
            Arg::Computed(at) => {
                let place = self.computed.get_mut(at).ok_or(MALFORMED)?;
                if place.is_none() {
                    *place = Some(self.program.computed[at].1.node.eval(&self.slots)?);
                }
                place.as_ref().ok_or(MALFORMED)
            }
        }
    }
}
