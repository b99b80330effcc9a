//! diesel: the macros `table!` and `joinable!` of `schema.rs`.

use std::collections::HashMap;

use super::tokens::{Kind, Style, Token, cut, parts, within};
use super::{Model, ModelColumn, ModelRelation, Orm, Source};

/// The models of a file.
pub(super) fn read(source: &Source<'_>) -> Vec<Model> {
    let tokens = cut(source.text, Style::Stream);
    let mut models: Vec<Model> = Vec::new();
    // Tables are joined by the names that they have in Rust.
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut joins = Vec::new();
    let mut at = 0;
    while at + 2 < tokens.len() {
        if !tokens[at + 1].is("!") || !(tokens[at + 2].is("{") || tokens[at + 2].is("(")) {
            at += 1;
            continue;
        }
        let body = within(&tokens, at + 2);
        match tokens[at].text {
            "table" => {
                if let Some((name, model)) = table(source, body)
                    && !is_of_the_server(&model)
                {
                    names.insert(name, models.len());
                    models.push(model);
                }
            }
            "joinable" => joins.extend(join(body)),
            _ => {
                at += 1;
                continue;
            }
        }
        at += 3 + body.len();
    }
    for (child, parent, column) in joins {
        if let (Some(child), Some(parent)) = (names.get(&child), names.get(&parent)) {
            let table = models[*parent].table.clone();
            models[*child].relations.push(ModelRelation { columns: vec![column], table });
        }
    }
    models
}

/// `schema.name (key) { columns }` behind `use` lines and attributes, with its name in Rust.
fn table(source: &Source<'_>, body: &[Token<'_>]) -> Option<(String, Model)> {
    let keys = body.windows(2).position(|pair| pair[0].kind == Kind::Word && pair[1].is("("));
    // An attribute may hold the name; the columns come last.
    let open = body.iter().rposition(|token| token.is("{")).filter(|open| body.len() > *open)?;
    let head = &body[..open];
    let at = match keys {
        Some(at) if at < open => at,
        _ => head.iter().rposition(|token| token.kind == Kind::Word)?,
    };
    let name = &head[at];
    let sql_name = sql_name(head);
    let table = sql_name.unwrap_or_else(|| name.text.to_owned());
    let mut model = Model::new(Orm::Diesel, source.place(name.span.clone()), table);
    if at >= 2 && head[at - 1].is(".") {
        model.schema = Some(head[at - 2].text.to_owned());
    }
    for part in parts(within(body, open)) {
        let Some(arrow) = part.windows(2).position(|pair| pair[0].is("-") && pair[1].is(">"))
        else {
            continue;
        };
        let Some(field) = part[..arrow].last() else { continue };
        let name = self::sql_name(&part[..arrow]).unwrap_or_else(|| field.text.to_owned());
        let of: Vec<&str> =
            part[arrow + 2..].iter().filter(|t| t.kind == Kind::Word).map(|t| t.text).collect();
        let nullable = of.first() == Some(&"Nullable");
        let made_of = ["Array", "Range", "Multirange"].iter().any(|kind| of.contains(kind));
        model.columns.push(ModelColumn {
            name,
            place: source.place(field.span.clone()),
            types: if made_of { Vec::new() } else { of.last().map_or(Vec::new(), |of| types(of)) },
            nullable: Some(nullable),
        });
    }
    Some((name.text.to_owned(), model))
}

/// Whether it is a table of PostgreSQL or of diesel itself.
fn is_of_the_server(model: &Model) -> bool {
    matches!(model.schema.as_deref(), Some("pg_catalog" | "information_schema"))
        || model.table.starts_with("pg_")
        || model.table.starts_with("__diesel")
}

/// The name of `#[sql_name = "…"]`.
fn sql_name(tokens: &[Token<'_>]) -> Option<String> {
    let found = tokens.windows(3).find(|w| w[0].is("sql_name") && w[1].is("="))?;
    (found[2].kind == Kind::Text).then(|| found[2].text.to_owned())
}

/// `child -> parent (column)`.
fn join(body: &[Token<'_>]) -> Option<(String, String, String)> {
    match body {
        [child, a, b, parent, open, column, ..] if a.is("-") && b.is(">") && open.is("(") => {
            Some((child.text.to_owned(), parent.text.to_owned(), column.text.to_owned()))
        }
        _ => None,
    }
}

fn types(of: &str) -> Vec<&'static str> {
    match of {
        "Int2" | "SmallInt" | "Smallserial" => vec!["int2"],
        "Int4" | "Integer" | "Serial" => vec!["int4"],
        "Int8" | "BigInt" | "Bigint" | "BigSerial" | "Bigserial" => vec!["int8"],
        "Float4" | "Float" => vec!["float4"],
        "Float8" | "Double" => vec!["float8"],
        "Numeric" | "Decimal" => vec!["numeric"],
        "Text" | "Varchar" | "VarChar" => vec!["text", "varchar", "bpchar", "name"],
        "Bpchar" | "Char" => vec!["bpchar"],
        "Bool" => vec!["bool"],
        "Uuid" => vec!["uuid"],
        "Json" => vec!["json"],
        "Jsonb" => vec!["jsonb"],
        "Bytea" | "Binary" => vec!["bytea"],
        "Timestamp" => vec!["timestamp"],
        "Timestamptz" => vec!["timestamptz"],
        "Date" => vec!["date"],
        "Time" => vec!["time"],
        "Interval" => vec!["interval"],
        _ => Vec::new(),
    }
}
