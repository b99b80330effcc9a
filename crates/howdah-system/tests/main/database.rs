//! Every kind of mistake that shows only against the database, once.

use howdah_catalog::{Catalog, Ident, PartitionBound, RelName, RelationKind};
use howdah_system::SystemFile;

use crate::catalog;

/// A small database with something wrong in each table.
fn database() -> Catalog {
    let mut db = catalog::empty();
    catalog::enumeration(&mut db, "side", &["buy", "sell"]);
    catalog::domain(&mut db, "price", "numeric(38,18)", true);
    catalog::domain(&mut db, "instant", "timestamp with time zone", true);
    let at = "at timestamp with time zone!";
    catalog::table(
        &mut db,
        "good",
        &format!(
            "{at}; id bigint!; k text; price price; side side; n integer; raw bytea; ok boolean; \
             twice integer@; j jsonb; u uuid"
        ),
        &["id, at"],
    );
    catalog::table(&mut db, "domains", "at instant; v price", &["at"]);
    catalog::table(&mut db, "days", "day date!; v integer", &[]);
    catalog::table(&mut db, "plain", "ts timestamp without time zone!; v integer", &[]);
    catalog::table(&mut db, "by_id", &format!("id bigint!; {at}"), &["id"]);
    catalog::table(&mut db, "nulls", "at timestamp with time zone; id bigint", &[]);
    catalog::table(&mut db, "owned", &format!("tenant uuid!; {at}; v integer"), &[]);
    catalog::table(&mut db, "z_loose", &format!("tenant text; {at}"), &[]);
    catalog::table(&mut db, "owners", "id uuid!; name text", &["id"]);
    catalog::table(&mut db, "pairs", "a uuid!; b uuid!", &["a, b"]);
    catalog::table(&mut db, "a_view", at, &[]);
    catalog::table(&mut db, "part", at, &[]);
    let view = db.relations.get_mut(&RelName::new("public", "a_view")).unwrap();
    view.kind = RelationKind::View;
    let part = db.relations.get_mut(&RelName::new("public", "part")).unwrap();
    part.partition_of = Some(bound());
    db
}

fn bound() -> PartitionBound {
    PartitionBound {
        parent: RelName::new("public", "whole"),
        bound: howdah_catalog::Bound::Default,
        text: "DEFAULT".into(),
        detach_pending: false,
    }
}

fn told(text: &str) -> String {
    let text = format!("[system]\nname = \"t\"\n{text}");
    let (file, problems) = SystemFile::parse("howdah.toml", &text);
    assert!(problems.is_empty(), "{text}: {problems:?}");
    let draft = file.unwrap().check(&database());
    let answers = catalog::answers(&draft);
    match draft.finish(answers) {
        Ok(_) => String::new(),
        Err(problems) => problems.iter().map(|problem| format!("{problem}\n")).collect(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let told = told(text);
        assert!(told.contains(expected), "{text}\n--- expected: {expected}\n--- told: {told}");
        assert_eq!(told.lines().filter(|line| !line.starts_with("  ")).count(), 1, "{told}");
    }
}

const GOOD: &str = "[streams.good]\ntime = \"at\"\nkey = [\"id\"]\n";

#[test]
fn what_is_right_is_taken() {
    assert_eq!(told(GOOD), "");
    assert_eq!(told("[streams.domains]\ntime = \"at\""), "");
    assert_eq!(told("[streams.x]\ntable = \"public.good\"\ntime = \"at\""), "");
    assert_eq!(told("[streams.days]\ntime = \"day\"\nchunk = \"1 month\""), "");
    let owned = "[tenants]\ncolumn = \"tenant\"\n[streams.owned]\ntime = \"at\"\n";
    // A state of each tenant needs no further key.
    assert_eq!(told(&format!("{owned}[rollups.r]\nfrom = \"owned\"\nn = \"count(*)\"")), "");
}

#[test]
fn tables_and_columns() {
    check(&[
        (
            "[streams.goood]\ntime = \"at\"",
            "3:10: table \"goood\" does not exist\n  Hint: Did you mean \"good\"?",
        ),
        ("[streams.a_view]\ntime = \"at\"", "\"a_view\" is a view, not a table"),
        ("[streams.part]\ntime = \"at\"", "table \"part\" is a partition of \"whole\""),
        (
            "[streams.good]\ntime = \"att\"",
            "table \"good\" has no column \"att\"\n  Hint: Did you mean \"at\"?",
        ),
        ("[streams.good]\ntime = \"id\"", "time column \"id\" is of type bigint"),
        ("[streams.nulls]\ntime = \"at\"", "time column \"at\" must be not null"),
        ("[streams.good]\ntime = \"at\"\nkey = [\"k\"]", "key column \"k\" must be not null"),
        (
            "[streams.good]\ntime = \"at\"\nkey = [\"ID\"]",
            "no column \"ID\"\n  Hint: Did you mean \"id\"?",
        ),
        ("[streams.good]\ntime = \"at\"\norder = [\"x\"]", "no column \"x\""),
        (
            "[streams.good]\ntime = \"at\"\nsegment = { after = \"7 d\", by = [\"x\"] }",
            "no column \"x\"",
        ),
        (
            "[streams.by_id]\ntime = \"at\"\nkey = [\"id\"]",
            "primary key \"by_id_pkey\" of table \"by_id\" does not contain the time column \
             \"at\"\n  Hint: PostgreSQL needs it in every unique constraint of a partitioned \
             table; primary key (id, at) would do.",
        ),
        (
            "[streams.days]\ntime = \"day\"\nchunk = \"1 hour\"",
            "a chunk of 1 hour is narrower than a date",
        ),
        (
            "[streams.good]\ntime = \"at\"\n[streams.b]\ntime = \"at\"\ntable = \"good\"",
            "have the same table",
        ),
    ]);
}

#[test]
fn tenants() {
    check(&[
        (
            "[tenants]\ncolumn = \"tenants\"",
            "no table has the tenant column \"tenants\"\n  Hint: Did you mean \"tenant\"?",
        ),
        ("[tenants]\ncolumn = \"tenant\"\ntable = \"owner\"", "table \"owner\" does not exist"),
        ("[tenants]\ncolumn = \"tenant\"\ntable = \"pairs\"", "has no primary key of one column"),
        (
            "[tenants]\ncolumn = \"tenant\"\n[tables.goodd]\nvisible_to = \"true\"",
            "table \"goodd\" does not exist",
        ),
    ]);
    let loose = "[tenants]\ncolumn = \"tenant\"\n[streams.z_loose]\ntime = \"at\"";
    let told = told(loose);
    assert!(told.contains("\"tenant\" of table \"z_loose\" must be not null"), "{told}");
    assert!(told.contains("is of type text, elsewhere of type uuid"), "{told}");
}

fn check_rollups(cases: &[(&str, &str)]) {
    for (rest, expected) in cases {
        let told = told(&format!("{GOOD}[rollups.r]\n{rest}"));
        assert!(told.contains(expected), "{rest}\n--- expected: {expected}\n--- told: {told}");
    }
}

#[test]
fn measures_and_keys() {
    check_rollups(&[
        (
            "from = \"god\"\nby = [\"k\"]\nn = \"count(*)\"",
            "stream \"god\" is not in the file\n  Hint: Did you mean \"good\"?",
        ),
        (
            "from = \"good\"\nby = [\"kk\"]\nn = \"count(*)\"",
            "stream \"good\" has no column \"kk\"",
        ),
        ("from = \"good\"\nn = \"count(*)\"", "state \"r\" has no key"),
        (
            "from = \"good\"\nby = [\"k\"]\nn = \"sum(k)\"",
            "9:10: sum() needs a number or an interval, not text",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nn = \"max(u)\"",
            "max() needs a type that has min and max, not uuid",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nn = \"sum(nn)\"",
            "9:10: stream \"good\" has no column \"nn\"",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nwhere = \"n\"\nm = \"count(*)\"",
            "where must be a condition, not integer",
        ),
    ]);
}

#[test]
fn columns_of_one_name_and_states() {
    check_rollups(&[
        (
            "from = \"good\"\nby = [\"k\"]\nk = \"count(*)\"",
            "the column \"k\" is both a key column and measure \"k\"",
        ),
        ("from = \"good\"\nevery = \"1 h\"\nbucket = \"count(*)\"", "both the bucket and measure"),
        (
            "from = \"good\"\nby = [\"k\"]\na = \"last(n)\"\na_at = \"max(at)\"",
            "the column \"a_at\" is both measure \"a_at\" and what measure \"a\" keeps",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\na = \"avg(n)\"\na_sum = \"sum(n)\"",
            "the column \"a_sum\"",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\ncheck = \"nn > 0\"\nn = \"count(*)\"",
            "the state has no column \"nn\"\n  Hint: Did you mean \"n\"?",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\n\
             position = { side = \"n\", quantity = \"n\", price = \"price\" }",
            "side needs a text or enum",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\n\
             position = { side = \"side\", quantity = \"k\", price = \"price\" }",
            "quantity needs a number, not text",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nfills = \"count(*)\"\n\
             position = { side = \"side\", quantity = \"n\", price = \"price\" }",
            "the column \"fills\" is both",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nlast_at = \"max(at)\"\n\
             position = { side = \"side\", quantity = \"n\", price = \"price\" }",
            "\"last_at\" is both measure \"last_at\" and what measure \"position\" keeps",
        ),
        (
            "from = \"good\"\nby = [\"k\"]\nn = \"count(*)\"\n\
             [rollups.good]\nfrom = \"good\"\nby = [\"k\"]\nn = \"count(*)\"",
            "the table \"good\" already belongs to stream \"good\"",
        ),
    ]);
}

#[test]
fn widths_and_names_of_rollups() {
    let long = "r".repeat(62);
    let text =
        format!("{GOOD}[rollups.{long}]\nfrom = \"good\"\nevery = \"1 h\"\nn = \"count(*)\"");
    assert!(told(&text).contains("is longer than 63 bytes"));
    check(&[
        (
            "[streams.plain]\ntime = \"ts\"\n\
             [rollups.r]\nfrom = \"plain\"\nevery = \"1 d\"\ntimezone = \"UTC\"\nn = \"count(*)\"",
            "a time zone needs a timestamptz",
        ),
        (
            "[streams.days]\ntime = \"day\"\n\
             [rollups.r]\nfrom = \"days\"\nevery = \"1 h\"\nn = \"count(*)\"",
            "a bucket of 1 hour is narrower than a date",
        ),
    ]);
}

#[test]
fn sources() {
    let with = |map: &str| format!("{GOOD}[sources.s]\nstdin = true\ninto = \"good\"\nmap = {map}");
    for (map, expected) in [
        ("{ nn = \"a\" }", "stream \"good\" has no column \"nn\""),
        ("{ twice = \"a\" }", "column \"twice\" is generated by the database"),
        (
            "{ side = { const = \"bye\" } }",
            "\"bye\" does not fit column \"side\" of type side\n  Hint: The labels are buy, sell.",
        ),
        (
            "{ n = { field = \"a\", values = { x = \"one\" } } }",
            "\"one\" does not fit column \"n\"",
        ),
        ("{ n = { field = \"a\", as = \"epoch ms\" } }", "this way of reading gives a time"),
        ("{ n = { field = \"a\", as = \"hex\" } }", "this way of reading gives bytea"),
    ] {
        let told = told(&with(map));
        assert!(told.contains(expected), "{map}\n--- expected: {expected}\n--- told: {told}");
    }
    assert!(
        told("[sources.s]\nstdin = true\ninto = \"x\"").contains("stream \"x\" is not in the file")
    );
    let http = |name: &str| format!("[sources.{name}]\nhttp = true\ninto = \"good\"\n");
    let listen = "[http]\nlisten = \"127.0.0.1:0\"\n";
    assert_eq!(told(&format!("{GOOD}{listen}{}", http("a"))), "");
    let two = told(&format!("{GOOD}{listen}{}{}", http("a"), http("b")));
    assert!(two.contains("stream \"good\" has another source that is HTTP"), "{two}");
    for right in [
        "{ at = { field = \"a\", as = \"epoch us\" }, raw = { field = \"b\", as = \"base64\" } }",
        "{ ok = { const = \"true\" }, price = { const = \"1.5\" } }",
    ] {
        assert_eq!(told(&with(right)), "", "{right}");
    }
}

#[test]
fn a_check_is_asked_over_the_states_own_row() {
    let mut db = database();
    catalog::table(&mut db, "balances", "k text; total numeric; credit_limit numeric", &["k"]);
    let text = format!(
        "[system]\nname = \"t\"\n{GOOD}[rollups.balances]\nfrom = \"good\"\nby = [\"k\"]\n\
         total = \"sum(n)\"\ncheck = \"total >= -credit_limit\""
    );
    let draft = SystemFile::read_text("x", &text).unwrap().check(&db);
    assert!(draft.problems.is_empty(), "{:?}", draft.problems);
    assert_eq!(
        draft.questions[0].rows,
        "(select null::text as \"k\", null::bigint as \"total\", \
         null::numeric as \"credit_limit\") \"r\""
    );
    let system = draft.finish(vec![Ok("boolean".into())]).unwrap();
    let check = system.rollups[0].check.as_ref().unwrap();
    assert_eq!(check.columns, [Ident::new("total"), Ident::new("credit_limit")]);
    assert_eq!(check.type_name, "boolean");
}
