//! No text makes the reader panic; the example of the design is taken.

use howdah_system::SystemFile;
use proptest::prelude::*;

use crate::catalog;

const TRADING: &str = include_str!("../../../../systems/trading/howdah.files.toml");

const EXAMPLE: &str = r#"
[system]
name = "trading"

[database]                         # left out: a private PostgreSQL under .howdah/
url = "env:DATABASE_URL"           # secrets are references (env:, file:), never literals

[tenants]
column = "tenant_id"

[streams.trades]
time = "executed_at"
key = ["trade_id"]                 # the producer's name for an event
chunk = "1 day"
segment = { after = "7 days", by = ["symbol", "exchange"] }
keep = "1 year"

[sources.trades]
redis = { url = "env:REDIS_URL", stream = "trades" }
into = "trades"

[streams.postings]
time = "posted_at"

[rollups.candles]
from = "trades"
every = ["1 minute", "1 hour", "1 day"]        # candles_1m, candles_1h, candles_1d
by = ["symbol", "exchange"]
open = "first(price)"
high = "max(price)"
low = "min(price)"
close = "last(price)"
volume = "sum(quantity)"
trades = "count(*)"

[rollups.balances]                             # no `every`: a running state
from = "postings"
by = ["account_id", "currency"]
balance = "sum(amount)"
check = "balance >= -credit_limit"             # an event that would break it becomes a dead letter
"#;

#[test]
fn the_example_of_the_design_is_taken() {
    let mut db = catalog::empty();
    catalog::table(
        &mut db,
        "trades",
        "tenant_id uuid!; trade_id bigint!; executed_at timestamp with time zone!; symbol text!; \
         exchange text!; price numeric!; quantity numeric!",
        &["tenant_id, trade_id, executed_at"],
    );
    catalog::table(
        &mut db,
        "postings",
        "tenant_id uuid!; posted_at timestamp with time zone!; account_id uuid!; currency text!; \
         amount numeric!",
        &[],
    );
    catalog::table(
        &mut db,
        "balances",
        "tenant_id uuid!; account_id uuid!; currency text!; credit_limit numeric!; balance numeric",
        &["tenant_id, account_id, currency"],
    );
    let draft = SystemFile::read_text("howdah.toml", EXAMPLE).unwrap().check(&db);
    assert!(draft.problems.is_empty(), "{:?}", draft.problems);
    let answers = catalog::answers(&draft);
    assert!(draft.finish(answers).is_ok());
}

fn read(text: &str) {
    let (file, _) = SystemFile::parse("howdah.toml", text);
    if let Some(file) = file {
        let draft = file.check(&catalog::trading());
        let answers = catalog::answers(&draft);
        let _ = draft.finish(answers);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_change_of_a_right_file_panics(
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..12_usize, "[\\PC\n]{0,6}"),
            1..6,
        )
    ) {
        let mut chars: Vec<char> = TRADING.chars().collect();
        for (at, length, with) in cuts {
            let start = at.index(chars.len());
            let end = (start + length).min(chars.len());
            chars.splice(start..end, with.chars());
        }
        read(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn no_value_of_another_type_panics(
        line in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![
            "1", "-1", "\"\"", "\"x\"", "true", "[]", "[1]", "{}", "{ a = 1 }", "1.5", "1979-05-27",
            "0xffffffffffffffffff", "[[\"a\"]]", "\"\"\"\na\n\"\"\"", "'é'",
        ])
    ) {
        let mut lines: Vec<String> = TRADING.lines().map(str::to_owned).collect();
        let at = line.index(lines.len());
        let changed = lines[at].split_once('=').map(|(key, _)| format!("{key}= {value}"));
        if let Some(changed) = changed {
            lines[at] = changed;
        }
        read(&lines.join("\n"));
    }
}
