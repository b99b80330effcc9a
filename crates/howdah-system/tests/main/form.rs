//! Every kind of mistake that needs no database, once.

use crate::mistakes::told;

/// A file with one stream and room for more.
fn file(more: &str) -> String {
    format!(
        "[system]\nname = \"t\"\n[streams.trades]\ntime = \"executed_at\"\nkey = [\"exchange\", \
         \"symbol\", \"trade_id\"]\n{more}"
    )
}

fn check(cases: &[(&str, &str)]) {
    for (more, expected) in cases {
        let told = told(&file(more));
        assert!(told.contains(expected), "{more}\n--- expected: {expected}\n--- told: {told}");
        assert_eq!(told.lines().filter(|line| !line.starts_with("  ")).count(), 1, "{told}");
    }
}

#[test]
fn the_file_itself_is_right() {
    assert_eq!(told(&file("")), "");
}

#[test]
fn system_and_limits() {
    check(&[
        ("[ingest]\nbatch_rows = 0", "\"batch_rows\" must be from 1 to 1000000"),
        ("[ingest]\nbatch_rows = \"9\"", "\"batch_rows\" must be a whole number, not a string"),
        ("[ingest]\nbatch_bytes = \"16\"", "\"16\" is not a size"),
        ("[ingest]\nbatch_bytes = \"16 B\"", "must be from 1 kB to 1 GiB"),
        ("[ingest]\nevent_bytes = \"1 GiB\"", "an event may be larger than a whole batch"),
        ("[ingest]\nlease = \"20 ms\"", "\"lease\" must be from 1 s to 10 min"),
        ("[ingest]\nlinger = \"1 month\"", "\"1 month\" is not a length of time"),
        ("[roles]\nwriter = \"a\"\nreader = \"a\"", "two roles have the same name"),
        ("[roles]\nwriter = \"\"", "\"writer\" is empty"),
        ("[stream.x]\ntime = \"a\"", "unknown key \"stream\" in the system file"),
        ("[tables.trades]\nvisible_to = \"true\"", "visibility needs [tenants]"),
    ]);
    assert_eq!(
        told(""),
        "1:1: the system file has no \"system\"\n  Hint: Add it, such as: [system] with name = \
         \"trading\".\n"
    );
    assert!(told("system = 3").contains("\"system\" must be a table, not an integer"));
    assert!(told("[system]\nname = \"9\"").contains("\"9\" cannot name a system"));
    assert!(told("[system]\nname = \"a\"\nname = \"b\"").contains("not TOML"));
}

#[test]
fn database() {
    check(&[
        ("[database]\nurl = \"postgres://u:pw@h/d\"", "url: a secret stands in the file itself"),
        ("[database]\npassword = \"pw\"", "password: a secret stands in the file itself"),
        ("[database]\nurl = \"env:\"", "not the name of an environment variable"),
        ("[database]\nurl = \"env:A\"\nhost = \"b\"", "\"host\" and \"url\" are both given"),
        ("[database]\nport = 70000", "\"port\" must be from 1 to 65535"),
        ("[database]\nsslmode = \"on\"", "unknown sslmode \"on\""),
        ("[database]\nlock_timeout = 5", "\"lock_timeout\" must be a string, not an integer"),
    ]);
}

#[test]
fn streams() {
    check(&[
        ("ahead = 0", "\"ahead\" must be from 1 to 1000"),
        ("chunk = \"2 days\"", "chunk: \"2 days\" is not a whole unit of the calendar"),
        ("accept = { past = \"soon\" }", "past: \"soon\" is not a length of time"),
        ("segment = { by = [\"symbol\"] }", "[streams.trades.segment] has no \"after\""),
        ("segment = { after = \"7 d\", by = [\"symbol\", \"symbol\"] }", "is named twice"),
        ("order = [\"\"]", "\"order\" holds an empty name"),
        ("order = [1]", "\"order\" must be a list of strings, not an integer"),
        ("keep = \"0 s\"", "a length of time of nothing"),
        ("[streams.fills]\nkey = [\"order_id\"]", "[streams.fills] has no \"time\""),
    ]);
}

#[test]
fn sources() {
    let source = |rest: &str| format!("[sources.s]\ninto = \"trades\"\n{rest}");
    for (rest, expected) in [
        ("", "the source does not say where its events are"),
        ("file = \"a\"\nredis = { url = \"env:A\", stream = \"b\" }", "reads from one place"),
        ("redis = { stream = \"b\" }", "[sources.s.redis] has no \"url\""),
        ("redis = { url = \"redis://h\", stream = \"b\" }", "a secret stands in the file itself"),
        ("redis = { url = \"env:A\", stream = \"b\" }\nformat = \"csv\"", "cannot be CSV"),
        ("redis = { url = \"env:A\", stream = \"b\", consumer = \"c\" }", "no effect here"),
        ("redis = { url = \"env:A\", stream = \"b\", group = \"\" }", "is empty"),
        ("file = \"a\"\nformat = \"fields\"", "for the fields of Redis entries"),
        ("file = \"a\"\nfield = \"data\"", "\"field\" has no effect here"),
        ("file = \"a\"\nformat = \"xml\"", "\"xml\" is not a format"),
        ("stdin = false", "\"stdin\" can only be true"),
        ("stdin = true\nmap = { price = 1 }", "\"price\" must be a field"),
        ("stdin = true\nmap = { price = { as = \"hex\", field = \"a\", x = 1 } }", "unknown key"),
        ("stdin = true\nmap = { price = { const = \"1\", as = \"hex\" } }", "as it is"),
        ("stdin = true\nmap = { side = { field = \"a\", values = { b = 1 } } }", "for strings"),
        ("stdin = true\nmap = { price = { field = \"a\", const = \"1\" } }", "both given"),
        ("stdin = true\nmap = { executed_at = { field = \"a\", as = \"epoch\" } }", "no way"),
        ("stdin = true\nmap = { price = {} }", "[sources.s.map.price] has no \"field\""),
        ("stdin = true\n[sources.t]\ninto = \"trades\"\nstdin = true", "two sources read"),
        ("http = true", "does not say where to listen"),
        ("http = true\nformat = \"csv\"", "\"format\" has no effect here"),
        ("http = false", "\"http\" can only be true"),
        ("http = true\nstdin = true", "reads from one place"),
        ("http = true\nrate = 5", "\"rate\" has no effect here"),
        ("stdin = true\nrate = 0", "\"rate\" must be from 1"),
    ] {
        let told = told(&file(&source(rest)));
        assert!(told.contains(expected), "{rest}\n--- expected: {expected}\n--- told: {told}");
    }
}

#[test]
fn http() {
    let http = |rest: &str| format!("[http]\n{rest}");
    for (rest, expected) in [
        ("", "[http] has no \"listen\""),
        ("listen = \"8321\"", "\"8321\" is not an address with a port"),
        ("listen = \"localhost:8321\"", "is not an address with a port"),
        ("listen = \"[::1]:0\"\nconnections = 0", "\"connections\" must be from 1"),
        ("listen = \"[::1]:0\"\nbody_bytes = \"128 MiB\"", "larger than the whole queue"),
        ("listen = \"[::1]:0\"\nwait = \"0 s\"", "\"wait\" is nothing"),
        ("listen = \"[::1]:0\"\ntls = true", "unknown key \"tls\""),
    ] {
        let told = told(&file(&http(rest)));
        assert!(told.contains(expected), "{rest}\n--- expected: {expected}\n--- told: {told}");
    }
    let right = "listen = \"[::1]:0\"\nlinger = \"0 s\"\nkeep_requests = \"1 hour\"";
    assert_eq!(told(&file(&http(right))), "");
}

#[test]
fn rollups() {
    let rollup = |rest: &str| format!("[rollups.r]\nfrom = \"trades\"\nby = [\"symbol\"]\n{rest}");
    for (rest, expected) in [
        ("", "rollup \"r\" has no measure"),
        ("every = []\nn = \"count(*)\"", "\"every\" names no width"),
        ("every = \"7 minutes\"\nn = \"count(*)\"", "\"7 minutes\" does not divide a day evenly"),
        ("every = [\"1 h\", \"60 min\"]\nn = \"count(*)\"", "\"1 hour\" is named twice"),
        ("every = \"1 h\"\ntimezone = \"UTC\"\nn = \"count(*)\"", "has no effect here"),
        ("every = \"1 day\"\ntimezone = \"Mars/North\"\nn = \"count(*)\"", "unknown time zone"),
        ("timezone = \"UTC\"\nn = \"count(*)\"", "has no effect here"),
        ("every = \"1 day\"\ncheck = \"n > 0\"\nn = \"count(*)\"", "only a state can have a check"),
        (
            "every = \"1 day\"\nposition = { side = \"side\", quantity = \"quantity\", price = \
             \"price\" }",
            "only a state can have a position",
        ),
        ("position = { side = \"side\", price = \"price\" }", "has no \"quantity\""),
        ("n = 1", "measure \"n\" must be a string"),
        ("evry = \"1 day\"\nn = \"count(*)\"", "Did you mean \"every\"?"),
        ("n = \"median(price)\"", "measure \"n\": median() cannot be folded"),
        ("n = \"sum(price) + 1\"", "what follows it cannot be folded"),
        ("n = \"sum(random())\"", "a rebuild would differ"),
        ("where = \"price >\"\nn = \"count(*)\"", "where: syntax error"),
        ("where = \"price > (select 1)\"\nn = \"count(*)\"", "where: sub-queries cannot"),
    ] {
        let told = told(&file(&rollup(rest)));
        assert!(told.contains(expected), "{rest}\n--- expected: {expected}\n--- told: {told}");
    }
}
