//! The rules of the market: worked numbers that need no event.

use super::world::market;

#[tokio::test]
async fn w1_the_winner_is_ranked_by_amount_and_rating_and_pays_the_second_price() {
    let market = market().await;
    let bids = r#"[{"bid_id": "00000000-0000-4000-8000-000000000001", "amount": 12.50,
          "rating": 0.9, "fraud": 0.1, "received": 3},
         {"bid_id": "00000000-0000-4000-8000-000000000002", "amount": 11.75,
          "rating": 0.8, "fraud": 0, "received": 2},
         {"bid_id": "00000000-0000-4000-8000-000000000003", "amount": 14.00,
          "rating": 0.5, "fraud": 0.6, "received": 1},
         {"bid_id": "00000000-0000-4000-8000-000000000004", "amount": 3.50,
          "rating": 1, "fraud": 0, "received": 0}]"#;
    let pick = |kind: &str, bids: &str| {
        format!(
            "select concat_ws(' ', place, right(bid_id::text, 1), trim_scale(score), \
             trim_scale(pays)) from pick_winner('{kind}', 4.00, 0.01, '{bids}')"
        )
    };
    let all = market.texts(&pick("second_price", bids)).await;
    assert_eq!(all, ["1 1 11.45 11.76", "2 2 10.625", "3 3 4.52"]);
    assert_eq!(market.texts(&pick("first_price", bids)).await[0], "1 1 11.45 12.5");
    let alone = bids.split_inclusive('}').next().unwrap().to_owned() + "]";
    assert_eq!(market.texts(&pick("second_price", &alone)).await, ["1 1 11.45 4"]);
    // The same score: who was received first.
    let tie = bids.replace("14.00", "11.75").replace("0.5, \"fraud\": 0.6", "0.8, \"fraud\": 0");
    assert_eq!(market.texts(&pick("first_price", &tie)).await[1], "2 3 10.625");
}

#[tokio::test]
async fn w5_a_call_by_the_minute_is_charged_for_whole_minutes() {
    let market = market().await;
    for (call, expected) in [
        ("'per_minute', 1.20, 187", "3.6"),
        ("'per_minute', 1.20, 191", "3.6"),
        ("'per_minute', 1.20, 241", "4.8"),
        ("'per_minute', 1.20, 59", "0"),
        ("'per_minute', 1.20, 187, 0, 6", "3.72"),
        ("'per_call', 12.50, 0", "12.5"),
        ("'per_call', 12.50, 29, 30", "0"),
    ] {
        let sql = format!("select trim_scale(call_charge({call}))::text");
        assert_eq!(market.texts(&sql).await, [expected], "{call}");
    }
    // Half to even, and what rounding leaves is the platform's.
    for (value, expected) in
        [("0.00005", "0"), ("0.00015", "0.0002"), ("0.00025", "0.0002"), ("-0.00015", "-0.0002")]
    {
        let sql = format!("select trim_scale(round_half_even({value}, 4))::text");
        assert_eq!(market.texts(&sql).await, [expected], "{value}");
    }
    assert_eq!(market.texts("select trim_scale(seller_part(11.76, 0.15))::text").await, ["9.996"]);
}

#[tokio::test]
async fn w9_hours_are_the_called_partys_and_end_before_nine() {
    let market = market().await;
    for (local, zone, allowed) in [
        ("2025-06-12 20:59:59", "America/Phoenix", "true"),
        ("2025-06-12 21:00:00", "America/Phoenix", "false"),
        ("2025-06-12 08:00:00", "America/Phoenix", "true"),
        ("2025-06-12 07:59:59", "America/Phoenix", "false"),
        ("2025-12-12 20:59:59", "America/Phoenix", "true"),
        ("2025-06-12 20:59:59", "America/New_York", "true"),
    ] {
        let sql = format!(
            "select hours_allow(timestamp '{local}' at time zone '{zone}', '{zone}', \
             '08:00', '21:00')::text"
        );
        assert_eq!(market.texts(&sql).await, [allowed], "{local} {zone}");
    }
    for zone in ["null", "'Mars/Olympus'", "''"] {
        let sql = format!("select hours_allow(now(), {zone}, '00:00', '23:59')::text");
        assert_eq!(market.texts(&sql).await, ["false"], "{zone}");
    }
}

#[tokio::test]
async fn w11_bids_are_paced_and_stop_at_the_budget() {
    let market = market().await;
    for (spent, factor) in [("75", "0.8"), ("40", "1.2"), ("60", "1"), ("240", "0")] {
        let sql = format!("select pace_factor(240, '6 hours', '24 hours', {spent})::text");
        assert_eq!(market.texts(&sql).await, [factor], "{spent}");
    }
}

#[tokio::test]
async fn w12_quality_is_weighed_and_stays_between_0_and_10() {
    let market = market().await;
    let score = |of: &str| format!("select trim_scale(quality_score({of}))::text");
    assert_eq!(market.texts(&score("8, 2, 7, 0.3, 6, 9")).await, ["6.1"]);
    assert_eq!(market.texts(&score("")).await, ["4"]);
    assert_eq!(market.texts(&score("0, 100, 0, 0, 0, 0")).await, ["0"]);
    assert_eq!(market.texts(&score("10, 0, 10, 10, 10, 10")).await, ["10"]);
}

#[tokio::test]
async fn w13_the_price_is_the_base_by_volume_hour_place_and_quality() {
    let market = market().await;
    let price = |calls: u32, at: &str, place: &str, quality: u32| {
        format!(
            "select trim_scale(price(12.00, {calls}, timestamp '{at}' at time zone \
             'America/Chicago', 'America/Chicago', '{place}', {quality}))::text"
        )
    };
    let tuesday = "2025-06-10 10:00";
    assert_eq!(market.texts(&price(6000, tuesday, "metro", 93)).await, ["15.6816"]);
    assert_eq!(market.texts(&price(10_001, tuesday, "rural", 70)).await, ["11.628"]);
    assert_eq!(market.texts(&price(0, "2025-06-14 10:00", "", 50)).await, ["7.68"]);
    // Two bands of one rule never hold at once.
    let error = market
        .client
        .batch_execute(
            "insert into price_bands (rule_no, band, factor) \
             select rule_no, '[5000,6000)', 0.5 from price_rules where rule = 'volume'",
        )
        .await
        .unwrap_err();
    assert_eq!(error.code().unwrap().code(), "23P01");
}

#[tokio::test]
async fn r27_an_entity_changes_only_for_who_saw_its_last_version() {
    let market = market().await;
    let blind = "update accounts set name = 'x'";
    let error = market.client.batch_execute(blind).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "40001");
    let seen = "update accounts set name = 'x', version = version + 1 \
                where type = 'seller' and version = 0";
    assert_eq!(market.client.execute(seen, &[]).await.unwrap(), 2);
    assert_eq!(market.client.execute(seen, &[]).await.unwrap(), 0, "the second comes too late");
    market
        .run(
            "insert into payouts (id, account_id, idempotency_key, amount) \
             select gen_random_uuid(), id, 'p1', 5 from accounts limit 1",
        )
        .await;
    let (one, other) = (market.db.connect().await, market.db.connect().await);
    let moves = "select move_payout(id, 'pending', 'processing') from payouts";
    let (first, second) = tokio::join!(one.query_one(moves, &[]), other.query_one(moves, &[]));
    let won = [first, second].map(|row| row.unwrap().get::<_, bool>(0));
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
}
