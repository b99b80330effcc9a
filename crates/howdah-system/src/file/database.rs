//! `[database]`: how to reach PostgreSQL, as data; howdah's wiring makes connection options of it.

use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;
use crate::secret::SecretRef;
use crate::units;

/// What `[database]` says. `None`: not said, howdah's default is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Which server and database.
    pub target: DatabaseTarget,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`, as libpq means them.
    pub sslmode: Option<String>,
    /// The PEM file of trusted authorities, or `system`.
    pub sslrootcert: Option<PathBuf>,
    /// The most connections of the pool.
    pub pool_size: Option<usize>,
    /// How long connecting may take.
    pub connect_timeout: Option<Duration>,
    /// `statement_timeout` of each session; zero turns it off.
    pub statement_timeout: Option<Duration>,
    /// `lock_timeout` of each session; zero turns it off.
    pub lock_timeout: Option<Duration>,
    /// `idle_in_transaction_session_timeout` of each session; zero turns it off.
    pub idle_in_transaction_timeout: Option<Duration>,
}

/// Which server and database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DatabaseTarget {
    /// Nothing is said: a private server under `.howdah/`.
    #[default]
    Private,
    /// A `postgres://` URL, by reference.
    Url(SecretRef),
    /// Parts; what is left out is as libpq has it.
    Parts {
        /// Host name, address, or the folder of a unix socket.
        host: Option<String>,
        /// Port; 5432 when left out.
        port: Option<u16>,
        /// Login.
        user: Option<String>,
        /// Password, by reference.
        password: Option<SecretRef>,
        /// The database's name.
        name: Option<String>,
    },
}

const SSL_MODES: [&str; 5] = ["disable", "prefer", "require", "verify-ca", "verify-full"];

pub(super) fn read(top: &Section<'_>) -> DatabaseConfig {
    let Some(section) = top.section("database") else {
        top.default_at("database", "a private server under .howdah/");
        return DatabaseConfig::default();
    };
    let target = read_target(&section);
    let sslmode = section.string("sslmode");
    if let Some(mode) = &sslmode
        && !SSL_MODES.contains(&mode.value.as_str())
    {
        section.report(
            mode.problem(format!("unknown sslmode \"{}\"", mode.value))
                .hint(format!("Use one of {}.", SSL_MODES.join(", "))),
        );
    }
    let sslrootcert = section.string("sslrootcert").map(|path| PathBuf::from(path.value));
    let pool_size = section.integer("pool_size", 1, 1000).map(|size| size.value as usize);
    if pool_size.is_none() {
        section.by_default("pool_size", "8");
    }
    let limit = |key: &'static str, default: &str| {
        let given = section.parsed(key, units::duration).map(|limit| limit.value);
        if given.is_none() {
            section.by_default(key, default);
        }
        given
    };
    let config = DatabaseConfig {
        target,
        sslmode: sslmode.map(|mode| mode.value),
        sslrootcert,
        pool_size,
        connect_timeout: limit("connect_timeout", "\"5 s\""),
        statement_timeout: limit("statement_timeout", "\"60 s\""),
        lock_timeout: limit("lock_timeout", "\"3 s\""),
        idle_in_transaction_timeout: limit("idle_in_transaction_timeout", "\"60 s\""),
    };
    section.finish();
    config
}

fn read_target(section: &Section<'_>) -> DatabaseTarget {
    let url = section.parsed("url", SecretRef::parse);
    let parts = ["host", "port", "user", "password", "name"];
    let given = parts.iter().find(|part| section.has(part));
    let target = DatabaseTarget::Parts {
        host: section.string("host").map(|host| host.value),
        port: section.integer("port", 1, 65_535).and_then(|port| u16::try_from(port.value).ok()),
        user: section.string("user").map(|user| user.value),
        password: section.parsed("password", SecretRef::parse).map(|secret| secret.value),
        name: section.string("name").map(|name| name.value),
    };
    if let Some(given) = given
        && section.has("url")
    {
        let place = section.place_of(given);
        section.report(
            place
                .problem(format!("\"{given}\" and \"url\" are both given"))
                .hint("Give either url, or host, port, user, password and name."),
        );
    }
    match (url, given) {
        (Some(url), _) => DatabaseTarget::Url(url.value),
        (None, Some(_)) => target,
        (None, None) => DatabaseTarget::Private,
    }
}
