//! Commands by example, and the promise that reading never fails.

use proptest::prelude::*;

use super::*;

fn alter(text: &str) -> Vec<AlterAction> {
    match read(text) {
        Command::AlterTable(table) => table.actions.into_iter().map(|(action, _)| action).collect(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_table_is_read_with_columns_and_constraints() {
    let sql = "create table if not exists a.\"T\" (id bigint generated always as identity primary \
               key, check_ text, price numeric(38,18) not null default (1 + 2) check (price > 0), \
               at timestamptz default now(), unique (id, at), constraint f foreign key (id) \
               references b (x) on delete cascade) partition by range (at)";
    let Command::CreateTable(table) = read(sql) else { panic!("no table") };
    assert_eq!(table.name.parts, ["a", "T"]);
    assert!(table.if_not_exists && !table.from_query);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "check_", "price", "at"]);
    assert_eq!(table.columns[2].type_name.text, "numeric(38,18)");
    assert_eq!(table.columns[2].default().map(|d| d.text.as_str()), Some("(1 + 2)"));
    assert!(table.columns[0].has(&ColumnConstraint::PrimaryKey));
    assert_eq!(table.constraints.len(), 2);
    assert_eq!(table.constraints[1].name.as_deref(), Some("f"));
    assert_eq!(table.partition_by.map(|part| part.text).as_deref(), Some("range (at)"));
}

#[test]
fn actions_of_alter_table_are_told_apart() {
    let actions = alter(
        "alter table only t add column c int not null default random(), alter d type bigint using \
         d::bigint, add constraint x check (a > 0) not valid, force row level security, drop e",
    );
    assert!(matches!(&actions[0], AlterAction::AddColumn(c) if c.default().is_some()));
    assert!(matches!(&actions[1], AlterAction::ColumnType { type_name, using: Some(_), .. }
        if type_name.text == "bigint"));
    assert!(matches!(&actions[2], AlterAction::AddConstraint(c) if c.not_valid));
    assert_eq!(actions[3], AlterAction::RowSecurity("force"));
    assert_eq!(actions[4], AlterAction::DropColumn("e".into()));
}

#[test]
fn an_index_is_read_in_all_its_parts() {
    let sql = "create unique index concurrently if not exists i on only s.t using gin \
               (lower(a), b desc) include (c) with (fillfactor = 70) where d is null";
    let Command::CreateIndex(index) = read(sql) else { panic!("no index") };
    assert!(index.unique && index.concurrently && index.if_not_exists && index.only);
    assert_eq!(index.method, "gin");
    assert_eq!(
        index.keys.iter().map(|k| k.text.as_str()).collect::<Vec<_>>(),
        ["lower(a)", "b desc"]
    );
    assert_eq!(index.include, ["c"]);
    assert_eq!(index.predicate.map(|p| p.text).as_deref(), Some("d is null"));
}

#[test]
fn what_leaves_the_database_is_seen() {
    for (sql, escape) in [
        ("ALTER SYSTEM SET work_mem = '1GB'", Escape::AlterSystem("work_mem".into())),
        ("create user app password 'x'", Escape::CreateRole("app".into())),
        ("copy t from program 'id'", Escape::Copy(CopyTarget::Program)),
        ("copy (select 1) to '/tmp/x'", Escape::Copy(CopyTarget::File)),
        ("select * from dblink('x', 'y')", Escape::Call("dblink".into())),
        ("load 'x'", Escape::Load),
        ("do language plpython3u 'x'", Escape::Language("plpython3u".into())),
        ("create database x", Escape::Database),
    ] {
        assert_eq!(read(sql), Command::Escape(escape), "{sql}");
    }
    assert!(matches!(read("copy t from stdin"), Command::Copy(_)));
    assert!(matches!(read("create user mapping for x server y"), Command::CreateOther { .. }));
}

#[test]
fn bodies_have_places() {
    let sql = "create function f() returns int language plpgsql security definer \
               set search_path = '' as $x$ begin end $x$";
    let Command::CreateRoutine(routine) = read(sql) else { panic!("no routine") };
    let body = routine.body.expect("a body");
    assert_eq!(&sql[body.span], " begin end ");
    assert!(routine.security_definer);
    assert_eq!(routine.settings, ["search_path"]);
}

#[test]
fn a_body_that_never_ends_is_read_to_the_end() {
    let Command::Do { body, .. } = read("do $a$ begin é🦀") else { panic!("no block") };
    assert_eq!(body.text, " begin é🦀");
}

#[test]
fn what_leaves_the_database_is_seen_in_bodies() {
    let body = "begin if true then create role app; end if; drop table t; alter system reset all; \
                execute 'create role b'; end";
    let expected = [Escape::CreateRole("app".to_owned()), Escape::AlterSystem("all".to_owned())];
    assert_eq!(escapes_within(body), expected);
}

proptest! {
    #[test]
    fn reading_never_fails(text in "\\PC{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn reading_words_never_fails(words in proptest::collection::vec(
        prop_oneof![
            Just("create"), Just("alter"), Just("table"), Just("add"), Just("("), Just(")"),
            Just(","), Just("index"), Just("on"), Just("\"a\""), Just("'b'"), Just("$$c$$"),
            Just("constraint"), Just("check"), Just("default"), Just("."), Just("generated"),
            Just("copy"), Just("grant"), Just("to"), Just("as"), Just("function"), Just("U&\""),
        ], 0..30)) {
        let _ = read(&words.join(" "));
    }
}
