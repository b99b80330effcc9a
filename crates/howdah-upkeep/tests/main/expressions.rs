//! Random expressions and events over one wide table, from a seed.

use crate::rollups::Dice;

pub const TABLE: &str = r#"
create type side as enum ('sell', 'buy', 'hold');
create table events (
    id bigint not null, at timestamptz not null, seq int, k text not null, g int,
    i2 smallint, i4 int, i8 bigint, nu numeric, nd numeric(30,6), big numeric(78,0),
    f4 real, f8 float8, word text collate "C", name text, code varchar(6), iso char(3),
    side side, who uuid, raw bytea, day date, local timestamp, ts timestamptz, ok boolean,
    times int not null default 3,
    cost numeric generated always as (trim_scale(nu * nd)) stored,
    unique (id, at)
);
"#;

/// One expression of a type; `deep` bounds how deep it nests.
pub fn number(dice: &mut Dice, deep: u64) -> String {
    if deep == 0 || dice.below(4) == 0 {
        let of = ["nu", "nd", "big", "cost", "1.50", "-0.001", "1e2", "12345678901234567890"];
        let of = dice.pick(&of).to_owned();
        return if of == "1e2" { "100.0".to_owned() } else { of };
    }
    let next = deep - 1;
    match dice.below(9) {
        0 => format!("{} + {}", number(dice, next), bracketed(dice, next)),
        1 => format!("{} - ({})", number(dice, next), number(dice, next)),
        2 => format!("({}) * {}", number(dice, next), bracketed(dice, next)),
        3 => format!("-({})", number(dice, next)),
        4 => format!("abs({})", number(dice, next)),
        5 => format!(
            "case when {} then {} else {} end",
            condition(dice, next),
            number(dice, next),
            whole(dice, next)
        ),
        6 => format!("coalesce({}, {})", number(dice, next), whole(dice, next)),
        7 => format!(
            "greatest({}, {}, {})",
            number(dice, next),
            number(dice, next),
            whole(dice, next)
        ),
        _ => format!("({})::numeric(60,{})", whole(dice, next), dice.below(4)),
    }
}

fn bracketed(dice: &mut Dice, deep: u64) -> String {
    if dice.below(2) == 0 { format!("({})", number(dice, deep)) } else { whole(dice, 0) }
}

pub fn whole(dice: &mut Dice, deep: u64) -> String {
    if deep == 0 || dice.below(4) == 0 {
        let of = ["i2", "i4", "i8", "seq", "g", "7", "-3", "2147483648", "times"];
        return dice.pick(&of).to_owned();
    }
    let next = deep - 1;
    match dice.below(8) {
        0 => format!("({}) + ({})", whole(dice, next), whole(dice, next)),
        1 => format!("({}) - ({})", whole(dice, next), whole(dice, next)),
        2 => format!("({}) * ({})", whole(dice, next), whole(dice, next)),
        3 => format!("({}) / ({})", whole(dice, next), whole(dice, next)),
        4 => format!("({}) % ({})", whole(dice, next), whole(dice, next)),
        5 => format!("least({}, {})", whole(dice, next), whole(dice, next)),
        6 => format!(
            "case {} when 1 then {} when null then 5 else {} end",
            whole(dice, next),
            whole(dice, next),
            whole(dice, next)
        ),
        _ => format!("nullif({}, {})", "i8", "12"),
    }
}

pub fn condition(dice: &mut Dice, deep: u64) -> String {
    let next = deep.saturating_sub(1);
    let relation = dice.pick(&["=", "<>", "<", "<=", ">", ">="]).to_owned();
    let equality = dice.pick(&["=", "<>", "is distinct from", "is not distinct from"]).to_owned();
    let not = dice.pick(&["", "not "]).to_owned();
    match dice.below(if deep == 0 { 9 } else { 14 }) {
        0 => "ok".to_owned(),
        1 => format!("side {equality} 'buy'"),
        2 => format!("word {relation} 'b'"),
        3 => format!("name {equality} 'ä'"),
        4 => format!("ts {relation} '2026-01-10 00:00:00+00'"),
        5 => format!("side {relation} 'buy'"),
        6 => format!("who {equality} '00000000-0000-0000-0000-000000000001'"),
        7 => format!("iso {equality} 'US'"),
        8 => format!("{} is {not}null", dice.pick(&["i4", "nu", "word", "raw", "f8", "day"])),
        9 => format!("{not}({} and {})", condition(dice, next), condition(dice, next)),
        10 => format!("({} or {})", condition(dice, next), condition(dice, next)),
        11 => format!("{} {relation} {}", number(dice, next), number(dice, next)),
        12 => format!("code {not}in ('a', 'bb ', null, 'ccc')"),
        _ => format!("{} {not}between {} and {}", whole(dice, 0), whole(dice, 0), whole(dice, 0)),
    }
}

fn measure(dice: &mut Dice) -> String {
    let filter = match dice.below(3) {
        0 => format!(" filter (where {})", condition(dice, 2)),
        _ => String::new(),
    };
    let ordered = [
        "i2", "i4", "i8", "nu", "nd", "big", "f4", "f8", "word", "side", "day", "local", "ts",
        "times", "seq",
    ];
    let any = [
        "i4", "nu", "nd", "f8", "word", "name", "code", "iso", "side", "who", "raw", "day",
        "local", "ts", "ok", "times", "cost",
    ];
    let call = match dice.below(11) {
        0 => "count(*)".to_owned(),
        1 => format!("count({})", dice.pick(&any)),
        2 | 3 => format!("sum({})", number(dice, 2)),
        4 => format!("sum({})", whole(dice, 2)),
        5 => format!("sum({})", dice.pick(&["f4", "f8", "i2", "big"])),
        6 => {
            let of = dice.pick(&["avg", "stddev", "variance"]).to_owned();
            format!("{of}({})", number(dice, 1))
        }
        7 => format!("{}({})", dice.pick(&["min", "max"]).to_owned(), dice.pick(&ordered)),
        8 => format!("{}({})", dice.pick(&["min", "max"]).to_owned(), number(dice, 2)),
        9 => format!("{}({})", dice.pick(&["first", "last"]).to_owned(), dice.pick(&any)),
        _ => format!("{}({})", dice.pick(&["first", "last"]).to_owned(), number(dice, 1)),
    };
    format!("{call}{filter}")
}

/// A section of a system file: a rollup or a state with random measures.
pub fn rollup(dice: &mut Dice, name: &str) -> String {
    let by = dice.pick(&[
        "\"k\"",
        "\"k\", \"g\"",
        "\"code\", \"ok\"",
        "\"nd\"",
        "\"who\", \"side\"",
        "\"name\", \"iso\", \"day\"",
        "\"nu\", \"raw\"",
        "\"k\", \"word\", \"i8\"",
    ]);
    let mut text = format!("[rollups.{name}]\nfrom = \"events\"\nby = [{by}]\n");
    text.push_str(dice.pick(&[
        "",
        "every = [\"1 minute\", \"1 hour\", \"1 day\"]\n",
        "every = [\"15 minutes\", \"1 day\", \"1 week\", \"1 month\", \"1 year\"]\n",
        "every = [\"1 hour\", \"1 day\", \"1 week\"]\ntimezone = \"America/New_York\"\n",
        "every = [\"1 day\", \"1 quarter\"]\ntimezone = \"America/Havana\"\n",
    ]));
    if dice.below(2) == 0 {
        text.push_str(&format!("where = \"{}\"\n", condition(dice, 2)));
    }
    for n in 0..5 {
        text.push_str(&format!("m{n} = \"{}\"\n", measure(dice)));
    }
    text
}

/// An event as JSON; `lively`: numbers that make integers overflow are among them.
pub fn event(dice: &mut Dice, id: u64, lively: bool) -> String {
    // Around the changes of daylight saving in New York and Havana, the ends of a month and a year.
    let bases = [1_762_063_200_u64, 1_772_953_200, 1_769_817_600, 1_767_225_600];
    let at = bases[dice.below(4) as usize] + dice.below(200) * 613 % 86_400;
    let mut event = format!(r#"{{"id": {id}, "at": {at}"#);
    let mut field = |name: &str, value: &str| {
        event.push_str(&format!(r#", "{name}": {value}"#));
    };
    field("seq", dice.pick(&["0", "1", "2", "null"]));
    field("k", dice.pick(&["\"a\"", "\"B\"", "\"\"", "\"ä\"", "\"Ω😀\""]));
    field("g", dice.pick(&["0", "1", "null"]));
    let whole = if lively { 6 } else { 4 };
    field("i2", ["1", "-3", "null", "12", "32767", "-32768"][dice.below(whole) as usize]);
    field("i4", ["1", "-4", "null", "7", "2147483647", "-2147483648"][dice.below(whole) as usize]);
    field(
        "i8",
        ["12", "-9", "null", "0", "9223372036854775807", "-9223372036854775808"]
            [dice.below(whole) as usize],
    );
    field(
        "nu",
        &format!(
            "\"{}.{:0w$}\"",
            dice.below(1000),
            dice.below(1000),
            w = 3 + dice.below(9) as usize
        ),
    );
    field(
        "nd",
        dice.pick(&[
            "\"1\"",
            "\"1.0\"",
            "\"1.00\"",
            "\"-0.5\"",
            "null",
            "\"123456789012.000001\"",
            "0",
        ]),
    );
    field("big", &format!("\"{}\"", "9".repeat(dice.below(77) as usize + 1)));
    field("f8", dice.pick(&["0.1", "1e300", "-1e-300", "-0.0", "null", "3.3333333333333335"]));
    field("f4", dice.pick(&["0.1", "16777217", "null", "-3.25"]));
    let words = ["\"Zebra\"", "\"b\"", "\"\"", "\"ä\"", "\"z\\u0001\"", "null"];
    field("word", dice.pick(&words));
    field("name", dice.pick(&words));
    field("code", dice.pick(&["\"a\"", "\"bb \"", "\"bb\"", "\"ääääää   \"", "null"]));
    field("iso", dice.pick(&["\"US\"", "\"US \"", "\"USD\"", "\"\"", "null"]));
    field("side", dice.pick(&["\"sell\"", "\"buy\"", "\"hold\"", "null"]));
    field("who", &format!("\"00000000-0000-0000-0000-00000000000{}\"", dice.below(3)));
    field("raw", dice.pick(&["\"\\\\x\"", "\"\\\\x00ff\"", "null"]));
    field("day", dice.pick(&["\"2026-01-01\"", "\"1999-12-31\"", "null"]));
    field("local", dice.pick(&["\"2026-01-01T10:00:00\"", "\"1999-12-31T23:59:59.5\"", "null"]));
    field("ts", &format!("\"2026-01-{:02}T00:00:00.{:06}Z\"", dice.below(28) + 1, id));
    field("ok", dice.pick(&["true", "false", "null"]));
    if dice.below(2) == 0 {
        field("times", dice.pick(&["1", "null"]));
    }
    event.push('}');
    event
}
