//! The feed of the factory system: what machines say of themselves, from several companies in
//! several time zones.
//!
//! A machine is in a state, makes parts while it produces, and is measured, inspected and repaired;
//! what it says follows from where it is. The play keeps the events that count, so that the
//! seconds in each state and the parts made are known at its end without asking a store. Skew and
//! faults are those of the brief, §8.

mod books;
mod entities;
mod machine;
mod messages;
mod world;

use crate::arrival::Maker;
use crate::dice::Dice;
use crate::expected::{Broken, Claim};
use crate::timeline::Moment;
use crate::{Event, Options};

use books::Books;
pub(crate) use entities::entities_sql;
use machine::Machine;
use world::World;

/// Far enough that a feed kept in a file stays in the future.
const FAR_MS: i64 = 10 * 366 * 24 * 3_600_000;
/// Of a thousand events so many are readings, counts, states, measurements, energy, alarms, scrap,
/// annotations, inspections, corrections, repairs, orders: the last one is the rest.
const SHARES: [u64; 12] = [700, 820, 880, 920, 945, 970, 980, 986, 991, 995, 998, 1_000];

const BROKEN: [Broken; 7] = [
    Broken::MissingKey,
    Broken::MissingTime,
    Broken::NegativeSize,
    Broken::Malformed,
    Broken::FarFuture,
    Broken::UnknownTenant,
    Broken::Conflict,
];

/// The course of all machines.
#[derive(Debug)]
pub(crate) struct Factory {
    dice: Dice,
    far_ms: i64,
    world: World,
    machines: Vec<Machine>,
    books: Books,
    /// Counts what has a uuid.
    serial: u64,
}

impl Factory {
    pub(crate) fn new(options: &Options) -> Self {
        let world = World::new(options);
        let mut dice = Dice::new(options.seed, 2);
        let start = options.until_ms - options.span_ms;
        let machines =
            world.machines.iter().map(|_| Machine::new(start, &mut dice)).collect::<Vec<_>>();
        let books = Books::new(machines.len());
        let far_ms = options.until_ms + FAR_MS;
        Self { dice, far_ms, world, machines, books, serial: 0 }
    }

    /// Which machine speaks, and when by its own clock.
    fn turn(&mut self, moment: Moment) -> (usize, i64) {
        let at = self.dice.pick(&self.world.weights);
        let machine = &mut self.machines[at];
        machine.last_ms = moment.ms.max(machine.last_ms + 1);
        machine.seq += 1;
        (at, machine.last_ms)
    }
}

impl Maker for Factory {
    /// The next event, as it should be.
    fn event(&mut self, moment: Moment) -> Event {
        let (at, ms) = self.turn(moment);
        let kind = self.dice.pick(&SHARES);
        self.serial += 1;
        let Self { dice, world, machines, books, serial, .. } = self;
        let machine = &mut machines[at];
        match kind {
            1 => machine.count(world, at, ms, dice, books),
            2 => machine.change(world, at, ms, dice, books),
            3 => machine.measure(world, at, ms, dice),
            4 => machine.energy(world, at, ms, dice),
            5 => machine.alarm(world, at, ms, dice),
            6 => machine.scrap(world, at, ms, dice, *serial),
            7 => machine.annotate(world, at, ms, dice),
            8 => machine.inspect(world, at, ms, dice, *serial),
            9 => machine
                .correct(world, at, ms, dice, books, *serial)
                .unwrap_or_else(|| machine.reading(world, at, ms, dice)),
            10 => machine.maintain(world, at, ms, dice, *serial),
            11 => machine.order(world, at, ms, dice),
            _ => machine.reading(world, at, ms, dice),
        }
    }

    /// The next event, broken in some way.
    fn broken(&mut self, moment: Moment) -> (Event, Broken) {
        let kind = BROKEN[self.dice.below(BROKEN.len() as u64) as usize];
        let (at, ms) = self.turn(moment);
        let ms = if kind == Broken::FarFuture { self.far_ms } else { ms };
        let Self { dice, world, machines, .. } = self;
        let machine = &mut machines[at];
        let event = match kind {
            Broken::NegativeSize => machine.negative_count(world, at, ms),
            Broken::Conflict => match machine.conflict(world, at) {
                Some(event) => event,
                None => {
                    return (
                        machine.broken_reading(world, at, ms, Broken::Malformed, dice),
                        Broken::Malformed,
                    );
                }
            },
            kind => machine.broken_reading(world, at, ms, kind, dice),
        };
        (event, kind)
    }

    fn claims(&self) -> Vec<Claim> {
        self.books.claims()
    }
}
