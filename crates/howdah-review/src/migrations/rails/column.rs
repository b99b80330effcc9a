//! A column of `schema.rb`: its type and what stands behind it.
//!
//! Types are those of `ActiveRecord::ConnectionAdapters::PostgreSQLAdapter::NATIVE_DATABASE_TYPES`.

use howdah_catalog::Literal;

use super::quoted;
use super::ruby::Value;

/// `"name" type default … not null`; `None` when it is none.
pub(super) fn column(kind: &str, name: &str, options: &[(String, Value)]) -> Option<String> {
    let option = |name: &str| options.iter().find(|(known, _)| known == name).map(|(_, v)| v);
    let word = |name: &str| match option(name) {
        Some(Value::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let is_virtual = kind == "virtual";
    let kind = if is_virtual { option("type").and_then(Value::text)? } else { kind };
    let mut sql = format!("{} {}", quoted(name), type_of(kind, option("enum_type"), &word)?);
    let is_array = word("array") == Some("true");
    if is_array {
        sql.push_str("[]");
    }
    if let Some(collation) = option("collation").and_then(Value::text) {
        sql.push_str(&format!(" collate {}", quoted(collation)));
    }
    if is_virtual {
        let expression = option("as").and_then(Value::text)?;
        sql.push_str(&format!(" generated always as ({expression}) stored"));
    } else if let Some(default) = option("default") {
        sql.push_str(&default_of(default, kind, is_array)?);
    }
    if word("null") == Some("false") {
        sql.push_str(" not null");
    }
    Some(sql)
}

fn type_of<'o>(
    kind: &str,
    enum_type: Option<&Value>,
    word: &dyn Fn(&str) -> Option<&'o str>,
) -> Option<String> {
    let sized = |name: &str, size: Option<&str>| match size.filter(|size| *size != "nil") {
        Some(size) => format!("{name}({size})"),
        None => name.to_owned(),
    };
    // A dump of Rails 7 leaves the six digits out that a time has, and writes nil for none given.
    let time = |behind: &str| match word("precision") {
        Some("nil") => format!("timestamp{behind}"),
        Some(digits) => format!("timestamp({digits}){behind}"),
        None => format!("timestamp(6){behind}"),
    };
    Some(match kind {
        "string" => sized("character varying", word("limit")),
        "integer" => match word("limit") {
            Some("1" | "2") => "smallint".to_owned(),
            Some("5" | "6" | "7" | "8") => "bigint".to_owned(),
            _ => "integer".to_owned(),
        },
        "float" => "double precision".to_owned(),
        "decimal" | "numeric" => match (word("precision"), word("scale")) {
            (Some(precision), Some(scale)) => format!("numeric({precision}, {scale})"),
            (precision, _) => sized("numeric", precision),
        },
        "datetime" | "timestamp" => time(""),
        "timestamptz" => time(" with time zone"),
        "binary" => "bytea".to_owned(),
        "bit" => sized("bit", word("limit")),
        "bit_varying" => sized("bit varying", word("limit")),
        "enum" => enum_type.and_then(Value::text).map(super::name)?,
        // A name that is no word is none of a type.
        other => {
            let is_word = other.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            is_word.then(|| other.to_owned())?
        }
    })
}

fn default_of(default: &Value, kind: &str, is_array: bool) -> Option<String> {
    let written = match default {
        Value::Code(sql) => sql.clone(),
        Value::Text(text) | Value::Symbol(text) => literal(text),
        Value::Word(word) if word == "nil" => return Some(String::new()),
        Value::Word(word) => {
            let plain = word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'));
            plain.then(|| word.replace('_', ""))?
        }
        Value::List(all) if is_array => {
            let elements: Option<Vec<String>> = all
                .iter()
                .map(|element| match element {
                    Value::Word(word) => Some(word.clone()),
                    other => other.text().map(|text| {
                        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
                    }),
                })
                .collect();
            literal(&format!("{{{}}}", elements?.join(",")))
        }
        Value::List(all) => all.is_empty().then(|| literal("[]"))?,
        Value::Map(all) if kind == "hstore" => all.is_empty().then(|| literal(""))?,
        Value::Map(all) => all.is_empty().then(|| literal("{}"))?,
    };
    Some(format!(" default {written}"))
}

/// A constant of SQL.
pub(super) fn literal(text: &str) -> String {
    Literal(text).to_string()
}
