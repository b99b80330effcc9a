//! A sample: what the sensors say at a moment of a flight.

use crate::dice::hashed;
use crate::json::{Object, push_decimal};

use super::flight::Flight;
use super::operators::Type;

/// Writes the channels of a sample at `t_ms` after arming; `number` counts samples of its source.
pub(super) fn channels(json: &mut Object, flight: &Flight, t_ms: i64, number: u64) {
    let seed = flight.number << 24 | (t_ms as u64 / 10);
    let noise = |salt: u64, most: i64| hashed(seed ^ (salt << 56), most as u64) as i64;
    let kind = flight.aircraft.kind();
    let (alt_dm, climb_cms) = flight.height(t_ms);
    let airborne = alt_dm > 0;
    let over_ground = if airborne { flight.speed_dms + noise(1, 9) } else { 0 };
    // Faults: 4 of 1,000 samples have one value that cannot be.
    let fault = if noise(2, 1_000) < 4 { noise(3, 4) } else { -1 };
    let north = flight.dep_lat_e7 + t_ms / 10 * i64::from(airborne);
    decimal(json, "lat", if fault == 0 { 951_234_567 } else { north }, 7);
    decimal(json, "lon", flight.dep_lon_e7 - t_ms / 20 * i64::from(airborne), 7);
    decimal(json, "alt_m", if fault == 1 { 250_000 } else { 410 + alt_dm + noise(4, 5) }, 1);
    decimal(json, "heading_deg", if fault == 2 { 4_000 } else { 1_700 + noise(5, 30) }, 1);
    decimal(json, "groundspeed", over_ground, 1);
    decimal(json, "climb_ms", climb_cms, 2);
    decimal(json, "pitch", noise(6, 80) - 40, 1);
    decimal(json, "roll", flight.bank_ddeg(t_ms) + noise(7, 60) - 30, 1);
    decimal(json, "yaw", 1_700 + noise(8, 30), 1);
    motors(json, flight, kind, airborne, seed);
    decimal(json, "throttle_pct", if airborne { 520 + noise(9, 60) } else { 80 }, 1);
    if kind != Type::Multirotor && kind != Type::Helicopter {
        decimal(json, "airspeed", if airborne { over_ground + 120 } else { 0 }, 1);
        for (salt, name) in [(10, "elevator"), (11, "aileron"), (12, "rudder")] {
            decimal(json, name, noise(salt, 120) - 60, 1);
        }
    }
    if kind != Type::FixedWing {
        for (salt, name, level) in [(13, "vib_x", 900), (14, "vib_y", 700), (15, "vib_z", 1_100)] {
            decimal(json, name, flight.vib_milli * level / 1_000 + noise(salt, 400) - 200, 3);
        }
    }
    battery(json, flight, t_ms, airborne, (fault == 3, noise(16, 90)));
    decimal(json, "gps_hdop", 7 + noise(17, 4), 1);
    json.number("sats", 12 + noise(18, 8) as u64);
    let transition = kind == Type::Vtol && (20_000..30_000).contains(&t_ms);
    let mode = match (airborne, transition) {
        (false, _) => "GROUND",
        (true, true) => "TRANSITION",
        (true, false) => "AUTO",
    };
    json.text("mode", mode);
    json.number("seq", number);
}

/// A value for each motor; 1 of 1,000 samples has one value too few.
fn motors(json: &mut Object, flight: &Flight, kind: Type, airborne: bool, seed: u64) {
    let short = u64::from(hashed(seed ^ 0x77, 1_000) == 0 && kind.motors() > 1);
    let count = kind.motors() - short;
    for (salt, name, ground, air, most) in [
        (30, "motor_rpm", 0, 45_000 + flight.rpm_offset, 900),
        (40, "motor_temp", 310, 440, 40),
        (50, "motor_current", 2, 58, 8),
    ] {
        let mut array = String::from("[");
        for motor in 0..count {
            if motor > 0 {
                array.push(',');
            }
            let noise = hashed(seed ^ ((salt + motor) << 48), most) as i64;
            let uneven = if name == "motor_rpm" { motor as i64 * flight.rpm_uneven } else { 0 };
            push_decimal(&mut array, if airborne { air + uneven + noise } else { ground }, 1);
        }
        array.push(']');
        json.raw(name, &array);
    }
}

/// The pack empties by its current and sags under it; at rest it is near its open voltage.
fn battery(json: &mut Object, flight: &Flight, t_ms: i64, airborne: bool, more: (bool, i64)) {
    let (fault, noise) = more;
    let cells = flight.aircraft.kind().cells();
    let amps = if airborne { 2_300 + noise * 8 } else { 40 };
    let used_permille = t_ms * flight.drain / 1_000_000;
    // mV of the pack: 4.15 V a cell when full, 0.7 V less when empty, less the drop of 12 mOhm.
    let mv = cells * (4_150 - used_permille * 700 / 1_000) - amps * 12 / 100;
    decimal(json, "batt_v", mv, 3);
    decimal(json, "batt_a", amps, 2);
    decimal(json, "batt_pct", if fault { -30 } else { 980 - used_permille }, 1);
}

/// A number, not quoted.
pub(super) fn decimal(json: &mut Object, name: &str, units: i64, scale: u32) {
    let mut text = String::with_capacity(12);
    push_decimal(&mut text, units, scale);
    json.raw(name, &text);
}
