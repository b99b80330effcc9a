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
//! Neither are what was quoted, what is a constant, and what stands for a parameter. What is
//! printed is not run, and a type before a template is no call:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (name text primary key);
//! -- file: app/users.go
//! q := fmt.Sprintf("UPDATE %s SET name = %s", pq.QuoteIdentifier(table), pq.QuoteLiteral(name))
//! t.Run(fmt.Sprintf("with input '%s'", name), check)
//! -- file: app/users.py
//! cursor.execute(f"SELECT count(*) FROM users WHERE name = '{Names.ROOT}'")
//! print(f"INSERT INTO users (name) VALUES ('{name}')")
//! -- file: app/users.ts
//! await tx.$queryRaw<{ name: string }[]>`SELECT name FROM users WHERE name = ${name}`;
//! await db.query(`SELECT name FROM users WHERE name = ${nameParam}`, [name]);
//! -- file: app/users.rs
//! let sql = format!("insert into users (name) values ('{}')", ROOT_NAME);
//! -- file: app/migrations/0002_names.ts
//! await db.query(`UPDATE users SET name = '${old.name}'`);
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
use crate::migrations::{file_name, is_version};
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
            if file.is_printed(string) || is_migration(&file.path) {
                continue;
            }
            if holds_value(file, string) || is_glued(file, string, &sql) {
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

/// Whether a file of source is a migration: nobody else chooses what it is given.
fn is_migration(path: &str) -> bool {
    let name = file_name(path);
    is_version(name) && path.to_ascii_lowercase().contains("migrat")
}

/// A template with a value where a constant of SQL would be.
fn holds_value(file: &SourceFile, string: &Text) -> bool {
    let marks: &[&str] = match file.language {
        Language::TypeScript if string.tag.is_empty() => &["'${", "= ${"],
        Language::Python if string.tag.eq_ignore_ascii_case("f") => &["'{", "= {"],
        Language::Rust if file.is_argument_of(string, &["format!"]) => &["'{", "= {"],
        Language::Go if file.is_argument_of(string, &["Sprintf"]) => {
            &["'%s", "= %s", "'%v", "= %v"]
        }
        _ => &[],
    };
    let text = &file.text[string.span.clone()];
    marks.iter().any(|mark| {
        text.match_indices(mark).any(|(at, _)| {
            let inner = text[at + mark.len()..].split('}').next().unwrap_or_default();
            // `{}` and `%s` stand for an argument behind the string.
            if file.language == Language::Go || inner.is_empty() || inner.starts_with(':') {
                arguments(file, string).any(|argument| !is_harmless(argument))
            } else {
                !is_harmless(inner)
            }
        })
    })
}

/// What stands behind the string within the same call, by its commas.
fn arguments<'a>(file: &'a SourceFile, string: &Text) -> impl Iterator<Item = &'a str> {
    let behind = file.code.get(string.span.end + 1..).unwrap_or_default();
    let mut depth = 0_i32;
    let mut end = behind.len();
    for (at, byte) in behind.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            end = at;
            break;
        }
    }
    behind[..end]
        .split(',')
        .map(str::trim)
        .filter(|argument| argument.contains(char::is_alphanumeric))
}

/// Parts of names of what is quoted, is a name of SQL, or stands for a parameter.
const HARMLESS: &[&str] = &[
    "quote",
    "escape",
    "literal",
    "ident",
    "param",
    "placeholder",
    "clause",
    "sql",
    "schema",
    "table",
    "column",
    "sequence",
    "index",
    "idx",
    // Numbers.
    "minutes",
    "seconds",
    "secs",
    "limit",
    "offset",
    "count",
];

/// Whether an expression is a constant, or by its name no value of a user.
fn is_harmless(expression: &str) -> bool {
    let lower = expression.to_ascii_lowercase();
    if HARMLESS.iter().any(|part| lower.contains(part)) {
        return true;
    }
    let last = expression.trim().rsplit(['.', ':']).next().unwrap_or_default();
    let constant = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !last.is_empty() && last.chars().all(constant)
}

/// `"… name = '" + name`: the constant of SQL is open at the end of the string.
fn is_glued(file: &SourceFile, string: &Text, sql: &str) -> bool {
    if file.language == Language::Rust || sql.matches('\'').count().is_multiple_of(2) {
        return false;
    }
    let behind = file.code.get(string.span.end + 1..).unwrap_or_default().trim_start();
    behind.starts_with('+') && !behind[1..].trim_start().starts_with(['"', '\'', '`'])
}
