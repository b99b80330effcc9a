//! Many mistakes in one file are told together, each with its place and what would be right.

use howdah_system::{ExprProblem, Problem, SystemFile, error_of};

use crate::catalog;

/// Everything that is wrong with `text` against trading's tables, as it is printed.
pub(crate) fn told(text: &str) -> String {
    let (file, mut problems) = SystemFile::parse("howdah.toml", text);
    if let Some(file) = file {
        let draft = file.check(&catalog::trading());
        let answers = catalog::answers(&draft);
        problems = match draft.finish(answers) {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        };
    }
    problems.iter().map(|problem: &Problem| format!("{problem}\n")).collect()
}

const MANY: &str = r#"[system]
name = "Trading"
owner = "me"

[database]
url = "postgres://app:hunter2@db/trading"
pool_size = 0
statement_timeout = "5 parsecs"

[tenants]
colum = "tenant_id"

[streams.trades]
time = "executed"
keyy = ["trade_id"]
chunk = "7 minutes"
keep = 7
accept = { past = "ever", future = "5 minutes" }

[streams.fills]
time = "executed_at"
key = ["order_id", "tradeid"]

[streams.portfolio_snapshots]
key = ["user_id"]

[sources.trades]
redis = { url = "redis://:hunter2@cache", stream = "trades" }
into = "trade"
format = "xml"

[sources.fills]
file = "fills.csv"
stdin = true
into = "fills"
map = { side = { field = "s", values = { b = "bye" } }, symbol = { const = "x", as = "epoch" } }

[rollups.candles]
from = "fills"
evry = "1 minute"
by = ["symbl"]
volume = "sum(quantity * pric)"
spread = "median(price)"
users = "count(distinct user_id)"
first_price = "first(price"
"#;

#[test]
fn a_file_with_many_mistakes_tells_them_all() {
    let (file, problems) = SystemFile::parse("howdah.toml", MANY);
    let problems = file.map_or(problems, |file| file.check(&catalog::trading()).problems);
    assert!(problems.len() >= 20, "{}", problems.len());
    let report = error_of("howdah.toml", &problems).report();
    assert!(!report.contains("hunter2"), "{report}");
    insta::assert_snapshot!(report);
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let told = told("[system]\nname = \"x\"\n[streams.a\ntime = ");
    assert!(told.starts_with("3:"), "{told}");
    assert!(told.contains("not TOML"), "{told}");
}

#[test]
fn the_servers_answers_become_problems_with_their_place() {
    let text = "[system]\nname = \"t\"\n[streams.trades]\ntime = \"executed_at\"\n\
                [rollups.r]\nfrom = \"trades\"\nby = [\"symbol\"]\n\
                a = \"sum(price * quantity)\"\nb = \"max( symbol || 'x' )\"\n\
                c = \"count(*) filter (where price + 1)\"\n";
    let (file, problems) = SystemFile::parse("howdah.toml", text);
    assert!(problems.is_empty());
    let draft = file.unwrap().check(&catalog::trading());
    let asked: Vec<_> = draft.questions.iter().map(|q| (q.text.as_str(), q.want_boolean)).collect();
    assert_eq!(asked, [("price * quantity", false), ("symbol || 'x'", false), ("price + 1", true)]);
    assert_eq!(draft.questions[0].rows.matches("null::").count(), 9);
    let refused = ExprProblem { message: "operator does not exist".into(), offset: Some(7) };
    let problems =
        draft.finish(vec![Ok("text".into()), Err(refused), Ok("numeric".into())]).unwrap_err();
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "8:10: sum() needs a number or an interval, not text",
            "9:18: max(): operator does not exist",
            "10:29: filter must be a condition, not numeric",
        ]
    );
}

#[test]
fn no_system_comes_without_answers() {
    let text = "[system]\nname = \"t\"\n[streams.trades]\ntime = \"executed_at\"\n\
                [rollups.r]\nfrom = \"trades\"\nby = [\"symbol\"]\na = \"sum(price * quantity)\"\n";
    let draft = SystemFile::read_text("x", text).unwrap().check(&catalog::trading());
    assert_eq!(draft.questions.len(), 1);
    assert!(draft.finish(Vec::new()).is_err());
}

#[test]
fn places_within_strings_are_exact() {
    let rollup = |text: &str| {
        format!(
            "[system]\nname = \"t\"\n[streams.trades]\ntime = \"executed_at\"\n\
             [rollups.r]\nfrom = \"trades\"\nby = [\"symbol\"]\nn = \"count(*)\"\nwhere = {text}\n"
        )
    };
    for (text, place) in [
        ("\"price > nn\"", "9:18: "),
        ("'side = ''buy'' and nn'", "9:"),
        ("\"\"\"\n  price > 1\n  and nn > 2\"\"\"", "11:7: "),
        ("\"\"\"price > 1 and nn > 2\"\"\"", "9:26: "),
        // With escapes the beginning of the string is as near as it gets.
        ("\"side = \\u0027buy\\u0027 and nn\"", "9:9: "),
    ] {
        let told = told(&rollup(text));
        assert!(told.starts_with(place), "{text}: {told}");
    }
}

const MQTT: &str = r#"
[system]
name = "trading"
[streams.trades]
time = "executed_at"
[streams.fills]
time = "executed_at"
key = ["order_id", "trade_id"]
[sources.no_key]
mqtt = { url = "env:MQTT_URL", topics = ["a/b"], client_id = "one" }
into = "trades"
[sources.topics]
mqtt = { url = "env:MQTT_URL", topics = ["a/#/b", "a+/b", "$share/g/a"], client_id = "two" }
into = "fills"
[sources.levels]
mqtt = { url = "env:MQTT_URL", topics = ["a/+/fills"], client_id = "one", qos = 0 }
into = "fills"
format = "csv"
map = { symbol = "topic[3]", side = "topic[1]" }
[sources.nothing]
mqtt = { url = "mqtt://u:hunter2@h", topics = [], inflight = 0 }
into = "fills"
"#;

#[test]
fn mistakes_about_brokers_are_told_together() {
    let told = told(MQTT);
    for what in [
        "stream \"trades\" has no key, and MQTT repeats messages",
        "\"#\" stands alone, as the last level",
        "\"+\" stands alone, for one level",
        "shared subscriptions are not read",
        "no topic of the source has a level 3",
        "events are read with qos 1",
        "client id \"one\" is another source's too",
        "a secret stands in the file itself",
        "\"inflight\" must be from 1 to 65535",
        "messages of MQTT cannot be CSV",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
    assert!(!told.contains("hunter2") && !told.contains("level 1"), "{told}");
}
