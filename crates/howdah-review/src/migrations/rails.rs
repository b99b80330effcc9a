//! Rails' `schema.rb` as SQL, a line for a line, so that every place is one of the file.
//!
//! The file is written by `rails db:schema:dump`: a statement a line, the columns of a table before
//! its indexes. What it says is that of `ActiveRecord::SchemaDumper` and of the adapter for
//! PostgreSQL; definitions of the gems scenic and fx are SQL already. Migrations in Ruby are not
//! read: they may do anything.

mod column;
mod ruby;

use std::collections::BTreeMap;

use howdah_catalog::Ident;

use self::column::{column, literal};
use self::ruby::{Call, Value};

/// The file.
const NAME: &str = "schema.rb";
/// What stands for a line that was not understood.
const NOT_READ: &str = "-- not read";

/// Whether a file is called as such a dump.
pub(crate) fn is_schema(path: &str) -> bool {
    super::file_name(path) == NAME
}

/// Whether a text is one.
pub(crate) fn is_dump(text: &str) -> bool {
    text.contains("ActiveRecord::Schema")
}

/// How many lines of a text were not understood.
pub(crate) fn not_read(sql: &str) -> usize {
    sql.lines().filter(|line| line.ends_with(NOT_READ)).count()
}

/// The SQL of a dump.
pub(crate) fn sql_of(text: &str) -> String {
    let mut dump = Dump::default();
    let mut sql = String::with_capacity(text.len());
    for line in text.lines() {
        let written = dump.line(line);
        sql.push_str(&written);
        sql.push('\n');
    }
    sql
}

/// Where in the file the reading is.
#[derive(Default)]
struct Dump {
    table: Option<Table>,
    /// Inside SQL that ends with this word.
    until: Option<String>,
    /// The columns of each table, by which foreign keys without one are found.
    columns: BTreeMap<String, Vec<String>>,
}

/// A table whose lines are being read.
struct Table {
    name: String,
    /// The parenthesis of its columns is still open.
    open: bool,
    empty: bool,
    /// Its primary key, where that is no column's.
    key: Option<String>,
}

impl Dump {
    fn line(&mut self, line: &str) -> String {
        let line = line.trim_end();
        if let Some(end) = &self.until {
            if line.trim() == end {
                self.until = None;
                return ";".to_owned();
            }
            return line.to_owned();
        }
        let line = line.trim();
        if line == "end" {
            return self.table.take().map_or_else(String::new, |mut table| table.close() + ";");
        }
        let known = line.starts_with("t.")
            || ["create_", "add_", "enable_extension"].iter().any(|word| line.starts_with(word));
        if !known || line.starts_with("create_database") {
            return String::new();
        }
        let call = Call::read(line);
        call.and_then(|call| self.call(&call)).unwrap_or_else(|| NOT_READ.to_owned())
    }

    fn call(&mut self, call: &Call) -> Option<String> {
        if let Some(end) = &call.heredoc {
            self.until = Some(end.clone());
            return Some(match call.method.as_str() {
                "create_view" => {
                    let kind = if call.says("materialized", "true") { "materialized " } else { "" };
                    format!("create {kind}view {} as", name(call.text(0)?))
                }
                _ => String::new(),
            });
        }
        match call.method.as_str() {
            "create_table" => self.create_table(call),
            "create_enum" => {
                let labels: Vec<String> =
                    call.list(1)?.iter().map(|label| literal(label)).collect();
                Some(format!(
                    "create type {} as enum ({});",
                    name(call.text(0)?),
                    labels.join(", ")
                ))
            }
            "create_schema" => Some(format!("create schema {};", Ident::new(call.text(0)?))),
            "enable_extension" => {
                let extension = call.text(0)?.rsplit('.').next()?;
                let made = format!("create extension {};", Ident::new(extension));
                Some(if extension == "plpgsql" { String::new() } else { made })
            }
            "add_foreign_key" => Some(self.foreign_key(call)? + ";"),
            "add_index" => Some(index(call.text(0)?, call, 1)? + ";"),
            method => {
                let method = method.strip_prefix("t.")?;
                self.of_table(method, call)
            }
        }
    }

    fn create_table(&mut self, call: &Call) -> Option<String> {
        let table = call.text(0)?;
        let mut of = Table { name: table.to_owned(), open: true, empty: true, key: None };
        let mut sql = format!("create table {} (", name(table));
        let columns = self.columns.entry(table.to_owned()).or_default();
        let key = call.named("primary_key");
        if let Some(keys @ Value::List(_)) = key {
            of.key = Some(format!("primary key ({})", list(keys.texts()?)));
        } else if !call.says("id", "false") {
            let id = key.and_then(Value::text).unwrap_or("id");
            let (kind, options) = match call.named("id") {
                Some(Value::Map(map)) => {
                    let kind = map.iter().find(|(name, _)| name == "type");
                    (kind.and_then(|(_, kind)| kind.text()).unwrap_or("bigint"), map.as_slice())
                }
                Some(kind) => (kind.text()?, call.named.as_slice()),
                None => ("bigint", call.named.as_slice()),
            };
            // Of whole numbers the adapter makes a sequence.
            let kind = match kind {
                "bigint" | "bigserial" | "primary_key" => "bigserial",
                "integer" | "serial" => "serial",
                other => other,
            };
            sql.push_str(&format!("{} primary key", column(kind, id, options)?));
            columns.push(id.to_owned());
            of.empty = false;
        }
        self.table = Some(of);
        Some(sql)
    }

    /// `t.METHOD …` in a table.
    fn of_table(&mut self, method: &str, call: &Call) -> Option<String> {
        let table = self.table.as_mut()?;
        let of = name(&table.name);
        let constraint = |kind: String| {
            format!("alter table {of} add {}{kind}{}", constraint_name(call), not_valid(call))
        };
        let rest = match method {
            "index" => index(&table.name, call, 0)?,
            "check_constraint" => constraint(format!("check ({})", call.text(0)?)),
            "unique_constraint" => {
                let columns = list(call.list(0)?);
                constraint(format!("unique{} ({columns})", nulls_not_distinct(call)))
            }
            "exclusion_constraint" => {
                let using = call.text_of("using").unwrap_or("gist");
                let only = call.text_of("where");
                let only = only.map_or(String::new(), |only| format!(" where ({only})"));
                constraint(format!("exclude using {using} ({}){only}", call.text(0)?))
            }
            kind => {
                let written = column(kind, call.text(0)?, &call.named)?;
                let comma = if table.empty { "" } else { ", " };
                table.empty = false;
                let name = call.text(0)?.to_owned();
                self.columns.entry(table.name.clone()).or_default().push(name);
                return table.open.then(|| format!("{comma}{written}"));
            }
        };
        Some(format!("{}; {rest}", table.close()))
    }

    fn foreign_key(&self, call: &Call) -> Option<String> {
        let (from, to) = (call.text(0)?, call.text(1)?);
        let columns = match call.named("column") {
            Some(columns) => columns.texts()?,
            None => vec![self.column_for(from, to)?],
        };
        let keys = call.named("primary_key").map_or(Some(vec!["id"]), Value::texts)?;
        let mut sql = format!(
            "alter table {} add {}foreign key ({}) references {} ({})",
            name(from),
            constraint_name(call),
            list(columns),
            name(to),
            list(keys)
        );
        for event in ["on_delete", "on_update"] {
            let Some(action) = call.text_of(event) else { continue };
            let action = match action {
                "nullify" => "set null",
                "default" => "set default",
                "no_action" => "no action",
                other => other,
            };
            sql.push_str(&format!(" {} {action}", event.replace('_', " ")));
        }
        match call.text_of("deferrable") {
            Some("deferred") => sql.push_str(" deferrable initially deferred"),
            Some("immediate") => sql.push_str(" deferrable"),
            _ => {}
        }
        Some(sql + not_valid(call))
    }

    /// The column that a foreign key without one means: that of the other table's singular. The
    /// column that has most of its beginning in common with the table is taken, which needs no
    /// rules of English.
    fn column_for(&self, from: &str, to: &str) -> Option<&str> {
        let to = to.rsplit('.').next().unwrap_or(to);
        let shared = |column: &str| {
            let stem = column.strip_suffix("_id")?;
            let same = stem.bytes().zip(to.bytes()).take_while(|(a, b)| a == b).count();
            // `person_id` of `people` shares two letters.
            (same >= 2 && stem.len() <= to.len() + 2).then_some((same, usize::MAX - stem.len()))
        };
        let columns = self.columns.get(from)?.iter();
        let best = columns.filter_map(|column| Some((shared(column)?, column))).max()?;
        Some(best.1)
    }
}

impl Table {
    /// What ends the list of columns, where it is open.
    fn close(&mut self) -> String {
        if !std::mem::take(&mut self.open) {
            return String::new();
        }
        let key = self.key.take().map_or(String::new(), |key| {
            let comma = if self.empty { "" } else { ", " };
            format!("{comma}{key}")
        });
        format!("{key})")
    }
}

/// `t.index` and `add_index`: the columns stand at `at`.
fn index(table: &str, call: &Call, at: usize) -> Option<String> {
    // By column, or for all columns.
    let of_column = |name: &str, column: &str| match call.named(name) {
        Some(Value::Map(map)) => {
            map.iter().find(|(name, _)| name == column).and_then(|(_, value)| value.text())
        }
        Some(value) => value.text(),
        None => None,
    };
    let keys = match call.positional.get(at)? {
        // An expression, or several, as SQL.
        Value::Text(expression) => expression.clone(),
        columns => {
            let keys = columns.texts()?.into_iter().map(|column| {
                let class = of_column("opclass", column).map_or(String::new(), |c| format!(" {c}"));
                let order = of_column("order", column).map(|order| order.replace('_', " "));
                let order = order.map_or(String::new(), |order| format!(" {order}"));
                format!("{}{class}{order}", quoted(column))
            });
            keys.collect::<Vec<_>>().join(", ")
        }
    };
    let unique = if call.says("unique", "true") { "unique " } else { "" };
    let named = call.text_of("name").map_or(String::new(), quoted);
    let using = call.text_of("using").filter(|using| *using != "btree");
    let using = using.map_or(String::new(), |using| format!(" using {using}"));
    let include = call.named("include").and_then(Value::texts);
    let include = include.map_or(String::new(), |columns| format!(" include ({})", list(columns)));
    let nulls = nulls_not_distinct(call);
    let only = call.text_of("where").map_or(String::new(), |only| format!(" where {only}"));
    let on = name(table);
    Some(format!("create {unique}index {named} on {on}{using} ({keys}){include}{nulls}{only}"))
}

/// What names a constraint, where the call does.
fn constraint_name(call: &Call) -> String {
    let named = call.text_of("name");
    named.map_or(String::new(), |name| format!("constraint {} ", quoted(name)))
}

fn not_valid(call: &Call) -> &'static str {
    if call.says("validate", "false") { " not valid" } else { "" }
}

fn nulls_not_distinct(call: &Call) -> &'static str {
    if call.says("nulls_not_distinct", "true") { " nulls not distinct" } else { "" }
}

/// Names with commas between.
fn list(names: Vec<&str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// `schema.table` or `table`.
fn name(written: &str) -> String {
    written.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

fn quoted(name: &str) -> String {
    Ident::new(name).to_string()
}

#[cfg(test)]
mod tests;
