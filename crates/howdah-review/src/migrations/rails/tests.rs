//! A dump of each kind of line.

use super::*;

const DUMP: &str = r#"# This file is auto-generated
ActiveRecord::Schema[7.1].define(version: 2024_01_31_120000) do
  create_schema "audit"

  # These are extensions that must be enabled
  enable_extension "pg_catalog.plpgsql"
  enable_extension "citext"

  create_enum "state", ["new", "it's"]

  create_table "people", id: :uuid, default: -> { "new_id()" }, comment: "a, b" do |t|
    t.string "name", limit: 50, default: "it's", null: false
    t.citext "email"
    t.integer "rank", limit: 2, default: -1
    t.decimal "amount", precision: 10, scale: 2, default: "0.0", null: false
    t.string "tags", default: ["a\"b"], array: true
    t.jsonb "data", default: {}, null: false
    t.enum "state", default: "new", enum_type: "state"
    t.datetime "created_at", null: false
    t.datetime "seen_at", precision: nil
    t.virtual "lower_name", type: :string, as: "lower((name)::text)", stored: true
    t.index "lower((email)::text), name", name: "people_email", unique: true
    t.index ["name", "rank"], name: "people_name", order: { rank: :desc }, where: "(rank > 0)"
    t.index ["data"], name: "people_data", opclass: :jsonb_path_ops, using: :gin
    t.check_constraint "rank < 10", name: "low", validate: false
  end

  create_table "audit.visits", primary_key: ["person_id", "day"], force: :cascade do |t|
    t.uuid "person_id", null: false
    t.date "day", null: false
  end

  create_table "logs", id: false, force: :cascade do |t|
    t.bigint "n"
  end

  create_view "newest", sql_definition: <<-SQL
    SELECT id
    FROM people
  SQL

  add_foreign_key "audit.visits", "people", on_delete: :nullify, validate: false
end
"#;

#[test]
fn a_dump_is_read_line_for_line() {
    let sql = sql_of(DUMP);
    assert_eq!(sql.lines().count(), DUMP.lines().count());
    let line = |start: &str| {
        let at = DUMP.lines().position(|line| line.trim_start().starts_with(start)).unwrap();
        sql.lines().nth(at).unwrap().to_owned()
    };
    for (ruby, written) in [
        ("create_schema", "create schema \"audit\";"),
        ("enable_extension \"pg", ""),
        ("enable_extension \"citext", "create extension \"citext\";"),
        ("create_enum", "create type \"state\" as enum ('new', 'it''s');"),
        (
            "create_table \"people",
            "create table \"people\" (\"id\" uuid default new_id() primary key",
        ),
        ("t.string \"name", ", \"name\" character varying(50) default 'it''s' not null"),
        ("t.integer", ", \"rank\" smallint default -1"),
        ("t.decimal", ", \"amount\" numeric(10, 2) default '0.0' not null"),
        ("t.jsonb", ", \"data\" jsonb default '{}' not null"),
        ("t.enum", ", \"state\" \"state\" default 'new'"),
        ("t.datetime \"created", ", \"created_at\" timestamp(6) not null"),
        ("t.datetime \"seen", ", \"seen_at\" timestamp"),
        (
            "t.index \"lower",
            "); create unique index \"people_email\" on \"people\" (lower((email)::text), name)",
        ),
        (
            "t.index [\"name\"",
            "; create index \"people_name\" on \"people\" (\"name\", \"rank\" desc) \
             where (rank > 0)",
        ),
        (
            "t.check_constraint",
            "; alter table \"people\" add constraint \"low\" check (rank < 10) not valid",
        ),
        ("create_table \"audit", "create table \"audit\".\"visits\" ("),
        ("t.uuid", "\"person_id\" uuid not null"),
        ("create_view", "create view \"newest\" as"),
        (
            "add_foreign_key",
            "alter table \"audit\".\"visits\" add foreign key (\"person_id\") \
             references \"people\" (\"id\") on delete set null not valid;",
        ),
    ] {
        assert_eq!(line(ruby), written, "{ruby}");
    }
    let tags = ", \"tags\" character varying[] default E'{\"a\\\\\"b\"}'";
    assert_eq!(line("t.string \"tags"), tags);
    assert!(sql.contains(", primary key (\"person_id\", \"day\"));"), "{sql}");
    assert_eq!(not_read(&sql), 0);
}

#[test]
fn what_is_not_understood_is_counted() {
    let text = "create_table \"a\", id: false do |t|\n  t.string \"b\", default: Foo.bar(1, [\n  \
                t.text \"c\"\nend\n";
    let sql = sql_of(text);
    assert_eq!((not_read(&sql), sql.lines().count()), (1, 4), "{sql}");
}

/// Every beginning and every end of it.
#[test]
fn no_text_is_a_panic() {
    for (at, _) in DUMP.char_indices() {
        sql_of(&DUMP[..at]);
        sql_of(&DUMP[at..]);
    }
    sql_of(&format!("create_table {}", "[{".repeat(100_000)));
}
