//! Every rule by the examples of its documentation: what is invalid is found exactly once, what is
//! valid is not; what is said to be proved can be repeated; a fix that is offered stands its trial.

use futures_util::{StreamExt as _, stream};
use howdah_review::build::Scratch;
use howdah_review::facts::Run;
use howdah_review::migrations::RawFile;
use howdah_review::rule::Example;
use howdah_review::target::Target;
use howdah_review::{Group, Proof, Report, Rule, rules};
use howdah_testkit::{Cluster, ClusterOptions};
use tokio_postgres::SimpleQueryMessage;

use crate::rig;

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
        return try_live(scratch, rule, example).await;
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

/// Makes a database of the example's SQL as the superuser, and reviews it as one in use. A line
/// `-- server: name = value` starts a server of its own with that setting.
async fn try_live(shared: &Scratch, rule: &'static Rule, example: &Example) -> Vec<String> {
    let settings: Vec<(String, String)> = example
        .sql
        .lines()
        .filter_map(|line| line.strip_prefix("-- server: ")?.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let server = if settings.is_empty() {
        None
    } else {
        Some(
            Cluster::start(ClusterOptions { extra_settings: settings, ..Default::default() }).await,
        )
    };
    let own = match &server {
        Some(server) => Some(Scratch::on(server.admin_options().clone()).await.unwrap()),
        None => None,
    };
    let home = own.as_ref().unwrap_or(shared);
    let database = home.database().await.unwrap();
    let connection = database.admin().await.unwrap();
    let loaded = async || {
        let sql = "select pg_conf_load_time()::text";
        connection.query_one(sql, &[]).await.unwrap().get::<_, String>(0)
    };
    let before = loaded().await;
    for statement in howdah_sql::split(&example.sql).0 {
        connection.batch_execute(statement.text).await.unwrap();
    }
    // The server reads its files before its sessions do.
    while example.sql.contains("pg_reload_conf") && loaded().await == before {
        tokio::task::yield_now().await;
    }
    let options = database.admin_options().clone();
    let target = Target::Live(options);
    let report = howdah_review::review_live_on(shared, &target, &rig::options()).await.unwrap();
    let mut wrong = judge(rule, example, &report);
    for finding in report.findings.iter().filter(|f| f.rule.code == rule.code) {
        let Proof::Proved(reproducer) = &finding.proof else { continue };
        // What a rule reads of a server in use is shown there, what was tried is shown on a copy.
        let rows = connection.simple_query(&reproducer.sql).await;
        let there = rows.is_ok_and(|messages| {
            messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
        });
        let copied = || howdah_review::reproduce_on(shared, &report.facts, reproducer);
        if !there && !copied().await.unwrap() {
            wrong.push(format!("the reproducer does not show it:\n{}", reproducer.sql));
        }
    }
    connection.close().await;
    // A server of its own ends with everything on it.
    if own.is_none() {
        shared.drop(database).await.unwrap();
    }
    wrong
}
