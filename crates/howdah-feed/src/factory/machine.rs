//! A machine: its state, its counters, and what it says.

use crate::Event;
use crate::dice::Dice;
use crate::expected::Broken;
use crate::factory::books::{Books, Count, State};
use crate::factory::messages::{begin, begin_broken, end, end_broken};
use crate::factory::world::{PRI, PRODUCTS, World, order_name, product_of};
use crate::json::UuidPrefix;

/// Uuids of inspections, of scrap, of repairs, of corrections.
const INSPECTION: UuidPrefix = UuidPrefix("0197a100");
const SCRAP: UuidPrefix = UuidPrefix("0197a200");
const REPAIR: UuidPrefix = UuidPrefix("0197a300");
const CORRECTION: UuidPrefix = UuidPrefix("0197b000");

/// The states of the brief, and of a hundred changes away from production so many lead into each.
pub(super) const STATES: [&str; 10] = [
    "PRODUCING",
    "SETUP",
    "MINOR_STOP",
    "DOWN",
    "PLANNED_STOP",
    "STARVED",
    "BLOCKED",
    "BREAK",
    "NO_ORDER",
    "OFFLINE",
];
const INTO: [u64; 10] = [8, 20, 48, 68, 76, 84, 90, 96, 98, 100];
pub(super) const PRODUCING: usize = 0;
const DOWN: usize = 3;
const PLANNED_STOP: usize = 4;
/// Reasons of being down, the last of them none; two are failures.
pub(super) const DOWN_REASONS: [&str; 4] = ["BREAKDOWN_HYD", "BREAKDOWN_EL", "JAM", ""];
pub(super) const PLANNED_REASONS: [&str; 2] = ["PM_WEEKLY", "CLEANING"];

/// Parameters: name, unit, base value; four fifths of all readings are of the first five.
pub(super) const PARAMETERS: [(&str, &str, i64); 10] = [
    ("spindle_temp", "Cel", 60),
    ("vibration", "mm/s", 4),
    ("pressure", "bar", 180),
    ("current", "A", 32),
    ("speed", "/min", 900),
    ("oil_temp", "Cel", 45),
    ("flow", "L", 12),
    ("voltage", "V", 400),
    ("humidity", "%", 40),
    ("torque", "1", 75),
];

/// What a machine is about.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) last_ms: i64,
    pub(super) seq: u64,
    state: usize,
    epoch: u64,
    total: u64,
    good: u64,
    scrap: u64,
    rework: u64,
    counted_ms: i64,
    /// Energy in watt hours.
    energy: i64,
    energy_ms: i64,
    sample: u64,
    subgroup: u64,
    alarm: u64,
    repair: u64,
    down_ms: Option<i64>,
    /// The last reading: time, number, value in thousandths.
    reading: Option<(i64, u64, i64)>,
    phase: u64,
}

impl Machine {
    pub(super) fn new(start_ms: i64, dice: &mut Dice) -> Self {
        Self {
            last_ms: start_ms,
            seq: 0,
            state: PRODUCING,
            epoch: 1 + dice.below(9),
            total: dice.below(10_000),
            good: 0,
            scrap: 0,
            rework: 0,
            counted_ms: start_ms,
            energy: dice.below(1_000_000) as i64,
            energy_ms: start_ms,
            sample: 0,
            subgroup: 0,
            alarm: 0,
            repair: 0,
            down_ms: None,
            reading: None,
            phase: 0,
        }
    }

    /// It goes into another state.
    pub(super) fn change(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        books: &mut Books,
    ) -> Event {
        self.state = if self.state != PRODUCING && dice.below(10) < 7 {
            PRODUCING
        } else {
            dice.pick(&INTO)
        };
        let reason = match self.state {
            DOWN => DOWN_REASONS[dice.below(4) as usize],
            PLANNED_STOP => PLANNED_REASONS[dice.below(2) as usize],
            _ => "",
        };
        if self.state == DOWN {
            self.down_ms = Some(ms);
        }
        books.state(at, State { ms, seq: self.seq, into: self.state, voided: false });
        let place = &world.machines[at];
        let mut json = begin("machine_state", place, ms, self.seq);
        json.text("state", STATES[self.state]);
        if !reason.is_empty() {
            json.text("reason_code", reason);
        }
        let order = world.order_at(ms);
        json.text("order_no", &order_name(&place.line, order));
        json.text("product_code", PRODUCTS[product_of(order)]);
        end("machine_state", json)
    }

    /// What its counters say now.
    pub(super) fn count(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        books: &mut Books,
    ) -> Event {
        let order = world.order_at(ms);
        match dice.below(1_000) {
            // A new epoch, or counters that fall without one.
            0 => {
                self.epoch += 1;
                (self.total, self.good, self.scrap, self.rework) = (0, 0, 0, 0);
            }
            1..=3 => (self.total, self.good, self.scrap, self.rework) = (0, 0, 0, 0),
            _ => {}
        }
        if self.state == PRODUCING {
            // At most an hour is made up for, at 60 to 100 % of the planned rate.
            let elapsed = (ms - self.counted_ms).clamp(0, 3_600_000);
            let most = elapsed * 10 / PRI[product_of(order)];
            let made = (most as u64) * (60 + dice.below(41)) / 100;
            let scrap = (0..made.min(40)).filter(|_| dice.below(50) == 0).count() as u64;
            let rework = (0..made.min(20)).filter(|_| dice.below(80) == 0).count() as u64;
            let scrap = scrap.min(made);
            let rework = rework.min(made - scrap);
            self.total += made;
            self.scrap += scrap;
            self.rework += rework;
        }
        self.good = self.total - self.scrap - self.rework;
        self.counted_ms = ms;
        books.count(
            at,
            Count {
                epoch: self.epoch,
                ms,
                values: [self.total, self.good, self.scrap, self.rework],
            },
        );
        self.counters(world, at, ms, order, None)
    }

    fn counters(
        &self,
        world: &World,
        at: usize,
        ms: i64,
        order: i64,
        broken: Option<Broken>,
    ) -> Event {
        let place = &world.machines[at];
        let mut json = begin("production_count", place, ms, self.seq);
        json.number("counter_epoch", self.epoch);
        match broken {
            None => json.number("total_cum", self.total),
            Some(_) => json.raw("total_cum", "-5"),
        }
        json.number("good_cum", self.good);
        json.number("scrap_cum", self.scrap);
        json.number("rework_cum", self.rework);
        json.text("order_no", &order_name(&place.line, order));
        json.text("product_code", PRODUCTS[product_of(order)]);
        end("production_count", json)
    }

    /// Counters that cannot be.
    pub(super) fn negative_count(&self, world: &World, at: usize, ms: i64) -> Event {
        self.counters(world, at, ms, world.order_at(ms), Some(Broken::NegativeSize))
    }

    /// A reading: some are bad, some out of range, some of a parameter that nobody declared.
    pub(super) fn reading(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        let index = if dice.below(5) < 4 { dice.below(5) } else { 5 + dice.below(5) } as usize;
        let (name, unit, base) = PARAMETERS[index];
        let name = if dice.per_million(500) { "prototype_probe" } else { name };
        let mut value = base * 1_000 + dice.below(base.unsigned_abs() * 100 + 1) as i64;
        if dice.per_million(3_000) {
            value *= 40;
        }
        if index == 0 {
            self.reading = Some((ms, self.seq, value));
        }
        let mut json = begin("sensor_reading", &world.machines[at], ms, self.seq);
        json.text("parameter", name);
        json.decimal("value", value, 3);
        json.text("unit", unit);
        json.text("quality", if dice.below(50) == 0 { "bad" } else { "good" });
        json.text("source", "gw-1");
        end("sensor_reading", json)
    }

    /// The last reading of its first parameter once more, with another value.
    pub(super) fn conflict(&mut self, world: &World, at: usize) -> Option<Event> {
        let (ms, seq, value) = self.reading.take()?;
        let (name, unit, _) = PARAMETERS[0];
        let mut json = begin("sensor_reading", &world.machines[at], ms, seq);
        json.text("parameter", name);
        json.decimal("value", value + 1, 3);
        json.text("unit", unit);
        json.text("quality", "good");
        json.text("source", "gw-1");
        Some(end("sensor_reading", json))
    }

    pub(super) fn broken_reading(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        broken: Broken,
        dice: &mut Dice,
    ) -> Event {
        let place = &world.machines[at];
        let mut json = begin_broken("sensor_reading", place, ms, self.seq, Some(broken));
        json.text("parameter", PARAMETERS[1].0);
        json.decimal("value", 4_000 + dice.below(100) as i64, 3);
        end_broken("sensor_reading", json, broken)
    }

    /// One sample of five of a subgroup, around twelve millimetres.
    pub(super) fn measure(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        if self.sample == 5 {
            self.sample = 0;
            self.subgroup += 1;
        }
        self.sample += 1;
        let place = &world.machines[at];
        let mut json = begin("measurement", place, ms, self.seq);
        json.text("characteristic", "hole_d_mm");
        json.text("subgroup_id", &format!("{:06}", self.subgroup));
        json.number("sample_no", self.sample);
        // Two throws make the middle likelier.
        json.decimal("value", 11_970 + (dice.below(31) + dice.below(31)) as i64, 3);
        json.text("gauge_id", "GA-77");
        json.text("lot", &Self::lot(world, at, ms));
        end("measurement", json)
    }

    fn lot(world: &World, at: usize, ms: i64) -> String {
        format!("L-{}-{}", world.machines[at].line, world.order_at(ms))
    }

    /// The meter, in kilowatt hours.
    pub(super) fn energy(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        let elapsed = (ms - self.energy_ms).clamp(0, 3_600_000);
        let kilowatts = if self.state == PRODUCING { 18 } else { 3 };
        self.energy += elapsed * kilowatts / 3_600 + dice.below(50) as i64;
        self.energy_ms = ms;
        let mut json = begin("energy_reading", &world.machines[at], ms, self.seq);
        json.text("carrier", "electricity");
        json.decimal("cum_value", self.energy, 3);
        json.text("unit", "kW.h");
        end("energy_reading", json)
    }

    /// An alarm is raised, acknowledged, cleared, and then another.
    pub(super) fn alarm(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        let phase = ["raise", "ack", "clear"][(self.alarm % 3) as usize];
        let code = ["HYD-LOW", "DOOR", "OVERLOAD"][(self.alarm / 3 % 3) as usize];
        self.alarm += 1;
        let mut json = begin("alarm", &world.machines[at], ms, self.seq);
        json.text("alarm_code", code);
        json.number("severity", 1 + dice.below(5));
        json.text("phase", phase);
        end("alarm", json)
    }

    pub(super) fn scrap(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        serial: u64,
    ) -> Event {
        let mut json = begin("scrap_event", &world.machines[at], ms, self.seq);
        json.uuid("event_id", SCRAP, serial);
        json.text("product_code", PRODUCTS[product_of(world.order_at(ms))]);
        json.text("defect_code", ["DIM-03", "SUR-01"][dice.below(2) as usize]);
        json.number("qty", 1 + dice.below(5));
        json.decimal("weight_kg", 200 + dice.below(2_000) as i64, 3);
        json.decimal("unit_cost", 24_150, 4);
        json.text("disposition", if dice.below(4) == 0 { "rework" } else { "scrap" });
        json.text("lot", &Self::lot(world, at, ms));
        end("scrap_event", json)
    }

    /// Somebody says why it stopped; without a stop so far, of now.
    pub(super) fn annotate(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        let mut json = begin("stop_annotation", &world.machines[at], ms, self.seq);
        json.time("stop_start", self.down_ms.unwrap_or(ms));
        json.text("reason_code", DOWN_REASONS[dice.below(3) as usize]);
        json.text("comment", "hose burst");
        json.text("pseudonym", "p-5f1c");
        end("stop_annotation", json)
    }

    pub(super) fn inspect(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        serial: u64,
    ) -> Event {
        let defects = if dice.below(5) == 0 { 1 + dice.below(3) } else { 0 };
        let mut json = begin("inspection", &world.machines[at], ms, self.seq);
        json.uuid("inspection_id", INSPECTION, serial);
        json.text("kind", ["first_piece", "in_process", "final"][dice.below(3) as usize]);
        json.text("lot", &Self::lot(world, at, ms));
        json.number("sample_size", 10);
        json.number("defects", defects);
        json.raw("defect_codes", if defects == 0 { "[]" } else { "[\"DIM-03\"]" });
        json.text("inspector", "p-5f1c");
        end("inspection", json)
    }

    /// A failure, its repair, and now and then a planned service.
    pub(super) fn maintain(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        serial: u64,
    ) -> Event {
        let kinds = ["failure", "repair_start", "repair_end", "pm_start", "pm_end"];
        let kind = kinds[(self.repair % 5) as usize];
        self.repair += 1;
        let mut json = begin("maintenance_event", &world.machines[at], ms, self.seq);
        json.uuid("event_id", REPAIR, serial);
        json.text("wo_no", &format!("MO-{}", self.repair / 5));
        json.text("kind", kind);
        if kind.ends_with("_end") {
            json.number("active_repair_s", 600 + dice.below(6_000));
            json.decimal("labour_h", 5 + dice.below(40) as i64, 1);
            json.decimal("cost", 5_000 + dice.below(50_000) as i64, 2);
        }
        end("maintenance_event", json)
    }

    pub(super) fn order(&mut self, world: &World, at: usize, ms: i64, dice: &mut Dice) -> Event {
        let place = &world.machines[at];
        let phases = ["release", "start", "pause", "resume"];
        let phase = phases[(self.phase % 4) as usize];
        self.phase += 1;
        let mut json = begin("order_event", place, ms, self.seq);
        json.text("order_no", &order_name(&place.line, world.order_at(ms)));
        json.text("phase", phase);
        json.number("qty", 100 + dice.below(900));
        end("order_event", json)
    }

    /// One of its last states was another, or was not at all; none when it has had none.
    pub(super) fn correct(
        &mut self,
        world: &World,
        at: usize,
        ms: i64,
        dice: &mut Dice,
        books: &mut Books,
        serial: u64,
    ) -> Option<Event> {
        let replace = dice.below(5) < 4;
        let target = books.take_back(at, dice)?;
        let place = &world.machines[at];
        let mut json = begin("correction", place, ms, self.seq);
        json.uuid("correction_id", CORRECTION, serial);
        json.text("target_stream", "machine_state");
        let mut key = crate::json::Object::with_capacity(96);
        key.text("equipment", &place.id);
        key.time("ts", target.ms);
        key.number("seq", target.seq);
        json.raw("target_key", &key.finish());
        json.text("action", if replace { "replace" } else { "void" });
        if replace {
            books.replaced(
                at,
                State { ms: target.ms, seq: self.seq, into: PLANNED_STOP, voided: false },
            );
            let order = world.order_at(target.ms);
            let mut state = crate::json::Object::with_capacity(128);
            state.text("state", STATES[PLANNED_STOP]);
            state.text("reason_code", PLANNED_REASONS[0]);
            state.text("order_no", &order_name(&place.line, order));
            state.text("product_code", PRODUCTS[product_of(order)]);
            json.raw("replacement", &state.finish());
        }
        json.text("reason", "PM booked as breakdown");
        json.text("author", "p-0a42");
        Some(end("correction", json))
    }
}
