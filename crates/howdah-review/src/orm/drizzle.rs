//! Drizzle: calls of `pgTable` and of the `table` of a `pgSchema`, in TypeScript.

use std::collections::HashMap;

use super::tokens::{Kind, Style, Token, closing, cut, parts, within};
use super::{Model, ModelColumn, ModelIndex, ModelRelation, Orm, Source};

/// A table with what can only be told when all files are read.
struct Found<'t> {
    model: Model,
    /// Its columns by their names in TypeScript.
    fields: HashMap<&'t str, String>,
    /// Columns, and the variables of the tables that they refer to.
    refers: Vec<(String, String)>,
}

/// The models of all files: a table may refer to one of another file.
pub(super) fn read(sources: &[Source<'_>]) -> Vec<Model> {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut models: Vec<(Model, Vec<(String, String)>)> = Vec::new();
    for source in sources {
        let tokens = cut(source.text, Style::Stream);
        let schemas = schemas(&tokens);
        let mut at = 0;
        while at < tokens.len() {
            let Some((variable, found)) = table(source, &tokens, at, &schemas) else {
                at += 1;
                continue;
            };
            // No table is within another.
            at = closing(&tokens, at + 1);
            if let Some(variable) = variable {
                names.insert(variable.to_owned(), found.model.table.clone());
            }
            models.push((found.model, found.refers));
        }
    }
    let finished = models.into_iter().map(|(mut model, refers)| {
        for (column, variable) in refers {
            if let Some(table) = names.get(&variable) {
                let relation = ModelRelation { columns: vec![column], table: table.clone() };
                model.relations.push(relation);
            }
        }
        model
    });
    finished.collect()
}

/// The variables of `const app = pgSchema("app")`.
fn schemas<'t>(tokens: &[Token<'t>]) -> HashMap<&'t str, &'t str> {
    let assigned = tokens
        .windows(5)
        .filter(|w| w[1].is("=") && w[2].is("pgSchema") && w[3].is("(") && w[4].kind == Kind::Text);
    assigned.map(|w| (w[0].text, w[4].text)).collect()
}

/// The table whose call begins at `at`, with the variable that it is given to.
fn table<'t>(
    source: &Source<'_>,
    tokens: &[Token<'t>],
    at: usize,
    schemas: &HashMap<&'t str, &'t str>,
) -> Option<(Option<&'t str>, Found<'t>)> {
    let schema = if tokens[at].is("pgTable") {
        None
    } else if tokens[at].is("table") && at >= 2 && tokens[at - 1].is(".") {
        Some(*schemas.get(tokens[at - 2].text)?)
    } else {
        return None;
    };
    let open = at + 1;
    // Looked at before anything is cut further, so that what is no table costs nothing.
    match tokens.get(open..open + 4)? {
        [bracket, name, comma, columns]
            if bracket.is("(") && name.kind == Kind::Text && comma.is(",") && columns.is("{") => {}
        _ => return None,
    }
    let arguments = parts(within(tokens, open));
    let (name, columns) = (arguments.first()?.first()?, *arguments.get(1)?);
    let before = if schema.is_some() { at.checked_sub(3) } else { at.checked_sub(1) };
    let equals = before.filter(|at| tokens[*at].is("="));
    let variable = equals.and_then(|at| at.checked_sub(1)).map(|at| tokens[at].text);
    let mut model = Model::new(Orm::Drizzle, source.place(name.span.clone()), name.text);
    model.schema = schema.map(str::to_owned);
    let mut found = Found { model, fields: HashMap::new(), refers: Vec::new() };
    for part in parts(within(columns, 0)) {
        column(source, part, &mut found);
    }
    if let Some(extras) = arguments.get(2) {
        indexes(extras, &mut found);
    }
    Some((variable, found))
}

/// `field: type("name", …).notNull()…`.
fn column<'t>(source: &Source<'_>, part: &[Token<'t>], found: &mut Found<'t>) -> Option<()> {
    let [field, colon, of, open, ..] = part else { return None };
    if !colon.is(":") || of.kind != Kind::Word || !open.is("(") {
        return None;
    }
    let arguments = within(part, 3);
    let name = match arguments.first() {
        Some(first) if first.kind == Kind::Text => first.text,
        // What an option may spell in another way is not told.
        _ if field.text.chars().any(char::is_uppercase) => return None,
        _ => field.text,
    };
    let chain = &part[closing(part, 3)..];
    let call =
        |word: &str| chain.windows(3).position(|w| w[0].is(".") && w[1].is(word) && w[2].is("("));
    let key = call("primaryKey").is_some();
    let counted = of.text.ends_with("erial");
    let with_zone = arguments.windows(3).any(|w| w[0].is("withTimezone") && w[2].is("true"));
    let array = call("array").is_some();
    found.fields.insert(field.text, name.to_owned());
    found.model.columns.push(ModelColumn {
        name: name.to_owned(),
        place: source.place(field.span.clone()),
        types: if array { Vec::new() } else { types(of.text, with_zone) },
        nullable: Some(!(key || counted || call("notNull").is_some())),
    });
    if call("unique").is_some() {
        found.model.indexes.push(ModelIndex { columns: vec![name.to_owned()], unique: true });
    }
    if let Some(at) = call("references") {
        // `() => other.column`, with or without a type between.
        let target = within(chain, at + 2);
        let arrow = target.windows(2).position(|w| w[0].is("=") && w[1].is(">"))?;
        if let [variable, dot, ..] = &target[arrow + 2..]
            && dot.is(".")
        {
            found.refers.push((name.to_owned(), variable.text.to_owned()));
        }
    }
    Some(())
}

/// `index("name").on(t.a, t.b)` and the like, and keys of several columns.
fn indexes<'t>(extras: &[Token<'t>], found: &mut Found<'t>) {
    for at in 0..extras.len() {
        let word = &extras[at];
        if word.is("primaryKey") {
            // Its columns cannot be null, whatever they say themselves.
            for column in &mut found.model.columns {
                column.nullable = column.nullable.filter(|nullable| !nullable);
            }
            continue;
        }
        let unique = word.is("uniqueIndex") || word.is("unique");
        if !unique && !word.is("index") {
            continue;
        }
        let rest = &extras[at + 1..];
        if !rest.first().is_some_and(|token| token.is("(")) {
            continue;
        }
        let chain = &rest[closing(rest, 0)..];
        let [dot, on, open, ..] = chain else { continue };
        if !dot.is(".") || !(on.is("on") || on.is("using")) || !open.is("(") {
            continue;
        }
        let mut columns = Vec::new();
        for part in parts(within(chain, 2)) {
            match part {
                [_, dot, field, ..] if dot.is(".") => {
                    columns.push(found.fields.get(field.text).cloned());
                }
                // The method of `using`.
                [text] if text.kind == Kind::Text => {}
                _ => columns.push(None),
            }
        }
        let columns: Option<Vec<String>> = columns.into_iter().collect();
        if let Some(columns) = columns.filter(|columns| !columns.is_empty()) {
            // One with a condition is another index.
            let partial = chain[closing(chain, 2)..].windows(2).take(1).any(|w| w[1].is("where"));
            if !partial {
                found.model.indexes.push(ModelIndex { columns, unique });
            }
        }
    }
}

fn types(of: &str, with_zone: bool) -> Vec<&'static str> {
    match of {
        "smallint" | "smallserial" => vec!["int2"],
        "integer" | "serial" => vec!["int4"],
        "bigint" | "bigserial" => vec!["int8"],
        "boolean" => vec!["bool"],
        "text" | "varchar" | "char" => vec!["text", "varchar", "bpchar", "name"],
        "numeric" | "decimal" => vec!["numeric"],
        "real" => vec!["float4"],
        "doublePrecision" => vec!["float8"],
        "json" => vec!["json"],
        "jsonb" => vec!["jsonb"],
        "timestamp" if with_zone => vec!["timestamptz"],
        "timestamp" => vec!["timestamp"],
        "date" => vec!["date"],
        "time" => vec!["time", "timetz"],
        "interval" => vec!["interval"],
        "uuid" => vec!["uuid"],
        _ => Vec::new(),
    }
}
