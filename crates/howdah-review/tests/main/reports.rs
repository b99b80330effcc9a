//! Reports for programs and for people, fixes as files, and what `howdah.toml` allows.

use howdah_review::fix;
use howdah_review::migrations::RawFile;
use howdah_review::report::{github, gitlab, html, json, junit, markdown, sarif};
use howdah_review::suppress::allowed;
use howdah_review::{Level, Options, Report};
use serde_json::Value;

use crate::rig::{TODAY, names, review, scratch};

const FILES: &[(&str, &str)] = &[(
    "0001_a.sql",
    "create table a (id bigint primary key, b nonsense, \"<script>\" text);\n\
     create table c (id bigint primary key, at timestamp);\ncreate index c_id on c (id);\n\
     create index c_at on c (at);\n-- howdah:allow index-duplicate: shown, \"why\" & <how>\n\
     create index c_at_2 on c (at);",
)];

async fn report() -> Report {
    review(&scratch().await, FILES).await
}

#[tokio::test]
async fn the_score_can_be_computed_from_the_printed_json_alone() {
    let document: Value = serde_json::from_str(&json(&report().await).unwrap()).unwrap();
    let checks = document["score"]["checks"].as_array().unwrap();
    let (mut passed, mut known, mut all) = (0, 0, 0);
    for check in checks {
        let weight = check["weight"].as_u64().unwrap();
        all += weight;
        let code = &check["code"];
        let found: Vec<&Value> = document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["code"] == *code)
            .collect();
        match check["outcome"].as_str().unwrap() {
            "passed" => {
                assert!(found.is_empty(), "{code} passed with findings");
                (passed, known) = (passed + weight, known + weight);
            }
            "failed" => {
                assert!(found.iter().any(|f| f["proof"] == "proved"), "{code} failed unproved");
                known += weight;
            }
            "unknown" => assert!(found.iter().all(|f| f["proof"] != "proved"), "{code} unknown"),
            other => panic!("{other}"),
        }
    }
    let score = &document["score"];
    assert_eq!(score["all_weight"], all);
    assert_eq!(score["known_weight"], known);
    assert_eq!(score["passed_weight"], passed);
    let tenths = passed * 1000 / known;
    assert_eq!(score["score"].to_string(), format!("{}.{}", tenths / 10, tenths % 10));
    assert!(passed < known, "something failed");
}

#[tokio::test]
async fn sarif_has_the_structure_that_its_schema_asks_for() {
    let report = report().await;
    let document: Value = serde_json::from_str(&sarif(&report).unwrap()).unwrap();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let driver = &run["tool"]["driver"];
    assert!(driver["name"].is_string());
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = driver["rules"].as_array().unwrap();
    let levels = ["none", "note", "warning", "error"];
    for rule in rules {
        assert!(rule["id"].is_string() && rule["help"]["text"].is_string(), "{rule}");
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(levels.contains(&level), "{level}");
    }
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len() + report.suppressed.len());
    for result in results {
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert!(levels.contains(&result["level"].as_str().unwrap()));
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        for location in result["locations"].as_array().into_iter().flatten() {
            let physical = &location["physicalLocation"];
            assert!(physical["artifactLocation"]["uri"].is_string());
            let region = &physical["region"];
            for key in ["startLine", "startColumn"] {
                assert!(region[key].as_u64().unwrap() >= 1, "{region}");
            }
            assert!(region["byteOffset"].is_u64() && region["byteLength"].is_u64());
        }
        for suppression in result["suppressions"].as_array().into_iter().flatten() {
            assert!(["inSource", "external"].contains(&suppression["kind"].as_str().unwrap()));
        }
    }
    assert_eq!(results.iter().filter(|r| r["suppressions"].is_array()).count(), 1);
}

#[tokio::test]
async fn annotations_have_a_line_a_finding() {
    let report = report().await;
    let text = github(&report);
    assert_eq!(text.lines().count(), report.findings.len());
    for line in text.lines() {
        let (head, message) = line[2..].split_once("::").unwrap();
        assert!(!message.is_empty() && head.contains("file=0001_a.sql,line="), "{line}");
    }
    let issues: Value = serde_json::from_str(&gitlab(&report).unwrap()).unwrap();
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), report.findings.len());
    let mut prints: Vec<&str> =
        issues.iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), issues.len(), "fingerprints are unique");
    for issue in issues {
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        let severity = issue["severity"].as_str().unwrap();
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
    }
}

#[tokio::test]
async fn pages_hold_every_finding_and_no_markup_of_others() {
    let report = report().await;
    let (page, tests, text) = (html(&report), junit(&report), markdown(&report, Level::Info));
    for finding in &report.findings {
        assert!(page.contains(finding.rule.code) && text.contains(finding.rule.code));
    }
    assert!(!page.contains("<script>") && page.contains("&amp; &lt;how&gt;"), "{page}");
    assert!(!page.contains("http"), "the page loads nothing");
    assert_eq!(page.matches("<article").count(), report.told().len());
    for tag in ["article", "svg", "figure", "details", "pre", "table", "tr"] {
        let (opened, closed) = (format!("<{tag}"), format!("</{tag}>"));
        assert_eq!(
            page.matches(&format!("{opened}>")).count()
                + page.matches(&format!("{opened} ")).count(),
            page.matches(&closed).count(),
            "{tag}"
        );
    }
    assert!(tests.starts_with("<?xml") && tests.trim_end().ends_with("</testsuites>"));
    assert_eq!(tests.matches("<testsuite ").count(), tests.matches("</testsuite>").count());
    assert_eq!(tests.matches("<failure").count(), tests.matches("</failure>").count());
    assert!(tests.contains("nonsense"), "{tests}");
}

#[tokio::test]
async fn what_has_one_cause_is_told_once_with_every_place() {
    let files = [
        ("0001_a.sql", "create table a (id bigint primary key, at timestamp, till timestamp);"),
        ("0002_b.sql", "create table b (id bigint primary key, at timestamp, c nonsense);"),
        ("0003_c.sql", "create table c (id bigint primary key, at timestamp, d rubbish);"),
        (
            "0004_d.sql",
            "create table d (id bigint primary key, at timestamp); create index d1 on d (id);",
        ),
        (
            "0005_e.sql",
            "create table e (id bigint primary key, n bigint unique); \
             create index e1 on e (id); create index e2 on e (n);",
        ),
    ];
    let report = review(&scratch().await, &files).await;
    let told = report.told();
    let of = |rule: &str| {
        let mut places: Vec<usize> = told
            .iter()
            .filter(|told| told.first().rule.name == rule)
            .map(|told| told.findings.len())
            .collect();
        places.sort_unstable();
        places
    };
    // A type is a convention of the project, another habit one of a file; what does not build is
    // a mistake each time.
    assert_eq!(of("timestamp-without-time-zone"), [3]);
    assert_eq!(of("index-duplicate"), [1, 2]);
    assert_eq!(of("does-not-build"), [1, 1]);
    let all: usize = told.iter().map(|told| told.findings.len()).sum();
    assert_eq!(all, report.findings.len());

    let text = howdah_review::report::terminal(&report, Level::Info, false);
    let page = html(&report);
    for finding in &report.findings {
        assert!(text.contains(&finding.message), "{}\n{text}", finding.message);
        let fix = finding.fix_text().unwrap_or_default();
        assert!(fix.lines().all(|line| text.contains(line)), "{fix}\n{text}");
        assert!(page.contains(&finding.message.replace('"', "&quot;")), "{}", finding.message);
    }
    let document: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let found = document["findings"].as_array().unwrap();
    assert_eq!(found.len(), report.findings.len());
    let causes: std::collections::BTreeSet<&str> =
        found.iter().map(|finding| finding["cause"].as_str().unwrap()).collect();
    assert_eq!(causes.len(), told.len());
}

#[tokio::test]
async fn fixes_are_written_as_migrations_that_mend() {
    let scratch = scratch().await;
    let files = [
        ("0001_a.sql", "create table c (id bigint primary key, n int);"),
        ("0002_b.sql", "create index c_id on c (id);"),
    ];
    for (up, place) in [(".sql", "0003_review_fixes.sql"), (".up.sql", "0003_review_fixes.up.sql")]
    {
        let mut all: Vec<RawFile> = files
            .iter()
            .map(|(path, text)| RawFile {
                path: path.replace(".sql", up),
                text: (*text).to_owned(),
            })
            .collect();
        let run = |files: Vec<RawFile>| {
            let options = crate::rig::options();
            let scratch = &scratch;
            async move { howdah_review::review_folder_on(scratch, files, &options).await.unwrap() }
        };
        let report = run(all.clone()).await;
        assert!(names(&report).contains(&"index-duplicate"), "{:?}", names(&report));
        let written = fix::files(&report);
        assert!(written.iter().any(|file| file.path == place), "{written:?}");
        for file in written {
            all.retain(|known| known.path != file.path);
            all.push(file);
        }
        let after = run(all).await;
        for rule in ["index-duplicate", "does-not-build", "create-index-not-concurrently"] {
            assert!(!names(&after).contains(&rule), "{rule} in {:?}", names(&after));
        }
    }
}

/// A file with an index among other statements keeps its transaction; each index stands right
/// behind it, before the file that drops one again.
#[tokio::test]
async fn what_needs_no_transaction_leaves_the_others_together() {
    let scratch = scratch().await;
    let options = crate::rig::options();
    let texts = [
        "create table c (id bigint primary key, n int, m int);",
        "alter table c add column k int;\ncreate index c_n on c (n);\ncreate index c_m on c (m);\n\
         comment on column c.k is 'new';\n",
        "drop index c_m;",
    ];
    for (names_of_files, behind) in [
        (
            ["20240101000001_a.sql", "20240101000005_b.sql", "20240101000009_c.sql"],
            ["20240101000006_alone_b.sql", "20240101000007_alone_b.sql"],
        ),
        (
            [
                "2024-01-01-000001_a/up.sql",
                "2024-01-01-000005_b/up.sql",
                "2024-01-01-000009_c/up.sql",
            ],
            ["20240101000006_alone_b/up.sql", "20240101000007_alone_b/up.sql"],
        ),
        (["V1__a.sql", "V2__b.sql", "V3__c.sql"], ["V2.1__alone_b.sql", "V2.2__alone_b.sql"]),
        (
            ["20240101_a/migration.sql", "20240102_b/migration.sql", "20240103_c/migration.sql"],
            ["20240102_b_alone_1/migration.sql", "20240102_b_alone_2/migration.sql"],
        ),
        // No number is free between two and three.
        (["0001_a.sql", "0002_b.sql", "0003_c.sql"], ["", ""]),
    ] {
        let mut all: Vec<RawFile> = names_of_files
            .iter()
            .zip(texts)
            .map(|(path, text)| RawFile { path: (*path).to_owned(), text: text.to_owned() })
            .collect();
        let report =
            howdah_review::review_folder_on(&scratch, all.clone(), &options).await.unwrap();
        let rule = "create-index-not-concurrently";
        let fixed = report.findings.iter().filter(|it| it.rule.name == rule && it.fix.is_some());
        let why: Vec<_> = report.withdrawn.iter().map(|one| (&one.fix, &one.reason)).collect();
        assert_eq!(fixed.count(), 2, "{names_of_files:?}: {why:?}");
        let written = fix::files(&report);
        let changed = written.iter().find(|file| file.path == names_of_files[1]);
        if behind[0].is_empty() {
            assert!(changed.is_none(), "{written:?}");
            continue;
        }
        let changed = changed.unwrap_or_else(|| panic!("{written:?}"));
        let left = "alter table c add column k int;\n\n\ncomment on column c.k is 'new';\n";
        assert_eq!(changed.text, left);
        for (path, column) in behind.iter().zip(["n", "m"]) {
            let file = written.iter().find(|file| file.path == *path);
            let text = &file.unwrap_or_else(|| panic!("{path}: {written:?}")).text;
            let index = format!("create index concurrently c_{column} on c ({column});");
            assert!(text.contains(&index), "{text}");
        }
        for file in written {
            all.retain(|known| known.path != file.path);
            all.push(file);
        }
        let after = howdah_review::review_folder_on(&scratch, all, &options).await.unwrap();
        let found = names(&after);
        assert!(!found.contains(&"does-not-build") && !found.contains(&rule), "{found:?}");
    }
}

#[tokio::test]
async fn diesel_is_told_beside_its_files_what_is_in_no_transaction() {
    let raw = |path: &str, text: &str| RawFile { path: path.to_owned(), text: text.to_owned() };
    let mut all = vec![
        raw("2024-01-01-000001_a/up.sql", "create table c (id bigint primary key, n int, m int);"),
        raw("2024-01-01-000002_b/up.sql", "create index c_n on c (n);"),
        raw("2024-01-01-000003_c/up.sql", "create index c_id on c (id);"),
    ];
    let scratch = scratch().await;
    let options = crate::rig::options();
    let report = howdah_review::review_folder_on(&scratch, all.clone(), &options).await.unwrap();
    let written = fix::files(&report);
    let text = |path: &str| written.iter().find(|it| it.path == path).map(|it| it.text.as_str());
    // A better statement in an old file, and a new one behind the last.
    for folder in ["2024-01-01-000002_b", "20240101000004_review_fixes"] {
        let up = text(&format!("{folder}/up.sql")).unwrap_or_else(|| panic!("{written:?}"));
        assert!(up.contains("concurrently"), "{up}");
        let beside = text(&format!("{folder}/metadata.toml"));
        assert_eq!(beside, Some("run_in_transaction = false\n"), "{written:?}");
    }
    for file in written {
        all.retain(|known| known.path != file.path);
        all.push(file);
    }
    let after = howdah_review::review_folder_on(&scratch, all, &options).await.unwrap();
    for rule in ["index-duplicate", "does-not-build", "create-index-not-concurrently"] {
        assert!(!names(&after).contains(&rule), "{rule} in {:?}", names(&after));
    }
}

#[tokio::test]
async fn the_journal_of_drizzle_names_what_was_added() {
    let journal = r#"{"version": "7", "dialect": "postgresql", "entries": [
        {"idx": 0, "version": "7", "when": 1000, "tag": "0000_a", "breakpoints": true}]}"#;
    let raw = |path: &str, text: &str| RawFile { path: path.to_owned(), text: text.to_owned() };
    let mut all = vec![
        raw("meta/_journal.json", journal),
        raw(
            "0000_a.sql",
            "create table audit_log (id bigint primary key, what jsonb);\n\
             --> statement-breakpoint\ncreate index again on audit_log (id);",
        ),
    ];
    let scratch = scratch().await;
    let options = crate::rig::options();
    let report = howdah_review::review_folder_on(&scratch, all.clone(), &options).await.unwrap();
    let written = fix::files(&report);
    let new: Vec<&RawFile> = written.iter().filter(|f| !f.path.contains("journal")).collect();
    let [new] = new[..] else { panic!("{written:?}") };
    assert_eq!(new.path, "0001_review_fixes.sql");
    assert!(!new.text.contains("concurrently"), "{}", new.text);
    let journal = written.iter().find(|file| file.path == "meta/_journal.json").unwrap();
    let document: Value = serde_json::from_str(&journal.text).unwrap();
    let entries = document["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["tag"], "0001_review_fixes");
    assert_eq!((&entries[1]["idx"], &entries[1]["when"]), (&1.into(), &2000.into()));
    assert_eq!(entries[1]["version"], "7");
    // They are applied by the journal, and mend what they are for.
    for file in &written {
        all.retain(|known| known.path != file.path);
        all.push(file.clone());
    }
    let after = howdah_review::review_folder_on(&scratch, all, &options).await.unwrap();
    assert_eq!(after.facts.files.len(), 2);
    assert!(!names(&after).contains(&"does-not-build"), "{:?}", names(&after));
    assert!(!names(&after).contains(&"audit-table-mutable"), "{:?}", names(&after));
}

#[tokio::test]
async fn howdah_toml_allows_with_a_reason() {
    let text = |more: &str| {
        format!("name = \"x\"\n[[review.allow]]\nrule = \"index-duplicate\"\n{more}\n")
    };
    let scratch = scratch().await;
    let files = [("1_a.sql", "create table a (id bigint primary key);\ncreate index i on a (id);")];
    let run = async |more: &str| {
        let raw =
            files.map(|(path, text)| RawFile { path: path.to_owned(), text: text.to_owned() });
        let options = Options {
            today: TODAY.to_owned(),
            allow: allowed(&text(more)).unwrap(),
            ..Options::default()
        };
        howdah_review::review_folder_on(&scratch, raw.to_vec(), &options).await.unwrap()
    };
    let report = run("reason = \"dropped later\"").await;
    assert_eq!(names(&report), Vec::<&str>::new());
    assert_eq!(report.suppressed[0].reason, "dropped later");
    let subject = "subject = \"index i on a\"\nreason = \"x\"";
    assert_eq!(names(&run(subject).await), Vec::<&str>::new());
    for (more, note) in [
        ("reason = \"\"", "needs a reason"),
        ("reason = \"x\"\nuntil = \"2026-05-31\"", "has expired"),
        ("reason = \"x\"\nsubject = \"index j on a\"", "not needed"),
    ] {
        let report = run(more).await;
        assert_eq!(names(&report), ["index-duplicate"]);
        assert!(report.notes[0].message.contains(note), "{:?}", report.notes);
    }
    for wrong in ["reason = 1", "reason = \"x\"\nuntil = \"soon\"", "because = \"x\""] {
        let error = allowed(&text(wrong)).unwrap_err();
        assert!(error.report().contains("review.allow") || wrong.contains("soon"));
    }
}
