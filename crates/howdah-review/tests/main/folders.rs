//! Folders of migrations as a whole: causes, suppressions, baselines, reports.

use howdah_review::facts::Run;
use howdah_review::report::{json, sarif, terminal};
use howdah_review::{Level, baseline};

use crate::rig::{names, review, scratch};

/// One cause with two consequences.
const BROKEN: &[(&str, &str)] = &[
    ("1_a.sql", "create table a (id bigint primary key, b nonsense);\ncreate index i on a (id);"),
    ("2_b.sql", "create view v as select * from a;\ncreate table c (id bigint primary key);"),
];

#[tokio::test]
async fn a_cause_is_told_apart_from_what_follows_from_it() {
    let report = review(&scratch().await, BROKEN).await;
    assert_eq!(names(&report), ["does-not-build"]);
    let finding = &report.findings[0];
    assert!(finding.message.contains("nonsense"), "{}", finding.message);
    assert!(finding.detail.as_deref().unwrap().contains("2 later statements"));
    let place = finding.place.as_ref().unwrap();
    assert_eq!((place.position.line, place.position.column), (1, 42));
    let failed = report.facts.statements.iter().filter(|s| matches!(s.run, Run::Failed(_)));
    assert_eq!(failed.count(), 3);
    assert!(report.facts.catalog.unwrap().resolve("c").is_some(), "what can be built is built");
}

/// Rails' dump is read as SQL, and a finding stands where the Ruby does.
#[tokio::test]
async fn a_dump_of_rails_is_reviewed_where_it_stands() {
    let dump = r#"
ActiveRecord::Schema[7.1].define(version: 2026_01_31_120000) do
  create_table "people", force: :cascade do |t|
    t.string "name", null: false
    t.index ["name"], name: "people_name"
    t.index ["name"], name: "people_name_again"
  end
  create_table "visits", force: :cascade do |t|
    t.bigint "person_id", null: false
  end
  add_foreign_key "visits", "people"
end
"#;
    let report = review(&scratch().await, &[("schema.rb", dump)]).await;
    assert!(report.facts.unseen.is_empty(), "{:?}", report.facts.unseen);
    let found: Vec<(&str, Option<usize>)> = report
        .findings
        .iter()
        .map(|it| (it.rule.name, it.place.as_ref().map(|place| place.position.line)))
        .collect();
    assert_eq!(found, [("index-duplicate", Some(6)), ("foreign-key-without-index", Some(8))]);
    // Nobody wants SQL in that file.
    let written = howdah_review::fix::files(&report);
    assert!(written.iter().all(|file| file.path != "schema.rb"), "{written:?}");
}

#[tokio::test]
async fn suppressions_need_a_reason_and_expire() {
    let scratch = scratch().await;
    let with = |comment: &str| {
        format!("create table a (id bigint primary key);\n{comment}\ncreate index i on a (id);")
    };
    let good = with("-- howdah:allow index-duplicate: dropped with release 7, until 2026-07-01");
    let report = review(&scratch, &[("1_a.sql", &good)]).await;
    assert_eq!(names(&report), Vec::<&str>::new());
    assert_eq!(report.suppressed[0].reason, "dropped with release 7");
    for (comment, note) in [
        ("-- howdah:allow index-duplicate", "a suppression needs a reason"),
        ("-- howdah:allow index-duplicate: x, until 2026-05-31", "has expired"),
        ("-- howdah:allow index-double: x", "no rule \"index-double\""),
    ] {
        let report = review(&scratch, &[("1_a.sql", &with(comment))]).await;
        assert_eq!(names(&report), ["index-duplicate"]);
        assert!(report.notes[0].message.contains(note), "{:?}", report.notes);
    }
    let unused = "-- howdah:allow index-duplicate: x\ncreate table a (id bigint primary key);";
    let report = review(&scratch, &[("1_a.sql", unused)]).await;
    assert!(report.notes[0].message.contains("not needed"));
}

#[tokio::test]
async fn fingerprints_survive_moved_lines() {
    let scratch = scratch().await;
    let moved: Vec<(&str, String)> =
        BROKEN.iter().map(|(path, text)| (*path, format!("\n\n-- moved\n{text}"))).collect();
    let moved: Vec<(&str, &str)> =
        moved.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let before = review(&scratch, BROKEN).await;
    let mut after = review(&scratch, &moved).await;
    assert_eq!(baseline::apply(&mut after, &json(&before).unwrap()).unwrap(), 1);
    assert!(after.findings.is_empty());
}

#[tokio::test]
async fn the_same_files_give_the_same_report() {
    let scratch = scratch().await;
    let once = json(&review(&scratch, BROKEN).await).unwrap();
    assert_eq!(once, json(&review(&scratch, BROKEN).await).unwrap());
}

#[tokio::test]
async fn a_password_is_in_no_report() {
    let files = [("1_a.sql", "create user app password 'rosebud';")];
    let report = review(&scratch().await, &files).await;
    assert!(names(&report).contains(&"secret-in-sql"));
    for text in
        [terminal(&report, Level::Info, false), json(&report).unwrap(), sarif(&report).unwrap()]
    {
        assert!(!text.contains("rosebud"), "{text}");
    }
}
