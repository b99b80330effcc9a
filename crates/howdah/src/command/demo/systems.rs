//! The systems that the binary carries: their files, and what is worth looking at in them.

use howdah_error::{Error, Result};

/// A system within the binary.
pub struct Embedded {
    /// Its name, also that of its feed.
    pub name: &'static str,
    /// Its system file.
    pub system_file: &'static str,
    /// The variable by which the system file refers to the URL of Redis.
    pub redis_variable: &'static str,
    /// Its migrations: file name and text.
    pub migrations: &'static [(&'static str, &'static str)],
    /// What a person looks at.
    pub looks: &'static [Look],
}

/// A query for people; cheap, a few rows.
pub struct Look {
    /// What it shows.
    pub title: &'static str,
    /// The query; at most five rows when the screen shows it.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$((
            concat!($name, ".sql"),
            include_str!(concat!(
                "../../../../../systems/", $folder, "/migrations/", $name, ".sql"
            )),
        ), (
            concat!($name, ".down.sql"),
            include_str!(concat!(
                "../../../../../systems/", $folder, "/migrations/", $name, ".down.sql"
            )),
        )),*]
    };
}

const TRADING: Embedded = Embedded {
    name: "trading",
    system_file: include_str!("../../../../../systems/trading/howdah.toml"),
    redis_variable: "HOWDAH_REDIS_URL",
    migrations: migrations!["trading":
        "0001_tenants",
        "0002_markets",
        "0003_orders",
        "0004_trades",
        "0005_fills",
        "0006_portfolio_snapshots",
    ],
    looks: &[
        Look {
            title: "last candles of BTC/USDT on binance (UTC)",
            sql: include_str!("trading_candles.sql"),
        },
        Look { title: "largest open positions", sql: include_str!("trading_positions.sql") },
    ],
};

/// Dead letters by code alone, for a line of the screen.
pub const LETTER_CODES: Look = Look {
    title: "dead letters by code",
    sql: "select code, count(*) from howdah.dead_letters group by code order by 2 desc, 1",
};

/// Dead letters by stream and code: of every system.
pub const DEAD_LETTERS: Look =
    Look { title: "dead letters", sql: include_str!("dead_letters.sql") };

/// The system of that name.
pub fn find(name: &str) -> Result<&'static Embedded> {
    const ALL: &[Embedded] = &[TRADING];
    ALL.iter().find(|system| system.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|system| system.name).collect();
        Error::input(format!("there is no demo of system \"{name}\""))
            .hint(format!("Systems with a demo: {}.", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_migration_of_the_system_is_carried() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systems/trading/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        let mut carried: Vec<&str> = TRADING.migrations.iter().map(|(name, _)| *name).collect();
        files.sort();
        carried.sort_unstable();
        assert_eq!(files, carried);
        assert!(TRADING.system_file.contains(&format!("\"env:{}\"", TRADING.redis_variable)));
    }
}
