//! `create table` and the definitions of columns and constraints.

use super::cursor::Cursor;
use super::{
    ColumnConstraint, ColumnDef, Command, ConstraintDef, CreateTable, Part, References,
    TableConstraint,
};

/// Words that end a column's type or an expression behind it.
const CLAUSES: &[&str] = &[
    "constraint",
    "not",
    "null",
    "default",
    "generated",
    "primary",
    "unique",
    "check",
    "references",
    "collate",
    "compression",
    "storage",
    "deferrable",
    "initially",
    "options",
    "using",
    "enforced",
];

/// Reads on from `table`.
pub(super) fn create(cursor: &mut Cursor<'_>, temporary: bool, unlogged: bool) -> Option<Command> {
    cursor.advance();
    let if_not_exists = cursor.eat_if_exists();
    let name = cursor.name()?;
    let partition_of = if cursor.eat(&["partition", "of"]) { cursor.name() } else { None };
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    for mut piece in cursor.group().map(Cursor::pieces).unwrap_or_default() {
        if starts_constraint(&piece) {
            constraints.extend(constraint(&mut piece));
        } else if piece.word() != Some("like") {
            columns.extend(column(&mut piece));
        }
    }
    let mut clause = *cursor;
    let partition_by = clause.find(&["partition"]).then(|| {
        clause.eat(&["partition", "by"]);
        clause.until(&["with", "using", "tablespace", "as"])
    });
    let from_query = cursor.find(&["as"]);
    Some(Command::CreateTable(CreateTable {
        name,
        if_not_exists,
        temporary,
        unlogged,
        columns,
        constraints,
        partition_of,
        partition_by,
        from_query,
    }))
}

/// Whether a piece of `create table (…)` or of `alter table add` is a constraint.
pub(super) fn starts_constraint(piece: &Cursor<'_>) -> bool {
    match piece.word() {
        Some("constraint" | "exclude") => true,
        Some("primary" | "foreign") => piece.word_at(1) == Some("key"),
        // A column may have these names, and then its type follows.
        Some("check" | "unique") => piece.word_at(1).is_none() || piece.word_at(1) == Some("using"),
        Some("not") => piece.word_at(1) == Some("null"),
        _ => false,
    }
}

/// A column's definition, up to the end of the piece.
pub(super) fn column(piece: &mut Cursor<'_>) -> Option<ColumnDef> {
    let start = piece.start();
    let name = piece.ident()?;
    let type_name = piece.until(CLAUSES);
    let mut constraints = Vec::new();
    while !piece.at_end() {
        if piece.eat(&["constraint"]) {
            piece.ident();
        }
        constraints.push(column_constraint(piece));
    }
    Some(ColumnDef { name, type_name, constraints, span: start..piece.end() })
}

fn column_constraint(piece: &mut Cursor<'_>) -> ColumnConstraint {
    let start = piece.start();
    match piece.word() {
        Some("not") if piece.eat(&["not", "null"]) => ColumnConstraint::NotNull,
        Some("null") => {
            piece.advance();
            ColumnConstraint::Null
        }
        Some("default") => {
            piece.advance();
            ColumnConstraint::Default(expression(piece))
        }
        Some("primary") if piece.eat(&["primary", "key"]) => ColumnConstraint::PrimaryKey,
        Some("unique") => {
            piece.advance();
            ColumnConstraint::Unique
        }
        Some("check") => {
            piece.advance();
            ColumnConstraint::Check(grouped(piece))
        }
        Some("references") => match references(piece) {
            Some(references) => ColumnConstraint::References(references),
            None => ColumnConstraint::Other(piece.rest()),
        },
        Some("generated") => generated(piece, start),
        _ => {
            piece.skip();
            piece.until(CLAUSES);
            ColumnConstraint::Other(piece.part_from(start))
        }
    }
}

fn generated(piece: &mut Cursor<'_>, start: usize) -> ColumnConstraint {
    piece.advance();
    let always = piece.eat(&["always"]);
    if !always {
        piece.eat(&["by", "default"]);
    }
    piece.eat(&["as"]);
    if piece.eat(&["identity"]) {
        piece.group();
        return ColumnConstraint::Identity { always };
    }
    if !piece.is_symbol(b'(') {
        piece.until(CLAUSES);
        return ColumnConstraint::Other(piece.part_from(start));
    }
    let expression = grouped(piece);
    // Up to PostgreSQL 17 only stored ones are possible, and the word is required.
    let stored = piece.eat(&["stored"]);
    if !stored {
        piece.eat(&["virtual"]);
    }
    ColumnConstraint::Generated { stored, expression }
}

/// An expression up to the next clause. `not null` may stand within one only in a group.
fn expression(piece: &mut Cursor<'_>) -> Part {
    let start = piece.start();
    // The first token is of the expression, whatever it is: `default null`.
    piece.skip();
    piece.until(CLAUSES);
    piece.part_from(start)
}

/// What is within the parentheses here.
fn grouped(piece: &mut Cursor<'_>) -> Part {
    match piece.group() {
        Some(mut group) => group.rest(),
        None => piece.part_from(piece.start()),
    }
}

fn references(piece: &mut Cursor<'_>) -> Option<References> {
    piece.advance();
    let table = piece.name()?;
    let columns = piece.ident_list();
    while piece.eat(&["on"]) || piece.eat(&["match"]) {
        piece.eat_any(&["delete", "update"]);
        let _ = piece.eat(&["set", "null"])
            || piece.eat(&["set", "default"])
            || piece.eat(&["no", "action"])
            || piece.eat_any(&["cascade", "restrict", "full", "simple", "partial"]).is_some();
        piece.group();
    }
    Some(References { table, columns })
}

/// A constraint of a table, up to the end of the piece.
pub(super) fn constraint(piece: &mut Cursor<'_>) -> Option<ConstraintDef> {
    let start = piece.start();
    let name = if piece.eat(&["constraint"]) { piece.ident() } else { None };
    let mut using_index = None;
    let constraint = match piece.word() {
        Some("primary") => {
            piece.eat(&["primary", "key"]);
            using_index = index_name(piece);
            TableConstraint::PrimaryKey(piece.ident_list())
        }
        Some("unique") => {
            piece.advance();
            let _ = piece.eat(&["nulls", "not", "distinct"]) || piece.eat(&["nulls", "distinct"]);
            using_index = index_name(piece);
            TableConstraint::Unique(piece.ident_list())
        }
        Some("check") => {
            piece.advance();
            TableConstraint::Check(grouped(piece))
        }
        Some("foreign") => {
            piece.eat(&["foreign", "key"]);
            let columns = piece.ident_list();
            TableConstraint::ForeignKey { columns, references: references(piece)? }
        }
        Some("exclude") => TableConstraint::Exclude,
        Some("not") => {
            piece.eat(&["not", "null"]);
            TableConstraint::NotNull(piece.ident()?)
        }
        _ => TableConstraint::Other,
    };
    let mut not_valid = false;
    while !piece.at_end() {
        not_valid |= piece.eat(&["not", "valid"]);
        piece.skip();
    }
    Some(ConstraintDef { name, constraint, not_valid, using_index, span: start..piece.end() })
}

fn index_name(piece: &mut Cursor<'_>) -> Option<String> {
    if piece.eat(&["using", "index"]) { piece.ident() } else { None }
}
