//! Derived rollups, computed measures and corrections: what is taken, and what is told of mistakes.

use howdah_catalog::{Catalog, Ident};
use howdah_system::{DerivedKind, Draft, SystemFile};

use crate::catalog;

fn database() -> Catalog {
    let mut db = catalog::empty();
    let at = "at timestamp with time zone!";
    catalog::table(
        &mut db,
        "prices",
        &format!("{at}; id bigint!; term integer!; k text; v numeric!; block bigint!; hash bytea!"),
        &["id, hash, at"],
    );
    catalog::table(
        &mut db,
        "stakes",
        &format!(
            "{at}; id bigint!; term integer!; who text!; n integer; block bigint!; hash bytea!; \
             back bigint; wrong text; never bigint!"
        ),
        &["id, hash, at"],
    );
    catalog::table(&mut db, "loose", &format!("{at}; term integer; term_name text!"), &[]);
    catalog::table(
        &mut db,
        "forks",
        &format!("{at}; id bigint!; fork bigint!; hash bytea!; name text!"),
        &["id, at"],
    );
    catalog::table(&mut db, "owned", &format!("tenant uuid!; {at}; v integer"), &[]);
    db
}

const BASE: &str = r#"[system]
name = "t"
[streams.prices]
time = "at"
key = ["id", "hash"]
[streams.stakes]
time = "at"
key = ["id", "hash"]
[streams.loose]
time = "at"
[streams.forks]
time = "at"
key = ["id"]
[rollups.vaults]
from = "prices"
by = ["term"]
v = "last(v)"
mean = "avg(v)"
n = "count(*)"
twice = "v * 2"
[rollups.held]
from = "stakes"
by = ["who", "term"]
n = "last(n)"
[rollups.hourly]
from = "stakes"
every = "1 hour"
by = ["who"]
n = "sum(n)"
[rollups.nulls]
from = "loose"
by = ["term"]
n = "count(*)"
[rollups.named]
from = "loose"
by = ["term_name"]
n = "count(*)"
term = "last(term)"
"#;

fn draft(text: &str) -> (Vec<String>, Option<Draft>) {
    let (file, problems) = SystemFile::parse("howdah.toml", &format!("{BASE}{text}"));
    let file = file.unwrap_or_else(|| panic!("{text}: {problems:?}"));
    let draft = file.check(&database());
    let told = draft.problems.iter().map(ToString::to_string).collect();
    (told, Some(draft))
}

#[test]
fn a_derived_rollup_becomes_part_of_the_system() {
    let (told, draft) = draft(
        "[rollups.sums]\nof = [\"vaults\", \"held\"]\nby = [\"term\"]\nv = \"sum(vaults.twice)\"\n\
         who = \"count(held) filter (where held.n > 0)\"\nper = \"v / nullif(who, 0)\"\n\
         [rollups.names]\nof = \"held\"\nthrough = \"vaults\"\nby = [\"v\"]\n\
         n = \"sum(held.n * vaults.n)\"\n",
    );
    assert_eq!(told, [""; 0]);
    let draft = draft.unwrap();
    let answers = catalog::answers(&draft);
    // A computed measure is asked for by its own expression.
    let asked = draft.questions.iter().find(|asked| asked.text == "vaults.twice").unwrap();
    assert!(asked.rows.contains("(select (v * 2) from"), "{}", asked.rows);
    let system = draft.finish(answers).unwrap();
    let sums = &system.derived[0];
    let of: Vec<&str> = sums.of.iter().map(|at| system.rollups[*at].name.as_str()).collect();
    assert_eq!(of, ["vaults", "held"]);
    assert!(matches!(sums.measures[1].kind, DerivedKind::Rows));
    let watched = |name: &str| {
        let state = system.rollups.iter().find(|state| state.name == name).unwrap();
        state.watched.clone().map(|watched| watched.columns)
    };
    let names = |of: &[&str]| Some(of.iter().map(|name| Ident::new(*name)).collect::<Vec<_>>());
    assert_eq!(watched("vaults"), names(&["twice", "n", "v"]));
    assert_eq!(watched("held"), names(&["n"]));
    assert_eq!(watched("hourly"), None);
    let held = system.rollups.iter().find(|state| state.name == "held").unwrap();
    let effects = &held.watched.as_ref().unwrap().effects;
    assert_eq!(effects, &["(held.n > 0)", "\"held\".\"n\""]);
    assert!(system.derived[1].by[0].of_lookup);
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let (told, _) = draft(text);
        let told = told.join("\n");
        assert!(told.contains(expected), "{text}\n--- expected: {expected}\n--- told: {told}");
        assert_eq!(told.lines().filter(|line| !line.starts_with("  ")).count(), 1, "{told}");
    }
}

#[test]
fn mistakes_of_derived_rollups_are_told() {
    let one = |of: &str, rest: &str| format!("[rollups.d]\nof = {of}\nby = [\"term\"]\n{rest}\n");
    let cases = [
        (one("[\"vault\"]", "n = \"count(vault)\""), "state \"vault\" is not in the file"),
        (one("[\"hourly\"]", "n = \"count(hourly)\""), "rollup \"hourly\" is not a state"),
        (one("[\"nulls\"]", "n = \"count(nulls)\""), "\"term\" of state \"nulls\" may be null"),
        (one("[]", "n = \"count(x)\""), "\"of\" names no state"),
        (one("\"held\"", "n = \"count(*)\""), "count(*) does not say of which state"),
        (one("\"held\"", "n = \"max(held.n)\""), "max() of states cannot be kept right"),
        (one("\"held\"", "n = \"sum(n)\""), "\"n\" does not say of which state it is"),
        (one("\"held\"", "n = \"sum(held.m)\""), "state \"held\" has no column \"m\""),
        (one("\"held\"", "n = \"sum(vaults.v)\""), "\"vaults\" is none of the states"),
        (one("\"held\"", "n = \"sum(a.held.n)\""), "named with one state before them"),
        (one("\"held\"", "n = \"sum(held.who)\""), "sum() needs a number, not text"),
        (one("\"held\"", "every = \"1 hour\"\nn = \"count(held)\""), "has no \"every\""),
        (one("\"held\"", "from = \"stakes\"\nn = \"count(held)\""), "has no \"from\""),
        (one("\"held\"", "on = { term = \"n\" }\nn = \"count(held)\""), "\"on\" has no effect"),
        (
            one("[\"held\", \"vaults\"]", "n = \"sum(held.n * vaults.v)\""),
            "a measure speaks of one state",
        ),
        (
            one("\"vaults\"", "through = \"named\"\nn = \"count(vaults)\""),
            "state \"vaults\" has no column \"term_name\"",
        ),
        (
            one("\"held\"", "through = \"named\"\non = { term_name = \"n\" }\nn = \"count(held)\""),
            "\"n\" of state \"held\" is of type integer, the key of \"named\" of type text",
        ),
        (
            one("\"held\"", "through = \"named\"\non = { nam = \"who\" }\nn = \"count(held)\""),
            "\"nam\" is no key column of state \"named\"",
        ),
        (
            one("\"held\"", "howdah_rows = \"count(held)\""),
            "\"howdah_rows\" is both the number of rows behind it",
        ),
        ("[rollups.d]\nof = \"held\"\nn = \"count(held)\"\n".into(), "\"d\" has no key"),
        (
            "[rollups.d]\nof = \"held\"\nby = [\"whom\"]\nn = \"count(held)\"\n".into(),
            "state \"held\" has no column \"whom\"",
        ),
        (
            "[rollups.held_too]\nof = \"held\"\nby = [\"who\"]\nn = \"count(held)\"\n\
             [rollups.d]\nof = \"held_too\"\nby = [\"who\"]\nn = \"count(held_too)\"\n"
                .into(),
            "\"held_too\" is a derived rollup",
        ),
    ];
    let cases: Vec<(&str, &str)> =
        cases.iter().map(|(text, told)| (text.as_str(), *told)).collect();
    check(&cases);
}

#[test]
fn mistakes_of_computed_measures_are_told() {
    check(&[
        (
            "[rollups.d]\nfrom = \"prices\"\nby = [\"term\"]\na = \"sum(v)\"\nb = \"a / c\"\n",
            "the rollup stores no column \"c\"",
        ),
        (
            "[rollups.d]\nfrom = \"prices\"\nby = [\"term\"]\na = \"avg(v)\"\nb = \"a * 2\"\n",
            "the rollup stores no column \"a\"",
        ),
        (
            "[rollups.d]\nfrom = \"prices\"\nby = [\"term\"]\na = \"sum(v)\"\nb = \"a * 2\"\n\
          c = \"b + 1\"\n",
            "\"b\" is itself computed",
        ),
        (
            "[rollups.d]\nfrom = \"prices\"\nby = [\"term\"]\na = \"sum(v)\"\nb = \"median(v)\"\n",
            "median() cannot be folded",
        ),
        (
            "[rollups.d]\nof = \"held\"\nby = [\"who\"]\na = \"count(held)\"\nb = \"a + n\"\n",
            "the rollup stores no column \"n\"",
        ),
    ]);
}

#[test]
fn mistakes_of_corrections_are_told() {
    let with = |what: &str| {
        BASE.replace(
            "[streams.stakes]\ntime = \"at\"\n",
            &format!("[streams.stakes]\ntime = \"at\"\n{what}\n"),
        )
    };
    for (what, expected) in [
        ("reverses = { id = \"bak\" }", "the stream has no column \"bak\""),
        ("reverses = { term = \"back\" }", "\"term\" is no key column of the stream"),
        ("reverses = { id = \"wrong\" }", "is of type text, the key column \"id\" of type bigint"),
        ("reverses = { id = \"never\" }", "\"never\" is never null"),
        ("conflict = \"merge\"", "\"merge\" is no way to meet a conflict"),
    ] {
        let (file, mut problems) = SystemFile::parse("howdah.toml", &with(what));
        if let Some(file) = file {
            problems = file.check(&database()).problems;
        }
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(expected), "{what}: {told:?}");
    }
    let one = |rest: &str| format!("[reorganisations.c]\n{rest}\n");
    let all = "streams = [\"prices\", \"stakes\"]\nblock = \"block\"\nhash = \"hash\"";
    let cases = [
        (one("streams = [\"prices\"]\nhash = \"hash\""), "has no \"block\""),
        (one(&all.replace("stakes", "stake")), "stream \"stake\" is not in the file"),
        (one(&all.replace("block\"\nhash", "blok\"\nhash")), "has no column \"blok\""),
        (one(&all.replace("\"hash\"", "\"term\"")), "\"term\" is not in the key of stream"),
        (one(&format!("{all}\nscope = [\"k\"]")), "\"k\" of stream \"prices\" must be not null"),
        (one(&format!("{all}\nonce = [\"v\"]")), "stream \"stakes\" has no column \"v\""),
        (one(&format!("{all}\ndepth = 0")), "\"depth\" must be from 1"),
        (
            one(&format!("{all}\nmarker = {{ stream = \"forks\", fork = \"name\" }}")),
            "\"name\" of the marker is of type text, elsewhere of type bigint",
        ),
        (one(all) + &one(all).replace(".c]", ".e]"), "is in reorganisation \"c\""),
        (
            one("streams = [\"forks\"]\nblock = \"hash\"\nhash = \"id\""),
            "\"hash\" is of type bytea",
        ),
    ];
    for (text, expected) in &cases {
        let (told, _) = draft(text);
        assert!(told.iter().any(|told| told.contains(expected)), "{text}\n{expected}\n{told:?}");
    }
}
