//! Documents against JSON schemas: what of a schema our documents need, and no more.
//!
//! The official schema of SARIF 2.1.0 may not be copied, so `tests/schemas/sarif.json` says in our
//! words which of its properties we use and how; with `HOWDAH_SARIF_SCHEMA`, the path of the
//! official one, the same report is held against that too.

use howdah_review::report::{json, sarif};
use serde_json::Value;

use crate::rig::{review, scratch};

/// A finding of each kind: proved with and without a place, with both kinds of fixes, suppressed;
/// a path that no URI may hold as it is.
const FILES: &[(&str, &str)] = &[
    (
        "0001 ä.sql",
        "create table a (id bigint primary key, b nonsense);\n\
         create table c (id bigint primary key, at timestamp, n int);\n\
         create index c_id on c (id);\ncreate index c_at on c (at);\n\
         -- howdah:allow index-duplicate: kept \"for now\"\ncreate index c_at_2 on c (at);",
    ),
    ("0002_b.sql", "set local lock_timeout = '3s';\ncreate index c_n on c (n);"),
    ("0003_c.sql", "alter table c add constraint positive check (n > 0);"),
];

/// What is wrong with `value`, each with where.
fn wrong(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        let target = root.pointer(pointer).unwrap_or_else(|| panic!("no {reference}"));
        return wrong(root, target, value, at);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_of(name, value)) {
        found.push(format!("{at}: {value} is not of the type {types:?}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is not one of {allowed:?}"));
    }
    let number = value.as_f64();
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), number)
        && number < least
    {
        found.push(format!("{at}: {number} is less than {least}"));
    }
    if schema["format"].as_str().is_some_and(|format| format.starts_with("uri")) {
        let text = value.as_str().unwrap_or_default();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
        if !text.chars().all(allowed) {
            found.push(format!("{at}: {text} is no URI"));
        }
    }
    for (word, exactly_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(choices) = schema[word].as_array() else { continue };
        let fits = choices.iter().filter(|one| wrong(root, one, value, at).is_empty()).count();
        if fits == 0 || exactly_one && fits > 1 {
            found.push(format!("{at}: {fits} of {word} fit"));
        }
    }
    found.extend(wrong_within(root, schema, value, at));
    found
}

/// Likewise of the items of a list and the fields of an object.
fn wrong_within(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Value::Array(items) = value {
        if schema["minItems"].as_u64().is_some_and(|least| (items.len() as u64) < least) {
            found.push(format!("{at}: too few items"));
        }
        let unique = schema["uniqueItems"].as_bool() == Some(true);
        if unique && items.iter().enumerate().any(|(n, item)| items[..n].contains(item)) {
            found.push(format!("{at}: an item twice"));
        }
        if schema["items"].is_object() {
            for (number, item) in items.iter().enumerate() {
                found.extend(wrong(root, &schema["items"], item, &format!("{at}[{number}]")));
            }
        }
    }
    if let Value::Object(fields) = value {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                found.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => found.push(format!("{at}: not allowed")),
                (Value::Null, more @ Value::Object(_)) => {
                    found.extend(wrong(root, more, field, &at));
                }
                (Value::Null, _) => {}
                (property, _) => found.extend(wrong(root, property, field, &at)),
            }
        }
    }
    found
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("unknown type {other}"),
    }
}

fn check(schema: &str, document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    wrong(&schema, &schema, document, "$")
}

#[tokio::test]
async fn reports_for_programs_are_as_their_schemas_say() {
    let report = review(&scratch().await, FILES).await;
    assert!(!report.suppressed.is_empty());
    assert!(report.findings.iter().any(|finding| !finding.later.is_empty()));
    let document: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let ours = include_str!("../../../../docs/review.schema.json");
    assert_eq!(check(ours, &document), Vec::<String>::new());

    let document: Value = serde_json::from_str(&sarif(&report).unwrap()).unwrap();
    let used = include_str!("../schemas/sarif.json");
    assert_eq!(check(used, &document), Vec::<String>::new());
    if let Some(path) = std::env::var_os("HOWDAH_SARIF_SCHEMA") {
        let official = std::fs::read_to_string(path).unwrap();
        assert_eq!(check(&official, &document), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_document_that_is_not_as_its_schema_says_is_told() {
    let report = review(&scratch().await, FILES).await;
    let text = json(&report).unwrap();
    let ours = include_str!("../../../../docs/review.schema.json");
    for (field, value) in [
        ("/schema", Value::from(2)),
        ("/findings/0/level", Value::from("fatal")),
        ("/findings/0/message", Value::Null),
        ("/score/checks/0/weight", Value::from(-1)),
    ] {
        let mut document: Value = serde_json::from_str(&text).unwrap();
        *document.pointer_mut(field).unwrap() = value;
        assert_eq!(check(ours, &document).len(), 1, "{field}");
    }
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["findings"][0]["colour"] = Value::from("red");
    assert_eq!(check(ours, &document).len(), 1, "fields are known by name");
}
