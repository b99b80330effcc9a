//! Events and definitions at the edge: nulls in keys and orders, sides that are none, expressions
//! that fail, two writers at once.

use crate::engine::Engine;

const TABLE: &str = "
create table events (id bigint not null, at timestamptz not null, k text, rank int, n int,
    side text, word text, primary key (id, at));
";

fn system(rollups: &str) -> String {
    format!(
        "[system]\nname = \"{{db}}\"\n[streams.events]\ntime = \"at\"\nkey = [\"id\"]\n\
         order = [\"rank\"]\naccept = {{ past = \"10 years\" }}\n\
         [sources.events]\nfile = \"e.ndjson\"\ninto = \"events\"\n\
         [sources.other]\nfile = \"o.ndjson\"\ninto = \"events\"\n{rollups}"
    )
}

fn event(id: u64, fields: &str) -> String {
    format!(r#"{{"id": {id}, "at": "2026-10-01T00:00:00Z", {fields}}}"#)
}

#[tokio::test]
async fn a_null_in_the_order_is_the_same_in_one_batch_and_in_many() {
    let engine = Engine::applied(
        TABLE,
        &system(
            "[rollups.r]\nfrom = \"events\"\nevery = [\"1 hour\"]\nby = [\"k\"]\n\
             first = \"first(n)\"\nlast = \"last(n)\"\n",
        ),
    )
    .await;
    let mut feed = engine.feed("events").await;
    let ranks = ["null", "3", "null", "1", "5", "null"];
    for (number, start) in (0..6).enumerate() {
        let events: Vec<String> = (0..6)
            .map(|n| {
                let n = (n + start) % 6;
                event(
                    100 * number as u64 + n as u64,
                    &format!(r#""k": "k{number}", "rank": {}, "n": {n}"#, ranks[n]),
                )
            })
            .collect();
        for batch in events.chunks(number + 1) {
            feed.commit(batch).await;
        }
        engine.assert_proved().await;
    }
    let ends = "select distinct first || ' ' || last from r_1h";
    assert_eq!(engine.texts(ends).await, ["3 5"]);
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn a_position_under_a_null_key_goes_on_where_it_was() {
    let engine = Engine::applied(
        TABLE,
        &system(
            "[rollups.p]\nfrom = \"events\"\nby = [\"k\"]\n\
             position = { side = \"side\", quantity = \"n\", price = \"2\" }\n",
        ),
    )
    .await;
    let mut feed = engine.feed("events").await;
    for id in 0..5 {
        feed.commit(&[
            event(2 * id, r#""k": null, "rank": 1, "n": 3, "side": "buy""#),
            event(2 * id + 1, r#""k": "x", "rank": 1, "n": 3, "side": "buy""#),
        ])
        .await;
    }
    let held = "select quantity || ' ' || fills from p";
    assert_eq!(engine.texts(held).await, ["15 5", "15 5"]);
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn a_fill_without_side_or_quantity_leaves_a_position_as_it_is() {
    let engine = Engine::applied(
        TABLE,
        &system(
            "[rollups.p]\nfrom = \"events\"\nby = [\"k\"]\n\
             position = { side = \"side\", quantity = \"n\", price = \"2\" }\n",
        ),
    )
    .await;
    let mut feed = engine.feed("events").await;
    let fills = [
        r#""k": "x", "rank": 1, "n": 3, "side": null"#,
        r#""k": "x", "rank": 2, "n": 3, "side": "buy""#,
        r#""k": "x", "rank": 3, "n": 9, "side": "BUY""#,
        r#""k": "x", "rank": 4, "n": null, "side": "sell""#,
        r#""k": "x", "rank": 5, "n": 1, "side": "sell""#,
        r#""k": "x", "rank": 6, "n": 0, "side": "sell""#,
    ];
    let events: Vec<String> =
        fills.iter().enumerate().map(|(id, fields)| event(id as u64, fields)).collect();
    for event in &events {
        feed.commit(&[event]).await;
    }
    let held = "select quantity || ' ' || fills from p where k = ";
    assert_eq!(engine.texts(&format!("{held}'x'")).await, ["2 3"]);
    let other: Vec<String> = fills
        .iter()
        .enumerate()
        .map(|(id, fields)| event(50 + id as u64, &fields.replace("\"x\"", "\"y\"")))
        .collect();
    feed.commit(&other).await;
    assert_eq!(engine.texts(&format!("{held}'y'")).await, ["2 3"]);
    engine.assert_fold_is_rebuild().await;
}

#[tokio::test]
async fn an_expression_that_fails_on_an_event_refuses_that_event_alone() {
    for rollups in [
        "[rollups.r]\nfrom = \"events\"\nevery = [\"1 hour\"]\nsum = \"sum(100 / n)\"\n",
        "[rollups.r]\nfrom = \"events\"\nby = [\"k\"]\nwhere = \"100 / n > 0\"\nsum = \"sum(n)\"\n\
         check = \"sum >= 0\"\n",
        "[rollups.r]\nfrom = \"events\"\nby = [\"k\"]\nsum = \"sum(100 / n)\"\n\
         check = \"sum >= 0\"\n",
    ] {
        let engine = Engine::applied(TABLE, &system(rollups)).await;
        let mut feed = engine.feed("events").await;
        let events: Vec<String> = [4, 0, 5, 0, 0, 7]
            .iter()
            .enumerate()
            .map(|(id, n)| event(id as u64, &format!(r#""k": "x", "n": {n}"#)))
            .collect();
        let outcome = feed.try_commit(&events).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{rollups}{}", error.report()));
        assert_eq!((outcome.rows, outcome.dead_letters), (3, 3), "{rollups}");
        engine.assert_fold_is_rebuild().await;
    }
}

#[tokio::test]
async fn two_writers_of_one_stream_never_lose_or_double_anything() {
    let engine = Engine::applied(
        TABLE,
        &system(
            "[rollups.r]\nfrom = \"events\"\nevery = [\"1 hour\", \"1 day\"]\nby = [\"k\"]\n\
             sum = \"sum(n)\"\nlast = \"last(n)\"\n\
             [rollups.p]\nfrom = \"events\"\nby = [\"k\"]\n\
             position = { side = \"side\", quantity = \"n\", price = \"2\" }\n\
             [rollups.s]\nfrom = \"events\"\nby = [\"k\"]\nsum = \"sum(n)\"\n\
             check = \"sum <= 100000\"\n",
        ),
    )
    .await;
    let mut one = engine.feed("events").await;
    let mut other = engine.feed("other").await;
    let events: Vec<String> = (0..600_u64)
        .map(|id| {
            let side = if id % 3 == 0 { "sell" } else { "buy" };
            event(
                id,
                &format!(
                    r#""k": "k{}", "rank": {}, "n": {}, "side": "{side}""#,
                    id * 7 % 5,
                    id % 4,
                    id % 9
                ),
            )
        })
        .collect();
    // Both bring everything, from opposite ends.
    let (mut forward, mut backward) = (0, 0);
    let first = async {
        for batch in events.chunks(17) {
            forward += one.commit(batch).await.rows;
        }
    };
    let back: Vec<&String> = events.iter().rev().collect();
    let second = async {
        for batch in back.chunks(23) {
            backward += other.commit(batch).await.rows;
        }
    };
    tokio::join!(first, second);
    assert_eq!(forward + backward, 600);
    assert!(forward > 0 && backward > 0);
    engine.assert_fold_is_rebuild().await;
}

/// A limit that binds some events and not others: a lowered limit refuses new holds, and takes what
/// brings the account back.
#[tokio::test]
async fn a_check_may_speak_of_the_event_at_hand() {
    let rollups = "[rollups.s]\nfrom = \"events\"\nby = [\"k\"]\nsum = \"sum(n)\"\n\
                   check = \"side <> 'sell' or sum >= 0\"\n";
    let engine = Engine::applied(TABLE, &system(rollups)).await;
    let mut feed = engine.feed("events").await;
    let one =
        |id, side: &str, n: i32| event(id, &format!(r#""k": "x", "n": {n}, "side": "{side}""#));
    let all = [
        one(1, "buy", -5),
        one(2, "sell", 1),
        one(3, "buy", 4),
        one(4, "sell", 3),
        one(5, "sell", -2),
        one(6, "sell", -1),
    ];
    let outcome = feed.commit(&all[..3]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (2, 1), "-5 stands, +1 is still below 0");
    let outcome = feed.commit(&all[3..]).await;
    assert_eq!((outcome.rows, outcome.dead_letters), (2, 1), "2, 0, and -1 is refused");
    assert_eq!(engine.texts("select sum::text from s").await, ["0"]);
    engine.assert_fold_is_rebuild().await;
}
