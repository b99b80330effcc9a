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
    /// What to try in psql, one statement a line.
    pub tries: &'static [&'static str],
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
    tries: &[
        "select * from candles_1m order by bucket desc limit 5;",
        "select * from positions where quantity <> 0 limit 5;",
        "\\d+ trades                           -- a plain partitioned table",
    ],
};

const CALLS: Embedded = Embedded {
    name: "calls",
    system_file: include_str!("../../../../../systems/calls/howdah.toml"),
    redis_variable: "HOWDAH_REDIS_URL",
    migrations: migrations!["calls":
        "0001_accounts",
        "0002_money",
        "0003_market",
        "0004_compliance",
        "0005_risk",
        "0006_rules",
        "0007_decisions",
    ],
    looks: &[
        Look { title: "the market by the hour", sql: include_str!("calls_market.sql") },
        Look { title: "buyers with the most calls", sql: include_str!("calls_buyers.sql") },
    ],
    tries: &[
        "select * from call_state order by started_at desc limit 5;",
        "select * from account_state order by held desc nulls last limit 5;",
        "select * from holds where ended = 0 limit 5;",
    ],
};

const CHAIN: Embedded = Embedded {
    name: "chain",
    system_file: include_str!("../../../../../systems/chain/howdah.toml"),
    redis_variable: "HOWDAH_REDIS_URL",
    migrations: migrations!["chain":
        "0001_identifiers",
        "0002_deployments",
        "0003_events",
        "0004_states",
        "0005_views",
    ],
    looks: &[
        Look { title: "terms with the most behind them", sql: include_str!("chain_terms.sql") },
        Look { title: "what most is said", sql: include_str!("chain_statements.sql") },
    ],
    tries: &[
        "select * from term order by total_market_cap desc limit 5;",
        "select eip55(account), shares from positions order by shares desc limit 5;",
        "select * from flows_1d;",
    ],
};

const FLEET: Embedded = Embedded {
    name: "fleet",
    system_file: include_str!("../../../../../systems/fleet/howdah.toml"),
    redis_variable: "HOWDAH_REDIS_URL",
    migrations: migrations!["fleet":
        "0001_organizations",
        "0002_aircraft",
        "0003_models",
        "0004_events",
        "0005_states",
        "0006_views",
        "0007_people",
    ],
    looks: &[
        Look { title: "who flies most", sql: include_str!("fleet_board.sql") },
        Look { title: "aircraft with the highest risk", sql: include_str!("fleet_risk.sql") },
    ],
    tries: &[
        "select * from fleet_board where session_id is not null limit 5;",
        "select * from session_quality order by quality limit 5;",
        "select * from maintenance_score(now()) order by score desc limit 5;",
    ],
};

const FACTORY: Embedded = Embedded {
    name: "factory",
    system_file: include_str!("../../../../../systems/factory/howdah.toml"),
    redis_variable: "HOWDAH_REDIS_URL",
    migrations: migrations!["factory":
        "0001_companies",
        "0002_products",
        "0003_calendar",
        "0004_events",
        "0005_states",
        "0006_views",
    ],
    looks: &[
        Look { title: "machines by state", sql: include_str!("factory_states.sql") },
        Look { title: "lines that made the most", sql: include_str!("factory_lines.sql") },
    ],
    tries: &[
        "select * from wall_board order by since desc limit 5;",
        "select equipment_id, shift_id, oee from machine_shift_kpi where oee > 0 limit 5;",
        "select * from line_day_kpi order by day desc limit 5;",
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

/// The systems that have a demo.
const ALL: &[Embedded] = &[TRADING, CALLS, CHAIN, FLEET, FACTORY];

/// The system of that name.
pub fn find(name: &str) -> Result<&'static Embedded> {
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
    fn every_migration_of_each_system_is_carried() {
        for system in ALL {
            let folder = format!("../../systems/{}/migrations", system.name);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .expect("the folder is there")
                .map(|entry| entry.expect("it can be read").file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            let mut carried: Vec<&str> = system.migrations.iter().map(|(name, _)| *name).collect();
            files.sort();
            carried.sort_unstable();
            assert_eq!(files, carried);
            assert!(system.system_file.contains(&format!("\"env:{}\"", system.redis_variable)));
            assert!(howdah_feed::systems().contains(&system.name));
        }
    }
}
