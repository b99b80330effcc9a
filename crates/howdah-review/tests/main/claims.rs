//! Somebody else's review, tried: kinds of claims, SQL blocks, sums.

use std::fmt::Write as _;

use howdah_review::claims::{self, Came, ClaimsReport, Kind, Verdict};
use howdah_review::migrations::RawFile;

use crate::rig;

const TARGET: &[(&str, &str)] = &[(
    "1_a.sql",
    "create table customer (id bigint primary key, name varchar(10) not null);\n\
     create table orders (id bigint primary key, customer_id bigint references customer,\n\
       name varchar(20), amount numeric);\n\
     create index orders_customer on orders (customer_id);\n\
     create table audit_log (id bigint primary key, what jsonb);",
)];

async fn tried(review: &str) -> ClaimsReport {
    let files = TARGET
        .iter()
        .map(|(path, text)| RawFile { path: (*path).to_owned(), text: (*text).to_owned() });
    let scratch = rig::scratch().await;
    howdah_review::claims_of_folder_on(&scratch, files.collect(), review).await.unwrap()
}

/// A review that says what the kind recognises.
fn review_of(kind: &Kind) -> String {
    let mut text = String::new();
    for like in &kind.like {
        match like.split_once(" // ") {
            Some((heading, sentence)) => write!(text, "# {heading}\n\n{sentence}\n\n").unwrap(),
            None if kind.is_said(like, "") => write!(text, "{like}\n\n").unwrap(),
            None => write!(text, "```text\n{like}\n```\n\n").unwrap(),
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_experiment_of_every_kind_comes_to_what_it_says() {
    let kinds: Vec<Kind> = claims::all().collect();
    let mut text: String = kinds.iter().map(review_of).collect();
    // What one kind needs to be said elsewhere in the review.
    text.push_str("```text\ncreate table t (a int) partition by range (a)\n```\n");
    text.push_str("\nAll of it happens before lock acquisition.\n");
    let report = tried(&text).await;
    let mut wrong = Vec::new();
    for kind in &kinds {
        let Some(claim) = report.claims.iter().find(|claim| claim.kind == kind.name) else {
            wrong.push(format!("{}: not recognised", kind.name));
            continue;
        };
        // What is written first is what the experiment comes to, where it does not hang on the
        // target; how fast this machine is, is nothing to test.
        let first = kind.outcomes[0].1;
        let of_empty = kind.on == claims::On::Empty && kind.findings.is_empty();
        let slow = kind.name == "ten_thousand_writes_is_the_ceiling"
            && claim.verdict == Verdict::NotProvable;
        let fits = if kind.needs.is_some() {
            claim.verdict != Verdict::True
        } else {
            !of_empty || claim.verdict == first || slow
        };
        if !fits || claim.reason.starts_with("The experiment ended") {
            wrong.push(format!("{}: {} {}", kind.name, claim.verdict, claim.reason));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn claims_about_the_target_are_decided_on_it() {
    let report = tried(
        "VARCHAR lengths differ.\n\nThe audit table is not immutable.\n\n\
         No table partitioning.\n\nCascade deletes lose data.\n",
    )
    .await;
    let found: Vec<(&str, Verdict)> =
        report.claims.iter().map(|claim| (claim.kind.as_str(), claim.verdict)).collect();
    assert_eq!(
        found,
        [
            ("lengths_differ", Verdict::TrueHere),
            ("audit_is_mutable", Verdict::TrueHere),
            ("nothing_is_partitioned", Verdict::TrueHere),
            ("cascades_delete", Verdict::False),
        ]
    );
    assert!(report.claims[0].reason.contains("name is"), "{}", report.claims[0].reason);
}

#[tokio::test]
async fn every_statement_of_a_review_is_run() {
    let report = tried(
        "Use this:\n\n```sql\n\
         create index again on orders (customer_id);\n\
         create index amounts on orders (amount);\n\
         create index if not exists amounts on orders (amount);\n\
         create index lost on nothing (a);\n\
         alter table orders add constraint twice foreign key (customer_id) references customer;\n\
         alter system set work_mem = '1GB';\n\
         select tablename from pg_stat_user_tables;\n\
         create index orders_customer on orders (customer_id);\n\
         constraint x check (a > 0);\n```\n\
         and `select count(*) from orders` as well.\n",
    )
    .await;
    let lines: Vec<usize> = report.statements.iter().map(|one| one.line).collect();
    assert_eq!(lines, [4, 5, 6, 7, 8, 9, 10, 11, 12, 14]);
    let mut came: Vec<&Came> = report.statements.iter().map(|one| &one.came).collect();
    let inline = came.pop().unwrap();
    assert!(matches!(inline, Came::Ran { changed: None, .. }), "{inline:?}");
    let [again, amounts, twice, lost, key, system, stat, quoted, part] = came[..] else {
        panic!("{came:?}");
    };
    let repeats = |came: &Came| match came {
        Came::Ran { duplicates, .. } => duplicates.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(repeats(again), ["index \"orders_customer\""]);
    assert_eq!(repeats(amounts), Vec::<String>::new());
    assert!(matches!(twice, Came::Ran { changed: Some(false), .. }), "{twice:?}");
    assert!(matches!(lost, Came::Failed { sqlstate, .. } if sqlstate == "42P01"), "{lost:?}");
    assert_eq!(repeats(key), ["foreign key \"orders_customer_id_fkey\""]);
    assert!(matches!(system, Came::NotRun(why) if why.contains("leave")), "{system:?}");
    assert!(matches!(stat, Came::Failed { sqlstate, .. } if sqlstate == "42703"), "{stat:?}");
    assert!(matches!(quoted, Came::NotRun(why) if why.contains("1_a.sql")), "{quoted:?}");
    assert!(matches!(part, Came::NotRun(why) if why.contains("part")), "{part:?}");
    assert!(report.refutes());
}

#[tokio::test]
async fn a_review_without_claims_refutes_nothing() {
    let report = tried("# Praise\n\nIt is fine.\n").await;
    assert!(report.claims.is_empty() && report.statements.is_empty() && !report.refutes());
    assert_eq!(report.unrecognised, 2);
    let text = claims::text(&report);
    assert!(text.contains("of 0 claims 0 are false"), "{text}");
}

#[tokio::test]
async fn a_review_of_a_database_in_use_is_tried_on_a_copy() {
    let scratch = rig::scratch().await;
    let database = scratch.database().await.unwrap();
    let admin = database.admin().await.unwrap();
    admin.batch_execute(TARGET[0].1).await.unwrap();
    let target = howdah_review::target::Target::Live(database.admin_options().clone());
    let review = "VARCHAR lengths differ.\n\n```sql\n\
                  create index again on orders (customer_id);\n\
                  create index lost on nothing (a);\n\
                  insert into customer values (1, 'x');\n```\n\n\
                  Scripts are not idempotent.\n";
    let report = howdah_review::claims_live_on(&scratch, &target, review).await.unwrap();
    let came: Vec<&Came> = report.statements.iter().map(|one| &one.came).collect();
    let [again, lost, insert] = came[..] else { panic!("{came:?}") };
    assert!(matches!(again, Came::Ran { duplicates, .. } if duplicates.len() == 1), "{again:?}");
    assert!(matches!(lost, Came::Failed { sqlstate, .. } if sqlstate == "42P01"), "{lost:?}");
    assert!(matches!(insert, Came::Ran { .. }), "{insert:?}");
    let of = |kind: &str| report.claims.iter().find(|claim| claim.kind == kind);
    assert_eq!(of("lengths_differ").unwrap().verdict, Verdict::TrueHere);
    let proposed = of("proposed_is_missing").unwrap();
    assert_eq!(proposed.verdict, Verdict::False);
    assert!(proposed.reproducer.is_some() && proposed.reason.contains("orders_customer"));
    if let Some(again) = of("fails_when_run_again") {
        assert_eq!(again.verdict, Verdict::NotProvable);
    }
    // Nothing was written to the target.
    let rows = admin.query("select from customer", &[]).await.unwrap();
    let indexes = "select from pg_indexes where indexname in ('again', 'lost')";
    assert!(rows.is_empty() && admin.query(indexes, &[]).await.unwrap().is_empty());
    admin.close().await;
    scratch.drop(database).await.unwrap();
}
