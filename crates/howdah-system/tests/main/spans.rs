//! Spans and calendars: what is taken, and what is told of mistakes.

use howdah_catalog::{Catalog, Ident};
use howdah_system::{Draft, SpanAt, SystemFile};

use crate::catalog;

fn database() -> Catalog {
    let mut db = catalog::empty();
    let at = "at timestamp with time zone!";
    catalog::table(
        &mut db,
        "states",
        &format!(
            "tenant uuid!; {at}; machine text!; seq integer!; state text!; n bigint; line text"
        ),
        &["tenant, machine, at, seq"],
    );
    catalog::table(&mut db, "days", "day date!; machine text!", &["machine, day"]);
    catalog::table(&mut db, "odd", &format!("{at}; k text!; seconds integer"), &["k, at"]);
    catalog::table(
        &mut db,
        "shifts",
        "tenant uuid!; machine text!; shift text!; period tstzrange!; state text!",
        &[],
    );
    catalog::table(&mut db, "holidays", "machine text!; period tstzrange!", &[]);
    db
}

const BASE: &str = r#"[system]
name = "t"
[tenants]
column = "tenant"
[streams.states]
time = "at"
key = ["machine", "at", "seq"]
segment = { after = "7 days", by = ["machine"] }
[streams.days]
time = "day"
key = ["machine"]
[streams.odd]
time = "at"
key = ["k"]
[spans.times]
from = "states"
by = ["machine"]
longest = "2 days"
[spans.endless]
from = "states"
by = ["machine"]
[spans.odds]
from = "odd"
by = ["k"]
"#;

fn draft(text: &str) -> (Vec<String>, Draft) {
    let (file, problems) = SystemFile::parse("howdah.toml", &format!("{BASE}{text}"));
    let file = file.unwrap_or_else(|| panic!("{text}: {problems:?}"));
    let draft = file.check(&database());
    let told = draft.problems.iter().map(|problem| problem.message.clone()).collect();
    (told, draft)
}

#[test]
fn rollups_of_spans_become_part_of_the_system() {
    let (told, draft) = draft(
        "[rollups.hours]\nfrom = \"times\"\nevery = [\"1 hour\"]\nby = [\"state\"]\n\
         secs = \"sum(seconds) filter (where next.state <> state)\"\n\
         [rollups.rises]\nfrom = \"endless\"\nat = \"end\"\nby = [\"machine\"]\n\
         n = \"sum(counter_delta(n, prev.n))\"\nmean = \"n / nullif(howdah_n, 0)\"\n\
         howdah_n = \"count(*)\"\n\
         [rollups.by_shift]\nfrom = \"states\"\nby = [\"machine\"]\nn = \"count(*)\"\n\
         calendar = { table = \"shifts\", by = [\"machine\"], period = \"period\", \
         key = [\"shift\"] }\n",
    );
    assert_eq!(told, [""; 0]);
    let answers = catalog::answers(&draft);
    let system = draft.finish(answers).unwrap();
    let [hours, rises, by_shift] = &system.span_rollups[..] else { panic!("three rollups") };
    assert_eq!([hours.at, rises.at, by_shift.at], [SpanAt::Split, SpanAt::End, SpanAt::Begin]);
    let filter = hours.rollup.measures[0].filter.as_ref().unwrap();
    assert_eq!(filter.text, "\"next.state\" <> state");
    let key = |n: usize| -> Vec<&str> {
        system.span_rollups[n].rollup.by.iter().map(|key| key.name.as_str()).collect()
    };
    assert_eq!(key(0), ["tenant", "state"]);
    assert_eq!(key(2), ["tenant", "machine", "shift", "bucket"]);
    assert!(system.spans[by_shift.spans].alone);
    assert_eq!(system.spans[hours.spans].longest, Some(172_800));
    let found: Vec<&str> = system.streams[0].span_key.iter().map(Ident::as_str).collect();
    assert_eq!(found, ["tenant", "machine", "at", "seq"]);
}

#[test]
fn mistakes_of_spans_are_told() {
    let spans = |lines: &str| format!("[spans.s]\n{lines}\n");
    let rollup = |lines: &str| format!("[rollups.r]\n{lines}\n");
    for (text, message) in [
        (spans("from = \"states\""), "[spans.s] has no \"by\""),
        (spans("from = \"state\"\nby = [\"machine\"]"), "stream \"state\" is not in the file"),
        (spans("from = \"states\"\nby = [\"where\"]"), "stream \"states\" has no column \"where\""),
        (spans("from = \"states\"\nby = [\"line\"]"), "the column \"line\" may be null"),
        (
            spans("from = \"states\"\nby = [\"state\"]"),
            "\"state\" is not among the columns that segments of \"states\" keep plain",
        ),
        (
            spans("from = \"days\"\nby = [\"machine\"]"),
            "spans of \"days\" need a time of type timestamptz",
        ),
        (
            spans("from = \"states\"\nby = [\"machine\"]\nlongest = \"1 month\""),
            "\"longest\" is counted in months, which are not all of one length",
        ),
        (
            rollup("from = \"states\"\nat = \"end\"\nby = [\"machine\"]\nn = \"count(*)\""),
            "only a rollup of spans has \"at\"",
        ),
        (
            rollup("from = \"times\"\nat = \"split\"\nby = [\"machine\"]\nn = \"count(*)\""),
            "there is nothing to split spans over",
        ),
        (
            rollup("from = \"times\"\nat = \"middle\"\nby = [\"machine\"]\nn = \"count(*)\""),
            "at: a span cannot count at \"middle\"",
        ),
        (
            rollup("from = \"endless\"\nevery = [\"1 hour\"]\nn = \"sum(seconds)\""),
            "spans of any length cannot be split",
        ),
        (
            rollup("from = \"times\"\nevery = [\"10 seconds\"]\nn = \"sum(seconds)\""),
            "a span could be split into more than 10000 parts",
        ),
        (
            rollup("from = \"times\"\nby = [\"machine\"]\nn = \"max(seconds)\""),
            "max() of spans cannot be kept right",
        ),
        (
            rollup("from = \"times\"\nby = [\"machine\"]\nn = \"count(prev.n)\""),
            "measure \"n\": there is no row \"prev\" here",
        ),
        (
            rollup("from = \"times\"\nby = [\"machine\"]\nn = \"sum(next.m)\""),
            "stream \"states\" has no column \"next.m\"",
        ),
        (
            rollup("from = \"times\"\nby = [\"machine\"]\nn = \"count(*)\"\ncheck = \"n > 0\""),
            "a rollup of spans cannot have a check",
        ),
        (
            rollup("from = \"odds\"\nby = [\"k\"]\nn = \"count(*)\""),
            "stream \"odd\" has a column \"seconds\", which means something of the span",
        ),
        (
            rollup("from = \"times\"\nby = [\"machine\"]\nhowdah_rows = \"count(*)\""),
            "\"howdah_rows\" is a column of howdah's own",
        ),
    ] {
        let (told, _) = draft(&text);
        assert_eq!(told, [message], "{text}");
    }
}

#[test]
fn mistakes_of_calendars_are_told() {
    let calendar = |inside: &str| {
        format!(
            "[rollups.r]\nfrom = \"times\"\nby = [\"machine\"]\nn = \"count(*)\"\n\
             calendar = {{ {inside} }}\n"
        )
    };
    let whole = "table = \"shifts\", by = [\"machine\"], period = \"period\"";
    for (text, message) in [
        (calendar("table = \"shifts\""), "[rollups.r.calendar] has no \"period\""),
        (calendar("table = \"shift\", period = \"period\""), "table \"shift\" does not exist"),
        (calendar("table = \"shifts\", period = \"shift\""), "\"shift\" is of type text"),
        (
            calendar("table = \"holidays\", by = [\"machine\"], period = \"period\""),
            "calendar \"holidays\" has no tenant column \"tenant\"",
        ),
        (
            calendar("table = \"shifts\", by = [\"line\"], period = \"period\""),
            "calendar \"shifts\" has no column \"line\"",
        ),
        (
            calendar("table = \"shifts\", by = [\"shift\"], period = \"period\""),
            "stream \"states\" has no column \"shift\"",
        ),
        (
            calendar(&format!("{whole}, key = [\"state\"]")),
            "stream \"states\" has a column \"state\" too",
        ),
        (
            format!("{}every = [\"1 hour\"]\n", calendar(whole)),
            "a rollup has buckets (\"every\") or a calendar, not both",
        ),
        (
            format!("{}at = \"end\"\n", calendar(whole)).replace("\"times\"", "\"states\""),
            "only a rollup of spans has \"at\"",
        ),
    ] {
        let (told, _) = draft(&text);
        assert_eq!(told, [message], "{text}");
    }
}
