//! SQL of other databases, told by where a file lies and by what it says.

use std::collections::HashSet;

/// Words in paths, and the database that each stands for.
const OTHERS: &[(&str, &str)] = &[
    ("mysql", "MySQL"),
    ("mariadb", "MariaDB"),
    ("sqlite", "SQLite"),
    ("sqlite3", "SQLite"),
    ("mssql", "SQL Server"),
    ("sqlserver", "SQL Server"),
    ("tsql", "SQL Server"),
    ("oracle", "Oracle"),
    ("db2", "Db2"),
    ("h2", "H2"),
    ("hsql", "HSQLDB"),
    ("hsqldb", "HSQLDB"),
    ("derby", "Derby"),
    ("clickhouse", "ClickHouse"),
    ("cassandra", "Cassandra"),
    ("scylla", "Scylla"),
    ("cockroach", "CockroachDB"),
    ("cockroachdb", "CockroachDB"),
    ("crdb", "CockroachDB"),
    ("tidb", "TiDB"),
    ("spanner", "Spanner"),
    ("bigquery", "BigQuery"),
    ("snowflake", "Snowflake"),
    ("duckdb", "DuckDB"),
    ("redshift", "Redshift"),
    ("firebird", "Firebird"),
    ("ydb", "YDB"),
];
/// Words that stand for PostgreSQL.
const POSTGRES: &[&str] = &["postgres", "postgresql", "pg", "pgsql", "psql", "pgx"];
/// What files are called that make a whole schema, with the database behind it: `schema-mysql.sql`.
const WHOLE: &[&str] = &["schema", "init", "create", "tables", "setup", "structure", "database"];

/// Signs that no SQL of PostgreSQL has, in lower case.
const SIGNS: &[(&str, &str)] = &[
    ("engine=innodb", "MySQL"),
    ("engine = innodb", "MySQL"),
    ("auto_increment", "MySQL"),
    ("default charset", "MySQL"),
    ("unsigned not null", "MySQL"),
    ("autoincrement", "SQLite"),
    ("pragma foreign_keys", "SQLite"),
    ("without rowid", "SQLite"),
    ("mergetree", "ClickHouse"),
    ("[dbo].", "SQL Server"),
    ("nvarchar", "SQL Server"),
    ("varchar2(", "Oracle"),
];

/// The other database that a file is for, by its path.
pub(super) fn of_path(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    folders.split('/').find_map(of_folder).or_else(|| of_name(name))
}

/// A folder is called by the database alone, with a version, or with something before or behind it:
/// `mysql`, `mysql8`, `riversqlite`, `MySqlMigrations`. What begins with a digit is a migration.
fn of_folder(name: &str) -> Option<&'static str> {
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | '-'));
    let is = |word: &&(&str, &str)| {
        let within = word.0.len() > 4 && (bare.ends_with(word.0) || bare.starts_with(word.0));
        name == word.0 || bare == word.0 || within && bare != "oracles"
    };
    OTHERS.iter().find(is).map(|(_, database)| *database)
}

/// A file has the database as a part between dots, or behind a word for a whole schema.
fn of_name(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let whole = WHOLE.iter().find_map(|word| stem.strip_prefix(word)?.strip_prefix(['-', '_']));
    let parts = stem.split('.').chain(whole);
    let known = |part: &str| OTHERS.iter().find(|(word, _)| *word == part);
    parts.into_iter().find_map(known).map(|(_, database)| *database)
}

/// Whether a folder or a part of a name says PostgreSQL.
pub(super) fn is_postgres(name: &str) -> bool {
    POSTGRES.contains(&name.to_ascii_lowercase().as_str())
}

/// Where a file has a form for PostgreSQL alone, `1_a.postgres.up.sql`, the form for all others,
/// `1_a.up.sql`, is left out. Whether it is run in a transaction, `1_a.autocommit.up.sql`, makes no
/// other file of it.
pub(super) fn prefer_postgres(files: &mut Vec<String>) {
    // The name without these words, and whether PostgreSQL was among them.
    let general = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let of_postgres = name.split('.').any(is_postgres);
        let parts = name.split('.').filter(|part| !is_postgres(part) && *part != "autocommit");
        (format!("{folder}/{}", parts.collect::<Vec<_>>().join(".")), of_postgres)
    };
    let special: HashSet<String> = files
        .iter()
        .map(|path| general(path))
        .filter_map(|(name, of_postgres)| of_postgres.then_some(name))
        .collect();
    files.retain(|path| {
        let (name, of_postgres) = general(path);
        of_postgres || !special.contains(&name)
    });
}

/// The other database that most of these texts are for, by what they say; a fifth is enough where
/// none says PostgreSQL.
pub(super) fn of_texts<'a>(texts: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let (mut all, mut counts) = (0_usize, Vec::<(&'static str, usize)>::new());
    let (mut blobs, mut ours) = (false, false);
    for text in texts.filter(|text| !text.trim().is_empty()) {
        all += 1;
        let lower = text.to_ascii_lowercase();
        blobs = blobs || lower.contains("blob") && has_blob_column(&lower);
        ours = ours || OURS.iter().any(|sign| lower.contains(sign));
        let Some(database) = of_text(text, &lower) else { continue };
        match counts.iter_mut().find(|(name, _)| *name == database) {
            Some((_, count)) => *count += 1,
            None => counts.push((database, 1)),
        }
    }
    let foreign: usize = counts.iter().map(|(_, count)| count).sum();
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    match most {
        // A word in a comment is not enough.
        Some((database, _)) => {
            (foreign * 2 > all || !ours && foreign * 5 > all).then_some(database)
        }
        // A program may put another type in its place before it runs the files.
        None => (blobs && !ours).then_some(BLOBS),
    }
}

fn of_text(text: &str, lower: &str) -> Option<&'static str> {
    if let Some((_, database)) = SIGNS.iter().find(|(sign, _)| lower.contains(sign)) {
        return Some(database);
    }
    // Batches of SQL Server end with a line of their own.
    if lower.contains("go") && lower.lines().any(|line| line.trim() == "go") {
        return Some("SQL Server");
    }
    // Most files need not be split for this.
    let quoted = text.contains('`')
        && howdah_sql::split(text).0.iter().any(|statement| {
            let words = statement.leading_words();
            words.first().is_some_and(|word| matches!(word.as_str(), "create" | "alter" | "drop"))
                && statement.first_line().contains('`')
        });
    quoted.then_some("MySQL")
}

/// The databases that have a type `blob`.
const BLOBS: &str = "SQLite or MySQL";
/// Signs of PostgreSQL, in lower case.
const OURS: &[&str] = &[
    "bytea",
    "bigserial",
    "serial primary",
    "serial not null",
    "timestamptz",
    "::",
    "$$",
    "plpgsql",
];
/// What may stand behind a column's type.
const BEHIND_TYPE: &[&str] = &["not", "null", "default", "primary", "unique", "check", ",", ")"];

/// Whether a column has the type `blob`, which PostgreSQL calls bytea.
fn has_blob_column(lower: &str) -> bool {
    let words: Vec<&str> = lower.split_whitespace().chain([""]).collect();
    let is_name = |word: &str| word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '"'));
    lower.contains("create table")
        && words.windows(3).any(|window| {
            let ends = matches!(window[1], "blob," | "blob)" | "blob);")
                || window[1] == "blob" && BEHIND_TYPE.contains(&window[2]);
            ends && is_name(window[0]) && !matches!(window[0], "select" | "distinct" | "references")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_tells_the_database() {
        for (path, database) in [
            ("migrations/mysql/1_a.sql", Some("MySQL")),
            ("schema/mysql_v8/a.sql", Some("MySQL")),
            ("util/MySqlMigrations/a.sql", Some("MySQL")),
            ("riversqlite/migration/1_a.sql", Some("SQLite")),
            ("sql/20190101_a.cockroach.up.sql", Some("CockroachDB")),
            ("schema-sqlite.sql", Some("SQLite")),
            ("app.oracle.create.engine.sql", Some("Oracle")),
            ("migrations/20200101_add_mysql_support.sql", None),
            ("migrations/0042_oracle_prices/up.sql", None),
            ("postgres/a.sql", None),
            ("oracles/a.sql", None),
        ] {
            assert_eq!(of_path(path), database, "{path}");
        }
    }

    #[test]
    fn the_form_for_postgres_is_preferred() {
        let mut files: Vec<String> =
            ["m/1_a.up.sql", "m/1_a.postgres.up.sql", "m/2_b.up.sql"].map(str::to_owned).into();
        prefer_postgres(&mut files);
        assert_eq!(files, ["m/1_a.postgres.up.sql", "m/2_b.up.sql"]);
        let mut files: Vec<String> =
            ["1_a.autocommit.up.sql", "1_a.postgres.up.sql", "postgres.sql"]
                .map(str::to_owned)
                .into();
        prefer_postgres(&mut files);
        assert_eq!(files, ["1_a.postgres.up.sql", "postgres.sql"]);
    }

    #[test]
    fn the_text_tells_the_database() {
        let mysql = "create table `a` (id int auto_increment primary key) engine=InnoDB;";
        let plain = "create table a (id bigint primary key);";
        assert_eq!(of_texts([mysql, mysql, plain].into_iter()), Some("MySQL"));
        assert_eq!(of_texts([mysql, plain, plain].into_iter()), Some("MySQL"));
        let ours = "create table a (id bigserial primary key);";
        assert_eq!(of_texts([mysql, ours, plain].into_iter()), None);
        assert_eq!(of_texts(["create table `a` (b int)"].into_iter()), Some("MySQL"));
        assert_eq!(of_texts(["select '`a`'", plain].into_iter()), None);
        let blob = "create table a (id blob not null, data blob);";
        assert_eq!(of_texts([blob].into_iter()), Some("SQLite or MySQL"));
        let column = "create table a (id int, blob text); create index on a (id, blob);";
        assert_eq!(of_texts([column].into_iter()), None);
    }
}
