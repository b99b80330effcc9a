//! Prisma: `schema.prisma` or a folder of such files, a line a field.

use std::collections::HashMap;

use super::tokens::{Kind, Style, Token, cut, within};
use super::{Model, ModelColumn, ModelIndex, ModelRelation, Orm, Source};
use crate::migrations::parent;

/// The models of all files. Files of one schema may lie in several folders, so a model may be of
/// any of them; a file that is for another database is left out, with the files of its folder.
pub(super) fn read(sources: &[Source<'_>]) -> Vec<Model> {
    let tokens: Vec<_> = sources.iter().map(|source| cut(source.text, Style::Lines)).collect();
    let files: Vec<(&Source<'_>, Vec<Block<'_, '_>>)> =
        sources.iter().zip(&tokens).map(|(source, tokens)| (source, blocks(tokens))).collect();
    let others: Vec<&str> = files
        .iter()
        .filter(|(_, blocks)| is_for_another(blocks))
        .map(|(source, _)| parent(source.path))
        .collect();
    let files = || files.iter().filter(|(source, _)| !others.contains(&parent(source.path)));
    let is_model = |(word, ..): &&Block<'_, '_>| *word == "model";
    let names: HashMap<&str, String> = files()
        .flat_map(|(_, blocks)| blocks.iter().filter(is_model))
        .map(|(_, name, body)| (name.text, mapped(body).unwrap_or(name.text.to_owned())))
        .collect();
    files()
        .flat_map(|(source, blocks)| {
            blocks.iter().filter(is_model).map(move |block| (source, block))
        })
        .filter_map(|(source, (_, name, body))| model(source, name, body, &names))
        .collect()
}

fn is_for_another(blocks: &[Block<'_, '_>]) -> bool {
    blocks.iter().filter(|(word, ..)| *word == "datasource").any(|(.., body)| {
        let provider = body.windows(3).find(|w| w[0].is("provider") && w[1].is("="));
        provider.is_some_and(|w| w[2].kind == Kind::Text && !w[2].text.starts_with("postgres"))
    })
}

type Block<'a, 't> = (&'t str, &'a Token<'t>, &'a [Token<'t>]);

/// `word Name { … }` at the top of the file.
fn blocks<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<Block<'a, 't>> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while at + 2 < tokens.len() {
        if tokens[at].kind == Kind::Word
            && tokens[at + 1].kind == Kind::Word
            && tokens[at + 2].is("{")
        {
            let body = within(tokens, at + 2);
            blocks.push((tokens[at].text, &tokens[at + 1], body));
            at += 3 + body.len();
        } else {
            at += 1;
        }
    }
    blocks
}

fn lines<'a, 't>(body: &'a [Token<'t>]) -> impl Iterator<Item = &'a [Token<'t>]> {
    body.split(|token| matches!(token.kind, Kind::Line(_))).filter(|line| !line.is_empty())
}

/// The bracket of `@name(…)`, with one `@` or two; empty when it has none.
fn attribute<'a, 't>(line: &'a [Token<'t>], name: &str) -> Option<&'a [Token<'t>]> {
    let at = line.windows(2).position(|pair| pair[0].is("@") && pair[1].is(name))?;
    let open = at + 2;
    Some(if line.get(open).is_some_and(|token| token.is("(")) { within(line, open) } else { &[] })
}

fn first_text(tokens: &[Token<'_>]) -> Option<String> {
    tokens.iter().find(|token| token.kind == Kind::Text).map(|token| token.text.to_owned())
}

fn is_block_attribute(line: &[Token<'_>]) -> bool {
    matches!(line, [a, b, ..] if a.is("@") && b.is("@"))
}

/// The name of a model's table.
fn mapped(body: &[Token<'_>]) -> Option<String> {
    lines(body)
        .filter(|line| is_block_attribute(line))
        .find_map(|line| first_text(attribute(line, "map")?))
}

fn model(
    source: &Source<'_>,
    name: &Token<'_>,
    body: &[Token<'_>],
    names: &HashMap<&str, String>,
) -> Option<Model> {
    let table = mapped(body).unwrap_or(name.text.to_owned());
    let mut model = Model::new(Orm::Prisma, source.place(name.span.clone()), table);
    // The names of fields and of their columns.
    let mut fields: HashMap<&str, String> = HashMap::new();
    for line in lines(body).filter(|line| !is_block_attribute(line)) {
        let [field, of, ..] = line else { continue };
        if field.kind != Kind::Word || of.kind != Kind::Word || attribute(line, "ignore").is_some()
        {
            continue;
        }
        if names.contains_key(of.text) {
            continue;
        }
        let column = attribute(line, "map").and_then(first_text).unwrap_or(field.text.to_owned());
        let list = line.get(2).is_some_and(|token| token.is("["));
        let optional = line.get(2).is_some_and(|token| token.is("?"));
        model.columns.push(ModelColumn {
            name: column.clone(),
            place: source.place(field.span.clone()),
            types: if list { Vec::new() } else { types(of.text, line) },
            nullable: if list { None } else { Some(optional) },
        });
        if attribute(line, "unique").is_some() {
            model.indexes.push(ModelIndex { columns: vec![column.clone()], unique: true });
        }
        fields.insert(field.text, column);
    }
    let column = |field: &str| fields.get(field).cloned();
    for line in lines(body) {
        if is_block_attribute(line) {
            if attribute(line, "ignore").is_some() {
                return None;
            }
            model.schema = attribute(line, "schema").and_then(first_text).or(model.schema);
            for (word, unique) in [("index", false), ("unique", true)] {
                let columns = attribute(line, word).and_then(|list| list_of(list, &column));
                model.indexes.extend(columns.map(|columns| ModelIndex { columns, unique }));
            }
            continue;
        }
        let ([_, of, ..], Some(relation)) = (line, attribute(line, "relation")) else { continue };
        let Some(table) = names.get(of.text) else { continue };
        let from = relation.iter().position(|token| token.is("fields"));
        let columns = from.and_then(|from| list_of(&relation[from..], &column));
        model
            .relations
            .extend(columns.map(|columns| ModelRelation { columns, table: table.clone() }));
    }
    Some(model)
}

/// The columns of the first list in brackets; `None` when one of its fields is not known.
fn list_of(tokens: &[Token<'_>], column: &dyn Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let open = tokens.iter().position(|token| token.is("["))?;
    let parts = super::tokens::parts(within(tokens, open));
    let columns: Option<Vec<String>> =
        parts.iter().map(|part| column(part.first()?.text)).collect();
    columns.filter(|columns| !columns.is_empty())
}

fn types(of: &str, line: &[Token<'_>]) -> Vec<&'static str> {
    let native = line.windows(4).find(|w| w[0].is("@") && w[1].is("db") && w[2].is("."));
    if let Some(native) = native {
        return match native[3].text {
            "Text" => vec!["text"],
            "VarChar" => vec!["varchar"],
            "Char" => vec!["bpchar"],
            "Uuid" => vec!["uuid"],
            "Integer" => vec!["int4"],
            "SmallInt" => vec!["int2"],
            "BigInt" => vec!["int8"],
            "Real" => vec!["float4"],
            "DoublePrecision" => vec!["float8"],
            "Decimal" => vec!["numeric"],
            "Money" => vec!["money"],
            "Timestamp" => vec!["timestamp"],
            "Timestamptz" => vec!["timestamptz"],
            "Date" => vec!["date"],
            "Time" => vec!["time"],
            "Timetz" => vec!["timetz"],
            "Json" => vec!["json"],
            "JsonB" => vec!["jsonb"],
            "ByteA" => vec!["bytea"],
            "Boolean" => vec!["bool"],
            _ => Vec::new(),
        };
    }
    match of {
        "Int" => vec!["int4", "int2", "oid"],
        "BigInt" => vec!["int8"],
        "Boolean" => vec!["bool"],
        "Float" => vec!["float8", "float4"],
        "Decimal" => vec!["numeric", "money"],
        "DateTime" => vec!["timestamp", "timestamptz", "date", "time", "timetz"],
        "Json" => vec!["jsonb", "json"],
        "Bytes" => vec!["bytea"],
        "String" => {
            vec!["text", "varchar", "bpchar", "uuid", "name", "inet", "xml", "bit", "varbit"]
        }
        _ => Vec::new(),
    }
}
