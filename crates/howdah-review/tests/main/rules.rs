//! Every rule by the examples of its documentation: what is invalid is found exactly once, what is
//! valid is not; what is said to be proved can be repeated; a fix that is offered stands its trial.

use futures_util::{StreamExt as _, stream};
use howdah_review::build::Scratch;
use howdah_review::facts::Run;
use howdah_review::migrations::RawFile;
use howdah_review::rule::Example;
use howdah_review::{Group, Proof, Report, Rule, rules};

use crate::{in_use, rig};

/// Examples at work at a time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn rules_find_what_is_invalid_and_nothing_else() {
    let scratch = rig::scratch().await;
    // `HOWDAH_RULE=name,HR04` tries some alone: by name, or by what the code begins with.
    let only = std::env::var("HOWDAH_RULE").ok();
    let examples: Vec<(&Rule, usize, Example)> = rules::all()
        .filter(|rule| {
            let named = |only: &str| rule.name == only || rule.code.starts_with(only);
            only.as_deref().is_none_or(|only| only.split(',').any(named))
        })
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
    if example.live {
        let judge = |report: &Report| judge(rule, example, report);
        return in_use::try_example(scratch, rule, example, judge).await;
    }
    let files = example.files().into_iter().map(|(path, text)| RawFile { path, text });
    let report = howdah_review::review_folder_on(scratch, files.collect(), &rig::options()).await;
    let report = report.unwrap();
    let mut wrong = Vec::new();
    for (id, statement) in report.facts.statements() {
        if let Run::Failed(failure) = &statement.run
            && rule.group != Group::Build
            && !example.extension
        {
            wrong.push(format!("\"{}\" fails: {}", report.facts.text(id), failure.message));
        }
    }
    wrong.extend(judge(rule, example, &report));
    for finding in report.findings.iter().filter(|f| f.rule.code == rule.code) {
        if let Proof::Proved(reproducer) = &finding.proof
            && !howdah_review::reproduce_on(scratch, &report.facts, reproducer).await.unwrap()
        {
            wrong.push(format!("the reproducer does not show it:\n{}", reproducer.sql));
        }
    }
    wrong
}

/// One finding where it is invalid, none where it is valid, and no fix that was taken back.
fn judge(rule: &Rule, example: &Example, report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    let found = report.findings.iter().filter(|finding| finding.rule.code == rule.code);
    let messages: Vec<&str> = found.map(|finding| finding.message.as_str()).collect();
    let expected = usize::from(example.invalid);
    if messages.len() != expected {
        wrong.push(format!("{} findings instead of {expected}: {messages:?}", messages.len()));
    }
    for withdrawn in report.withdrawn.iter().filter(|w| w.rule.code == rule.code) {
        wrong.push(format!("fix {:?} was taken back: {}", withdrawn.fix, withdrawn.reason));
    }
    wrong
}
