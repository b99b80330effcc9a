//! Folders of each tool, put in order.

use super::*;

fn ordered(files: &[(&str, &str)]) -> Vec<String> {
    let files = files
        .iter()
        .map(|(path, text)| RawFile { path: (*path).to_owned(), text: (*text).to_owned() });
    order(files.collect()).into_iter().map(|file| file.path).collect()
}

#[test]
fn files_come_in_the_order_of_their_tool() {
    assert_eq!(
        ordered(&[("10_b.sql", ""), ("2_a.sql", ""), ("2_a.down.sql", "")]),
        ["2_a.sql", "10_b.sql"]
    );
    assert_eq!(
        ordered(&[("V10__b.sql", ""), ("V2__a.sql", ""), ("R__v.sql", ""), ("U2__a.sql", "")]),
        ["V2__a.sql", "V10__b.sql", "R__v.sql"]
    );
    assert_eq!(
        ordered(&[("2_b/up.sql", ""), ("1_a/up.sql", ""), ("1_a/down.sql", "")]),
        ["1_a/up.sql", "2_b/up.sql"]
    );
    assert_eq!(ordered(&[("11-b/up.sql", ""), ("4-a/up.sql", "")]), ["4-a/up.sql", "11-b/up.sql"]);
    assert_eq!(
        ordered(&[("10/01_b.up.sql", ""), ("9/02_a.up.sql", ""), ("9/01_a.up.sql", "")]),
        ["9/01_a.up.sql", "9/02_a.up.sql", "10/01_b.up.sql"]
    );
    // diesel compares its versions as text.
    assert_eq!(
        ordered(&[
            ("2020-12-7-190800_c/up.sql", ""),
            ("2020-11-30-190800_b/up.sql", ""),
            ("2019-01-01-000000_a/up.sql", ""),
        ]),
        ["2019-01-01-000000_a/up.sql", "2020-11-30-190800_b/up.sql", "2020-12-7-190800_c/up.sql"]
    );
    let journal = r#"{"entries": [{"idx": 1, "tag": "a"}, {"idx": 0, "tag": "b"}]}"#;
    assert_eq!(
        ordered(&[("a.sql", ""), ("b.sql", ""), ("meta/_journal.json", journal)]),
        ["b.sql", "a.sql"]
    );
}

#[test]
fn what_undoes_is_known_by_its_pair() {
    assert_eq!(
        ordered(&[
            ("1_a.sql", ""),
            ("2_b_up.sql", ""),
            ("2_b_down.sql", ""),
            ("3_slow_down.sql", ""),
            ("4_c.rollback.sql", ""),
            ("4_c.sql", ""),
        ]),
        ["1_a.sql", "2_b_up.sql", "3_slow_down.sql", "4_c.sql"]
    );
    assert_eq!(ordered(&[("up/1_a.sql", ""), ("down/1_a.sql", "")]), ["up/1_a.sql"]);
}

#[test]
fn files_that_are_no_migrations_are_left_out_of_numbered_ones() {
    let mut files: Vec<(String, &str)> = (1..=9).map(|n| (format!("{n}_a.sql"), "")).collect();
    files.push(("schema.sql".to_owned(), "create table a ();"));
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert_eq!(ordered(&files).len(), 9);
    assert_eq!(ordered(&[("v1.10/a.sql", ""), ("v1.9/b.sql", "")]), ["v1.9/b.sql", "v1.10/a.sql"]);
}

#[test]
fn keys_come_before_references_to_them() {
    let files = [
        ("AddReferences.sql", "alter table orders add foreign key (part) references parts (id);"),
        (
            "AddKeys.sql",
            "alter table parts add primary key (id); alter table orders add primary key (part);",
        ),
        ("Tables.sql", "create table parts (id int); create table orders (part int);"),
    ];
    assert_eq!(ordered(&files), ["Tables.sql", "AddKeys.sql", "AddReferences.sql"]);
}

#[test]
fn files_without_an_order_come_as_they_need_each_other() {
    let files = [
        ("constraints.sql", "alter table lines add foreign key (order_id) references orders (id);"),
        ("drop.sql", "drop table orders; drop table lines;"),
        ("functions.sql", "create function one() returns int language sql as 'select 1';"),
        (
            "tables.sql",
            "create table orders (id int primary key); create table lines (order_id int);",
        ),
        ("views.sql", "create view open as select one(), id from orders;"),
    ];
    let order = ["functions.sql", "tables.sql", "constraints.sql", "views.sql"];
    assert_eq!(ordered(&files), order);
}

#[test]
fn a_plan_of_sqitch_is_followed() {
    let plan = "%syntax-version=1.0.0\n\nusers 2026-01-01T00:00:00Z A <a@b> # one\n\
                audit [users] 2026-01-02T00:00:00Z A <a@b> # two\n@v1 2026-01-03T00:00:00Z\n";
    let files = [
        ("sqitch.plan", plan),
        ("deploy/audit.sql", ""),
        ("deploy/users.sql", ""),
        ("revert/users.sql", ""),
        ("verify/users.sql", ""),
    ];
    assert_eq!(ordered(&files), ["deploy/users.sql", "deploy/audit.sql"]);
}

#[test]
fn marks_part_what_is_applied_from_what_undoes_it() {
    for (text, up, down) in [
        ("-- +migrate Up\nup;\n-- +migrate Down\ndown;\n", "up;\n", "down;\n"),
        ("up;\n---- create above / drop below ----\ndown;\n", "up;\n", "down;\n"),
        ("# --- !Ups\nup;\n# --- !Downs\ndown;\n", "up;\n", "down;\n"),
        ("--+goose up\nup;\n", "up;\n", ""),
    ] {
        let file = order(vec![RawFile { path: "1_a.sql".into(), text: text.into() }]).remove(0);
        assert_eq!(&text[file.up.clone()], up);
        assert_eq!(file.down.map_or("", |span| &text[span]), down);
    }
    let text = "-- +migrate Up notransaction\nup;\n";
    let files = order(vec![RawFile { path: "1_a.sql".into(), text: text.into() }]);
    assert!(!files[0].transactional);
}

#[test]
fn what_undoes_is_set_apart_and_places_stay() {
    let text = "-- +goose Up\ncreate table a ();\n-- +goose Down\ndrop table a;\n";
    let files = order(vec![RawFile { path: "1_a.sql".into(), text: text.into() }]);
    assert!(files[0].transactional);
    let statements = statements(&files);
    assert_eq!(statements.len(), 1);
    assert_eq!(&text[statements[0].span.clone()], "create table a ()");
    assert_eq!(statements[0].position.line, 2);
    assert_eq!(files[0].down.clone().map(|down| &text[down]), Some("drop table a;\n"));
}
