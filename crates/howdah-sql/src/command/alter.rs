//! `alter …`.

use super::cursor::Cursor;
use super::{AlterAction, AlterTable, Command, Escape, ObjectKind, create, role, table};

/// Reads on from `alter`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    match cursor.word()? {
        "system" => {
            cursor.advance();
            cursor.advance();
            let setting = cursor.name().map_or_else(String::new, |name| name.plain());
            return Some(Command::Escape(Escape::AlterSystem(setting)));
        }
        "database" => return Some(Command::Escape(Escape::Database)),
        "tablespace" => return Some(Command::Escape(Escape::Tablespace)),
        "subscription" => return Some(Command::Escape(Escape::Subscription)),
        "role" | "user" | "group" if cursor.word_at(1) != Some("mapping") => {
            return role::change(cursor);
        }
        _ => {}
    }
    let kind = create::kind(cursor);
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index => relation(cursor, kind),
        ObjectKind::Type => enum_value(cursor),
        ObjectKind::DefaultPrivileges => Some(Command::AlterOther { kind, name: None }),
        _ => {
            if kind == ObjectKind::Other {
                cursor.advance();
            }
            Some(Command::AlterOther { kind, name: cursor.name() })
        }
    }
}

fn enum_value(cursor: &mut Cursor<'_>) -> Option<Command> {
    let name = cursor.name()?;
    if !cursor.eat(&["add", "value"]) {
        return Some(Command::AlterOther { kind: ObjectKind::Type, name: Some(name) });
    }
    cursor.eat_if_exists();
    let label = cursor.text_constant().map_or_else(String::new, |part| part.text);
    Some(Command::AddEnumValue { name, label })
}

fn relation(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Option<Command> {
    let if_exists = cursor.eat_if_exists();
    let name = cursor.relation()?;
    let actions = cursor.pieces().into_iter().map(|mut piece| {
        let start = piece.start();
        let action = action(&mut piece).unwrap_or_else(|| {
            piece.rest();
            AlterAction::Other(piece.part_from(start))
        });
        piece.rest();
        (action, start..piece.end())
    });
    let actions = actions.collect();
    Some(Command::AlterTable(AlterTable { kind, name, if_exists, actions }))
}

/// One action; `None` for what is not told apart.
fn action(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    const ROW_SECURITY: &[(&[&str], &str)] = &[
        (&["enable", "row", "level", "security"], "enable"),
        (&["disable", "row", "level", "security"], "disable"),
        (&["force", "row", "level", "security"], "force"),
        (&["no", "force", "row", "level", "security"], "no force"),
    ];
    if let Some((_, word)) = ROW_SECURITY.iter().find(|(words, _)| piece.eat(words)) {
        return Some(AlterAction::RowSecurity(word));
    }
    match piece.word()? {
        "add" => add(piece),
        "drop" => drop(piece),
        "alter" => alter_column(piece),
        "rename" => rename(piece),
        "validate" => {
            piece.eat(&["validate", "constraint"]);
            piece.ident().map(AlterAction::ValidateConstraint)
        }
        "attach" => {
            piece.eat(&["attach", "partition"]);
            piece.name().map(AlterAction::AttachPartition)
        }
        "detach" => {
            piece.eat(&["detach", "partition"]);
            let name = piece.name()?;
            Some(AlterAction::DetachPartition(name, piece.eat(&["concurrently"])))
        }
        "owner" => {
            piece.eat(&["owner", "to"]);
            piece.ident().map(AlterAction::OwnerTo)
        }
        "set" => set(piece),
        "enable" | "disable" => {
            let enabled = piece.word() == Some("enable");
            piece.advance();
            piece.eat_any(&["replica", "always"]);
            piece.eat(&["trigger"]).then_some(())?;
            piece.ident().map(|name| AlterAction::Trigger(enabled, name))
        }
        _ => None,
    }
}

fn add(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    piece.advance();
    if table::starts_constraint(piece) {
        return table::constraint(piece).map(AlterAction::AddConstraint);
    }
    piece.eat(&["column"]);
    piece.eat_if_exists();
    table::column(piece).map(AlterAction::AddColumn)
}

fn drop(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    piece.advance();
    let constraint = piece.eat(&["constraint"]);
    if !constraint {
        piece.eat(&["column"]);
    }
    piece.eat_if_exists();
    let name = piece.ident()?;
    Some(if constraint { AlterAction::DropConstraint(name) } else { AlterAction::DropColumn(name) })
}

fn alter_column(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    piece.advance();
    if piece.word() == Some("constraint") {
        return None;
    }
    piece.eat(&["column"]);
    let column = piece.ident()?;
    if piece.eat(&["set", "not", "null"]) {
        return Some(AlterAction::SetNotNull(column));
    }
    if piece.eat(&["drop", "not", "null"]) {
        return Some(AlterAction::DropNotNull(column));
    }
    if piece.eat(&["set", "default"]) {
        return Some(AlterAction::SetDefault(column, piece.rest()));
    }
    if piece.eat(&["drop", "default"]) {
        return Some(AlterAction::DropDefault(column));
    }
    if piece.eat(&["set", "data", "type"]) || piece.eat(&["type"]) {
        let type_name = piece.until(&["using", "collate"]);
        let using = piece.find(&["using"]).then(|| {
            piece.advance();
            piece.rest()
        });
        return Some(AlterAction::ColumnType { column, type_name, using });
    }
    None
}

fn rename(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    piece.advance();
    if piece.eat(&["to"]) {
        return piece.ident().map(AlterAction::Rename);
    }
    let constraint = piece.eat(&["constraint"]);
    if !constraint {
        piece.eat(&["column"]);
    }
    let from = piece.ident()?;
    piece.eat(&["to"]).then_some(())?;
    let to = piece.ident()?;
    Some(if constraint {
        AlterAction::RenameConstraint(from, to)
    } else {
        AlterAction::RenameColumn(from, to)
    })
}

fn set(piece: &mut Cursor<'_>) -> Option<AlterAction> {
    piece.advance();
    match piece.word()? {
        "schema" => {
            piece.advance();
            piece.ident().map(AlterAction::SetSchema)
        }
        "logged" | "unlogged" | "tablespace" | "access" => {
            Some(AlterAction::SetStorage(piece.rest().text.to_ascii_lowercase()))
        }
        _ => None,
    }
}
