//! How long tenants keep their events: columns of their table, for all streams and for one.

use howdah_catalog::Catalog;
use howdah_system::System;

use crate::catalog;

fn database() -> Catalog {
    let mut db = catalog::empty();
    let columns = "tenant text!; at timestamp with time zone!; id bigint!";
    catalog::table(&mut db, "calls", columns, &["tenant, at, id"]);
    catalog::table(&mut db, "marks", "at timestamp with time zone!; id bigint!", &["at, id"]);
    catalog::table(&mut db, "tenants", "id text!; keep interval; held boolean", &["id"]);
    db
}

fn read(tenants: &str, calls: &str, marks: &str) -> Result<System, String> {
    let text = format!(
        "[system]\nname = \"t\"\n[tenants]\ncolumn = \"tenant\"\n{tenants}\n\
         [streams.calls]\ntime = \"at\"\nkey = [\"id\"]\n{calls}\n\
         [streams.marks]\ntime = \"at\"\nkey = [\"id\"]\n{marks}\n"
    );
    catalog::read(&text, &database())
}

#[test]
fn a_stream_may_have_a_column_of_its_own() {
    let of_stream = "keep = \"1 year\"\nkeep_by = \"keep\"\nkeep_least = \"90 days\"";
    let system = read("table = \"tenants\"\nhold = \"held\"", of_stream, "").unwrap();
    let keep = &system.tenants.as_ref().unwrap().keep;
    assert!(keep.by.is_none() && keep.is_given());
    let calls = system.streams.iter().find(|stream| stream.name == "calls").unwrap();
    let by = calls.keep_by.as_ref().unwrap();
    assert_eq!((by.column.as_str(), by.most), ("keep", None));
    assert_eq!(by.least.unwrap().days, 90);
}

#[test]
fn what_no_tenant_could_say_is_refused() {
    let table = "table = \"tenants\"";
    for (tenants, calls, marks, told) in [
        ("", "keep_by = \"keep\"", "", "the tenants have no table to say it"),
        (table, "keep_by = \"kept\"", "", "has no column \"kept\""),
        (table, "keep_by = \"held\"", "", "column \"held\" is not of type interval"),
        (table, "keep_least = \"1 day\"", "", "no tenant says how long its events are kept"),
        (table, "", "keep_by = \"keep\"", "the events of \"marks\" belong to no tenant"),
        ("table = \"tenants\"\nhold = \"keep\"", "", "", "column \"keep\" is not of type boolean"),
        ("keep = \"keep\"", "", "", "the tenants have no table to say it"),
    ] {
        let problems = read(tenants, calls, marks).expect_err(told);
        assert!(problems.contains(told), "{problems}");
    }
}
