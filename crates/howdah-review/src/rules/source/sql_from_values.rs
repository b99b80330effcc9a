//! A value is written into the text of a statement.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (name text primary key);
//! -- file: app/users.py
//! cursor.execute(f"SELECT * FROM users WHERE name = '{name}'")
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (name text primary key);
//! -- file: app/users.ts
//! await db.query("SELECT * FROM users WHERE name = '" + name + "'");
//! ```
//!
//! A tag or a parameter keeps the value apart, and a constant is no value:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (name text primary key);
//! -- file: app/users.py
//! cursor.execute("SELECT * FROM users WHERE name = %s", (name,))
//! # cursor.execute(f"SELECT * FROM users WHERE name = '{name}'")
//! -- file: app/users.ts
//! await sql`SELECT * FROM users WHERE name = ${name}`;
//! await prisma.$queryRaw`SELECT * FROM users WHERE name = ${name}`;
//! await db.query("SELECT * FROM users " + "WHERE name = $1", [name]);
//! -- file: app/users.rs
//! let sql = format!("select * from {table} where name = $1");
//! ```
//!
//! ## Why
//!
//! Whoever chooses the value chooses the statement. Besides, every value makes another statement to
//! plan and to count.
//!
//! ## Instead
//!
//! A parameter: `$1`, `%s` with a tuple, or a tagged template.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};
use crate::source::{Language, SourceFile, Text};

pub(super) const RULE: Rule = Rule {
    code: "HR1302",
    name: "sql-from-values",
    level: Level::Warning,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("sql_from_values.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in &facts.sources {
        for (string, sql) in file.sql() {
            if holds_value(file, string, &sql) || is_glued(file, string, &sql) {
                let finding = findings.add(
                    file.subject(string.span.start),
                    "a value is written into the text of a statement",
                );
                finding.place = Some(file.place(string.span.clone()));
                finding.hint("Give it as a parameter.");
            }
        }
    }
}

/// A template with a value where a constant of SQL would be.
fn holds_value(file: &SourceFile, string: &Text, sql: &str) -> bool {
    let marks: &[&str] = match file.language {
        Language::TypeScript if string.tag.is_empty() => &["'${", "= ${"],
        Language::Python if string.tag.eq_ignore_ascii_case("f") => &["'{", "= {"],
        Language::Rust if is_call(file, string, "format!") => &["'{", "= {"],
        Language::Go if is_call(file, string, "Sprintf") => &["'%s", "= %s", "'%v", "= %v"],
        _ => &[],
    };
    marks.iter().any(|mark| sql.contains(mark))
}

fn is_call(file: &SourceFile, string: &Text, call: &str) -> bool {
    let before = file.code[..string.span.start - 1].trim_end();
    before.strip_suffix('(').is_some_and(|before| before.ends_with(call))
}

/// `"… name = '" + name`: the constant of SQL is open at the end of the string.
fn is_glued(file: &SourceFile, string: &Text, sql: &str) -> bool {
    if file.language == Language::Rust || sql.matches('\'').count().is_multiple_of(2) {
        return false;
    }
    let behind = file.code.get(string.span.end + 1..).unwrap_or_default().trim_start();
    behind.starts_with('+') && !behind[1..].trim_start().starts_with(['"', '\'', '`'])
}
