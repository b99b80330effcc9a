//! Every rule by the examples of its documentation: what is invalid is found exactly once, what is
//! valid is not; what is said to be proved can be repeated; a fix that is offered stands its trial.

use futures_util::{StreamExt as _, stream};
use howdah_review::build::Scratch;
use howdah_review::facts::Run;
use howdah_review::migrations::RawFile;
use howdah_review::rule::Example;
use howdah_review::target::Target;
use howdah_review::{Group, Proof, Report, Rule, rules};

use crate::rig;

/// Examples at work at a time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn rules_find_what_is_invalid_and_nothing_else() {
    let scratch = rig::scratch().await;
    // `HOWDAH_RULE=name` tries one alone.
    let only = std::env::var("HOWDAH_RULE").ok();
    let examples: Vec<(&Rule, usize, Example)> = rules::all()
        .filter(|rule| only.as_deref().is_none_or(|only| rule.name == only || rule.code == only))
        .flat_map(|rule| {
            let examples = rule.examples().into_iter().enumerate();
            examples.map(move |(number, example)| (rule, number + 1, example))
        })
        .collect();
    assert!(!examples.is_empty(), "no such rule");
    let wrong: Vec<String> = stream::iter(examples)
        .map(|(rule, number, example)| {
            let scratch = &scratch;
            async move {
                let wrong = try_example(scratch, rule, &example).await;
                wrong.into_iter().map(move |what| format!("{} {number}: {what}", rule.name))
            }
        })
        .buffer_unordered(AT_ONCE)
        .flat_map(stream::iter)
        .collect()
        .await;
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

async fn try_example(scratch: &Scratch, rule: &'static Rule, example: &Example) -> Vec<String> {
    let mut wrong = Vec::new();
    let report = if example.live {
        live(scratch, example).await
    } else {
        let files = example.files().into_iter().map(|(path, text)| RawFile { path, text });
        howdah_review::review_folder_on(scratch, files.collect(), &rig::options()).await.unwrap()
    };
    for (id, statement) in report.facts.statements() {
        if let Run::Failed(failure) = &statement.run
            && rule.group != Group::Build
        {
            wrong.push(format!("\"{}\" fails: {}", report.facts.text(id), failure.message));
        }
    }
    let found: Vec<_> = report.findings.iter().filter(|f| f.rule.code == rule.code).collect();
    let expected = usize::from(example.invalid);
    if found.len() != expected {
        let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
        wrong.push(format!("{} findings instead of {expected}: {messages:?}", found.len()));
    }
    for withdrawn in report.withdrawn.iter().filter(|w| w.rule.code == rule.code) {
        wrong.push(format!("fix {:?} was taken back: {}", withdrawn.fix, withdrawn.reason));
    }
    if example.live {
        return wrong;
    }
    for finding in found {
        if let Proof::Proved(reproducer) = &finding.proof
            && !howdah_review::reproduce_on(scratch, &report.facts, reproducer).await.unwrap()
        {
            wrong.push(format!("the reproducer does not show it:\n{}", reproducer.sql));
        }
    }
    wrong
}

/// Makes a database of the example's SQL as the superuser, and reviews it as one in use.
async fn live(scratch: &Scratch, example: &Example) -> Report {
    let database = scratch.database().await.unwrap();
    let connection = database.admin().await.unwrap();
    connection.batch_execute(&example.sql).await.unwrap();
    connection.close().await;
    let target = Target::Live(database.owner_options().clone());
    let report = howdah_review::review(&target, &rig::options()).await.unwrap();
    scratch.drop(database).await.unwrap();
    report
}
