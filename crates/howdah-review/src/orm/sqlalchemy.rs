//! SQLAlchemy: classes with a `__tablename__`, and calls of `Table`, in Python.

use super::tokens::{Kind, Style, Token, closing, cut, parts, within};
use super::{Model, ModelColumn, ModelIndex, ModelRelation, Orm, Source};

/// The models of a file.
pub(super) fn read(source: &Source<'_>) -> Vec<Model> {
    let tokens = cut(source.text, Style::Python);
    let mut models = Vec::new();
    // The lines of a class are those that begin further to the right than it does.
    let mut class: Option<(usize, Vec<&[Token<'_>]>)> = None;
    for (blanks, line) in lines(&tokens) {
        if let Some((begins, body)) = &mut class
            && blanks > *begins
        {
            body.push(line);
            continue;
        }
        models.extend(class.take().and_then(|(_, body)| of_class(source, &body)));
        match line {
            [word, ..] if word.is("class") => class = Some((blanks, Vec::new())),
            [_, equals, table, open, ..] if equals.is("=") && table.is("Table") && open.is("(") => {
                models.extend(of_table(source, within(line, 3)));
            }
            _ => {}
        }
    }
    models.extend(class.and_then(|(_, body)| of_class(source, &body)));
    models
}

/// The lines with the blanks that they begin with.
fn lines<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<(usize, &'a [Token<'t>])> {
    let mut lines = Vec::new();
    let (mut start, mut blanks) = (0, 0);
    for (at, token) in tokens.iter().enumerate() {
        if let Kind::Line(next) = token.kind {
            if at > start {
                lines.push((blanks, &tokens[start..at]));
            }
            (start, blanks) = (at + 1, next);
        }
    }
    if start < tokens.len() {
        lines.push((blanks, &tokens[start..]));
    }
    lines
}

fn of_class(source: &Source<'_>, body: &[&[Token<'_>]]) -> Option<Model> {
    let name = body.iter().find_map(|line| match line {
        [word, equals, name, ..]
            if word.is("__tablename__") && equals.is("=") && name.kind == Kind::Text =>
        {
            Some(name)
        }
        _ => None,
    })?;
    let mut model = Model::new(Orm::Sqlalchemy, source.place(name.span.clone()), name.text);
    for line in body {
        let Some(equals) = line.iter().position(|token| token.is("=")) else { continue };
        let (Some(field), right) = (line.first(), &line[equals + 1..]) else { continue };
        if field.is("__table_args__") {
            arguments(right, &mut model);
            continue;
        }
        let [call, open, ..] = right else { continue };
        if !open.is("(") || !(call.is("mapped_column") || call.is("Column")) {
            continue;
        }
        let colon = line.get(1).is_some_and(|token| token.is(":"));
        let annotation = line.get(2..equals).filter(|_| colon);
        column(source, field, annotation, within(right, 1), &mut model);
    }
    Some(model)
}

/// `Table("name", metadata, Column(…), …)`.
fn of_table(source: &Source<'_>, inner: &[Token<'_>]) -> Option<Model> {
    let parts = parts(inner);
    let name = parts.first()?.first().filter(|name| name.kind == Kind::Text)?;
    let mut model = Model::new(Orm::Sqlalchemy, source.place(name.span.clone()), name.text);
    for part in &parts {
        if let [call, open, ..] = part
            && call.is("Column")
            && open.is("(")
        {
            column(source, call, None, within(part, 1), &mut model);
        }
    }
    arguments(inner, &mut model);
    Some(model)
}

/// Indexes, unique constraints and the schema of a table.
fn arguments(tokens: &[Token<'_>], model: &mut Model) {
    let mut at = 0;
    while at < tokens.len() {
        let word = &tokens[at];
        let text = tokens.get(at + 2).filter(|text| text.kind == Kind::Text);
        let between = tokens.get(at + 1);
        if word.text == "schema" && between.is_some_and(|b| b.is(":") || b.is("=")) {
            model.schema = text.map(|text| text.text.to_owned()).or(model.schema.take());
        }
        let index = word.is("Index");
        if !(index || word.is("UniqueConstraint")) || !between.is_some_and(|b| b.is("(")) {
            at += 1;
            continue;
        }
        let parts = parts(within(tokens, at + 1));
        let keyword = |name: &str| parts.iter().any(|part| part[0].is(name));
        // The first word of an index is its name; expressions are no columns.
        let columns =
            parts.iter().skip(usize::from(index)).filter(|part| !part.iter().any(|t| t.is("=")));
        let columns: Option<Vec<String>> = columns
            .map(|part| match part {
                [one] if one.kind == Kind::Text => Some(one.text.to_owned()),
                _ => None,
            })
            .collect();
        let partial = keyword("postgresql_where");
        if let Some(columns) = columns.filter(|columns| !columns.is_empty() && !partial) {
            let unique = !index || is_true(&parts, "unique") == Some(true);
            model.indexes.push(ModelIndex { columns, unique });
        }
        at = closing(tokens, at + 1);
    }
}

/// Whether `name=True` or `name=False` is among the parts.
fn is_true(parts: &[&[Token<'_>]], name: &str) -> Option<bool> {
    parts.iter().find_map(|part| match part {
        [word, equals, value] if word.is(name) && equals.is("=") => match value.text {
            "True" => Some(true),
            "False" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// A column by its field or its first word, its annotation and what it is called with.
fn column(
    source: &Source<'_>,
    field: &Token<'_>,
    annotation: Option<&[Token<'_>]>,
    inner: &[Token<'_>],
    model: &mut Model,
) {
    let parts = parts(inner);
    let first = parts.first().and_then(|part| part.first());
    let name = match first {
        Some(first) if first.kind == Kind::Text => first.text,
        _ if field.is("Column") => return,
        _ => field.text,
    };
    let key = is_true(&parts, "primary_key") == Some(true);
    let optional = annotation
        .map(|tokens| tokens.iter().any(|token| token.is("Optional") || token.is("None")));
    // `Mapped["X"]` may hold anything.
    let quoted = annotation.is_some_and(|tokens| tokens.iter().any(|t| t.kind == Kind::Text));
    let nullable = if key {
        Some(false)
    } else {
        is_true(&parts, "nullable").or(if quoted { None } else { Some(optional.unwrap_or(true)) })
    };
    let of = parts.iter().find_map(|part| types(part));
    model.columns.push(ModelColumn {
        name: name.to_owned(),
        place: source.place(field.span.clone()),
        types: of.unwrap_or_default(),
        nullable,
    });
    let unique = is_true(&parts, "unique") == Some(true);
    if unique || is_true(&parts, "index") == Some(true) {
        model.indexes.push(ModelIndex { columns: vec![name.to_owned()], unique });
    }
    let target = parts.iter().find_map(|part| {
        let at = part.windows(3).position(|w| w[0].is("ForeignKey") && w[1].is("("))?;
        (part[at + 2].kind == Kind::Text).then(|| part[at + 2].text)
    });
    // `table.column` or `schema.table.column`.
    let mut words = target.unwrap_or_default().rsplit('.');
    if let (Some(_), Some(table)) = (words.next(), words.next()) {
        let relation = ModelRelation { columns: vec![name.to_owned()], table: table.to_owned() };
        model.relations.push(relation);
    }
}

/// The types of `String`, `String(50)` or `sa.String(50)`.
fn types(part: &[Token<'_>]) -> Option<Vec<&'static str>> {
    let at = if part.get(1).is_some_and(|token| token.is(".")) { 2 } else { 0 };
    let of = part.get(at).filter(|word| word.kind == Kind::Word)?;
    let behind = part.get(at + 1);
    if behind.is_some_and(|token| !token.is("(")) {
        return None;
    }
    let end = if behind.is_some() { closing(part, at + 1) } else { at + 1 };
    if end < part.len() {
        return None;
    }
    let zone = part.windows(3).any(|w| w[0].is("timezone") && w[2].is("True"));
    Some(match of.text {
        "SmallInteger" | "SMALLINT" => vec!["int2"],
        "Integer" | "INTEGER" => vec!["int4", "int2"],
        "BigInteger" | "BIGINT" => vec!["int8", "int4", "int2"],
        "String" | "Text" | "Unicode" | "UnicodeText" | "VARCHAR" | "TEXT" => {
            vec!["text", "varchar", "bpchar", "name"]
        }
        "Boolean" | "BOOLEAN" => vec!["bool"],
        "Float" | "Double" => vec!["float4", "float8"],
        "Numeric" | "NUMERIC" => vec!["numeric"],
        "DateTime" | "TIMESTAMP" if zone => vec!["timestamptz"],
        "DateTime" | "TIMESTAMP" => vec!["timestamp"],
        "Date" => vec!["date"],
        "JSONB" => vec!["jsonb"],
        "JSON" => vec!["json", "jsonb"],
        "UUID" | "Uuid" => vec!["uuid"],
        "LargeBinary" | "BYTEA" => vec!["bytea"],
        _ => return None,
    })
}
