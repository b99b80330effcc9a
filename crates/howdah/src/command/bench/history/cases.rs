//! The streams whose history is measured: what fills them, and what is asked of them.

/// A stream: its name, the SQL that fills it with `{n}` events, the queries, and the goals in
/// bytes an event and in times smaller.
pub struct Case {
    pub stream: &'static str,
    fill: &'static str,
    pub queries: &'static [(&'static str, &'static str)],
    pub goal_bytes: Option<f64>,
    pub goal_ratio: f64,
    /// For TimescaleDB: the column of the time with the width of a chunk, the columns of which each
    /// batch has one value, and the order within a batch. As the system file has them for howdah.
    pub range: &'static str,
    pub segment_by: &'static str,
    pub order_by: &'static str,
}

impl Case {
    /// The SQL that fills the table of the stream with at least this many events, if the case has
    /// so many.
    pub fn fill(&self, events: u64) -> String {
        self.fill.replace("{tenant}", TENANT).replace("{n}", &events.to_string())
    }
}

const TENANT: &str = "'11111111-1111-4111-8111-111111111111'";

pub const CASES: [Case; 4] = [
    Case {
        stream: "telemetry",
        fill: "insert into telemetry select {tenant}, s, '2026-01-01Z'::timestamptz \
               + i * interval '100 ms' + i / 5000 * interval '7 min', \
               round((3 * sin(i / 90.0 + s))::numeric, 2), \
               round((3 * cos(i / 70.0 + s))::numeric, 2), \
               round((1.5 + sin(i / 300.0))::numeric, 2), \
               round((4.1 - i / 60000.0)::numeric, 3), round((2 * sin(i / 11.0))::numeric, 1), \
               round((2 * cos(i / 13.0))::numeric, 1), i / 40 % 360, \
               1200 + (20 * sin(i / 25.0))::int, 11 + i / 3000 % 3, true \
               from generate_series(1, 20) s, generate_series(0, {n} / 20 - 1) i",
        queries: &[
            ("one column", "select sum(x) from {t}"),
            (
                "key and range",
                "select avg(battery) from {t} where aircraft_id = 7 and at >= \
              '2026-01-01 00:20Z' and at < '2026-01-01 00:25Z'",
            ),
        ],
        goal_bytes: Some(8.0),
        goal_ratio: 20.0,
        range: "'at', interval '1 day'",
        segment_by: "tenant_id, aircraft_id",
        order_by: "at",
    },
    Case {
        stream: "sensors",
        fill: "insert into sensors select {tenant}, s, '2026-01-01Z'::timestamptz \
               + i * interval '1 s', round((70 + 5 * sin(i / 900.0))::numeric, 2), \
               round((3 + i / 400 % 5 / 10.0)::numeric, 2), \
               round((0.2 + 0.05 * sin(i / 50.0))::numeric, 3), \
               round((2 + sin(i / 200.0))::numeric, 2), round((32 + cos(i / 600.0))::numeric, 1), \
               1450 + i / 60 % 7, case when i / 900 % 4 = 0 then 'idle' else 'automatic' end, \
               i % 5000 = 0 \
               from generate_series(1, 20) s, generate_series(0, least({n} / 20, 86400) - 1) i",
        queries: &[
            ("one column", "select sum(vibration) from {t}"),
            (
                "key and range",
                "select avg(flow) from {t} where machine_id = 7 and at >= \
              '2026-01-01 02:00Z' and at < '2026-01-01 02:10Z'",
            ),
        ],
        goal_bytes: Some(8.0),
        goal_ratio: 20.0,
        range: "'at', interval '1 day'",
        segment_by: "tenant_id, machine_id",
        order_by: "at",
    },
    Case {
        stream: "trades",
        fill: "insert into trades select {tenant}, 'SYM' || i % 5, 3735683259 + i, \
               '2026-01-01Z'::timestamptz + i * interval '80 ms' \
               + (random() * 79)::int * interval '1 ms', \
               round((61000 + 50 * sin(i / 5000.0) + random() * 4)::numeric, 2), \
               round((random() ^ 3)::numeric, 5), \
               case when random() < 0.5 then 'buy' else 'sell' end \
               from (select setseed(0.5)) q, generate_series(0, least({n}, 1000000) - 1) i",
        queries: &[
            ("one column", "select sum(quantity) from {t}"),
            (
                "key and range",
                "select max(price) from {t} where symbol = 'SYM3' and executed_at >= \
              '2026-01-01 00:10Z' and executed_at < '2026-01-01 00:15Z'",
            ),
        ],
        goal_bytes: None,
        goal_ratio: 6.0,
        range: "'executed_at', interval '1 day'",
        segment_by: "tenant_id, symbol",
        order_by: "executed_at, trade_id",
    },
    // As the brief of the system chain draws them: accounts and terms by Zipf's law, nine redeems
    // of a hundred, four events a block. Hashes are noise: 32 bytes an event stay.
    Case {
        stream: "stakes",
        fill: "insert into stakes select 1155, \
               decode('6e35cf57a41fa15ea0eae9c33e751b01a784fe7e', 'hex'), 4000000 + i / 4, \
               sha256(('b' || i / 4)::bytea), \
               '2026-01-01Z'::timestamptz + i / 4 * interval '2 s', sha256(('t' || i)::bytea), \
               i % 4, i % 4 * 3, case when redeems then 'Redeemed' else 'Deposited' end, account, \
               account, sha256(('v' || term)::bytea), '1', date '2026-01-01' + i / 172800, \
               amount * 1e14, case when not redeems then round(amount * 0.9475e14) end, \
               case when redeems then round(amount * 0.0125e14) end, \
               round(amount * 1e14 / (1 + term / 7.0)), \
               round(amount * (2 + random() * 9)::numeric * 1e13), \
               case when term % 3 = 0 then 'Atom' else 'Triple' end, \
               '2026-01-01Z'::timestamptz + i / 4 * interval '2 s' + random() * interval '3 s' \
               from (select setseed(0.5)) q, generate_series(0, least({n}, 5000000) - 1) i, \
               lateral (select \
               substr(sha256(('a' || floor(exp(random() * ln(4000) + 0 * i)))::bytea), 13) \
               as account, floor(exp(random() * ln(500) + 0 * i))::int as term, \
               round((exp(random() * 9 + 0 * i))::numeric) as amount, \
               random() + 0 * i < 0.09 as redeems) v",
        queries: &[
            ("one column", "select sum(assets) from {t}"),
            (
                "key and range",
                "select sum(assets) from {t} where term_id = sha256('v7') and \
              block_timestamp >= '2026-01-01 02:00Z' and block_timestamp < '2026-01-01 08:00Z'",
            ),
        ],
        goal_bytes: None,
        goal_ratio: 6.0,
        range: "'block_timestamp', interval '31 days'",
        segment_by: "term_id",
        order_by: "block_timestamp, chain_id, block_number, address, log_index, block_hash",
    },
];
