//! `/metrics`: who may read it, and that the text is what Prometheus expects.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::client::{Client, Reply, request};
use crate::site::{Sender, Site, TICK};

/// One line of the text: name, labels, value.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// A family as its `# TYPE` line says.
#[derive(Debug, Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    help: bool,
    samples: Vec<Sample>,
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Reads the labels in `{…}`.
fn labels(mut text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a label");
        assert!(is_name(name), "label {name}");
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().expect("the end of a label") {
                (_, '\\') => match chars.next().expect("what is escaped").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("escaped {c}"),
                },
                (at, '"') => break at,
                (_, c) => value.push(c),
            }
        };
        assert!(found.insert(name.to_owned(), value).is_none(), "label {name} twice");
        text = &rest[end + 1..];
        if let Some(more) = text.strip_prefix(',') {
            assert!(!more.is_empty());
            text = more;
        }
    }
    found
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, inside) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').expect("a closing brace")),
        None => (series, ""),
    };
    assert!(is_name(name), "{line}");
    Sample { name: name.to_owned(), labels: labels(inside), value: value.parse().expect(line) }
}

/// What a family's samples may be called (OpenMetrics 1.0, "Suffixes").
fn suffixes(kind: &str) -> &'static [&'static str] {
    match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        other => panic!("kind {other}"),
    }
}

/// Reads a text strictly: each family once, in one piece, with help, and samples of its kind.
fn parse(text: &str) -> HashMap<String, Family> {
    let body = text.strip_suffix("# EOF\n").expect("the end is marked");
    let mut families: HashMap<String, Family> = HashMap::new();
    let mut current = String::new();
    let mut series = HashSet::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
            if name != current {
                assert!(is_name(name) && !families.contains_key(name), "{line}");
                name.clone_into(&mut current);
            }
            let family = families.entry(current.clone()).or_default();
            assert!(family.samples.is_empty(), "{line}: after samples");
            match what {
                "HELP" => family.help = !rest.is_empty(),
                "TYPE" => rest.clone_into(&mut family.kind),
                "UNIT" => family.unit = Some(rest.to_owned()),
                _ => panic!("{line}"),
            }
            continue;
        }
        let sample = sample(line);
        let family = families.get_mut(&current).expect("a family before its samples");
        let suffix = sample.name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line}"));
        assert!(suffixes(&family.kind).contains(&suffix), "{line}: not of a {}", family.kind);
        assert!(sample.value.is_finite(), "{line}");
        assert!(family.kind == "gauge" || sample.value >= 0.0, "{line}");
        assert!(series.insert((sample.name.clone(), sample.labels.clone())), "{line}: twice");
        family.samples.push(sample);
    }
    for (name, family) in &families {
        assert!(family.help && !family.kind.is_empty(), "{name} has no help or no type");
        if let Some(unit) = &family.unit {
            assert!(["seconds", "bytes"].contains(&unit.as_str()), "{name}: {unit}");
            assert!(name.ends_with(unit), "{name} does not end with its unit {unit}");
        }
        if family.kind == "histogram" {
            check_histogram(name, family);
        }
    }
    families
}

/// Buckets grow, the last one is `+Inf` and counts all.
fn check_histogram(name: &str, family: &Family) {
    let mut by_series: HashMap<BTreeMap<String, String>, Vec<(f64, f64)>> = HashMap::new();
    for sample in family.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
        let mut labels = sample.labels.clone();
        let bound = labels.remove("le").expect("a bound");
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
        by_series.entry(labels).or_default().push((bound, sample.value));
    }
    for (labels, buckets) in by_series {
        assert!(buckets.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1));
        let last = buckets.last().unwrap();
        let count = family
            .samples
            .iter()
            .find(|sample| sample.name == format!("{name}_count") && sample.labels == labels);
        assert_eq!((last.0, last.1), (f64::INFINITY, count.expect("a count").value), "{name}");
    }
}

async fn get_as(site: &Site, headers: &[(&str, &str)]) -> Reply {
    let mut client = Client::connect(site.address).await;
    client.write(request("GET", "/metrics", headers, b"")).await;
    client.read().await.unwrap()
}

fn value(families: &HashMap<String, Family>, name: &str, label: (&str, &str)) -> f64 {
    let family = families.get(name).unwrap_or_else(|| panic!("no {name}"));
    let has =
        |s: &&Sample| label.0.is_empty() || s.labels.get(label.0).is_some_and(|v| v == label.1);
    let single = |s: &&Sample| !s.name.ends_with("_bucket") && !s.name.ends_with("_sum");
    family.samples.iter().filter(has).filter(single).map(|sample| sample.value).sum()
}

#[tokio::test]
async fn the_text_is_well_formed_and_tells_what_happened() {
    let site = Site::start().await;
    let sender = site.key_of_a().await;
    parse(&get_as(&site, &[]).await.body);
    for _ in 0..3 {
        assert_eq!(sender.post("ticks", &[], TICK).await.status, 200);
    }
    assert_eq!(sender.post("ticks", &[], "{}\n").await.status, 422);
    assert_eq!(sender.post("nothing", &[], TICK).await.status, 404);
    let reply = get_as(&site, &[]).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)));
    assert!(!reply.body.contains(&sender.secret));
    let families = parse(&reply.body);
    for (name, label, expected) in [
        ("howdah_http_requests", ("status", "200"), 4.0),
        ("howdah_http_requests", ("status", "422"), 1.0),
        ("howdah_http_requests", ("status", "404"), 1.0),
        ("howdah_http_request_duration_seconds", ("endpoint", "ingest"), 5.0),
        ("howdah_http_events", ("outcome", "accepted"), 3.0),
        ("howdah_http_refused_events", ("code", "missing_field"), 1.0),
        ("howdah_http_transaction_events", ("source", "raw_ticks"), 3.0),
        ("howdah_http_database_up", ("source", "raw_ticks"), 1.0),
        ("howdah_http_requests_held", ("", ""), 0.0),
        ("howdah_http_bodies_held_bytes", ("", ""), 0.0),
        ("howdah_http_queue_depth", ("source", "raw_ticks"), 0.0),
        ("howdah_pool_connections_max", ("", ""), 8.0),
        ("howdah_build", ("version", env!("CARGO_PKG_VERSION")), 1.0),
    ] {
        // Those of before the scrape: the scrape itself may be counted.
        let found = value(&families, name, label);
        let scrape = name == "howdah_http_requests" && label.1 == "200";
        assert!(found >= expected && (scrape || found <= expected), "{name} {label:?}: {found}");
    }
}

#[tokio::test]
async fn elsewhere_than_here_it_takes_a_key() {
    let site = Site::start().await;
    for forwarded in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
        let through = (forwarded, "for=203.0.113.9");
        assert_eq!(get_as(&site, &[through]).await.status, 401, "{forwarded}");
        let bearer = |sender: &Sender| format!("Bearer {}", sender.secret);
        let writer = bearer(&site.key_of_a().await);
        let reply = get_as(&site, &[through, ("authorization", &writer)]).await;
        assert_eq!(reply.status, 403);
        let reader = format!("Bearer {}", site.key("metrics", None).await);
        let reply = get_as(&site, &[through, ("authorization", &reader)]).await;
        assert_eq!(reply.status, 200);
        parse(&reply.body);
    }
}
