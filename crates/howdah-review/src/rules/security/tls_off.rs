//! Other machines can connect, and what they send is not encrypted.
//!
//! ```sql,invalid,live,alone
//! -- server: listen_addresses = *
//! -- server: ssl = off
//! select 1;
//! ```
//!
//! What only this machine reaches needs none:
//!
//! ```sql,valid,live,alone
//! -- server: listen_addresses = 127.0.0.1,localhost
//! -- server: ssl = off
//! select 1;
//! ```
//!
//! ## Why
//!
//! Whoever is between the two reads each row and each statement, and may change them. With `ssl` on
//! a client may still connect without, where `pg_hba.conf` has `host` rather than `hostssl`; the
//! sessions that do so now are counted.
//!
//! ## Instead
//!
//! `ssl = on` with a certificate, `hostssl` in `pg_hba.conf`, and `sslmode=verify-full` in clients.
//! Where a network encrypts by itself (WireGuard, a mesh of services), allow it with that reason.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0823",
    name: "tls-off",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Settings],
    source: include_str!("tls_off.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let setting = |name: &str| in_use.settings.get(name).map(String::as_str);
    let (Some(ssl), Some(addresses)) = (setting("ssl"), setting("listen_addresses")) else {
        return;
    };
    let plain = in_use.health.plain_sessions;
    let open = addresses.split(',').map(str::trim).any(|address| !is_loopback(address));
    if plain == 0 && !(ssl == "off" && open) {
        return;
    }
    let finding = if ssl == "off" {
        findings.add(
            Subject::Named("setting", "ssl".to_owned()),
            "other machines can connect, and ssl is off",
        )
    } else {
        findings.add(
            Subject::Named("setting", "ssl".to_owned()),
            "sessions from other machines are not encrypted",
        )
    };
    if plain > 0 {
        finding.level(Level::Error);
        finding.detail(format!("Sessions from other machines without TLS now: {plain}."));
        finding.proved(Reproducer::query(
            "select a.usename, a.client_addr from pg_stat_ssl s\n  \
             join pg_stat_activity a on a.pid = s.pid\n  \
             where not s.ssl and not a.client_addr <<= any ('{127.0.0.0/8,::1}'::inet[])",
        ));
    } else {
        finding.detail(format!("The server listens at \"{addresses}\"."));
        finding.proved(Reproducer::query(
            "select name, setting from pg_settings where name = 'listen_addresses'\n  \
             and current_setting('ssl') = 'off'",
        ));
    }
    finding.hint("Set ssl to on with a certificate, and write hostssl in pg_hba.conf.");
}

/// Whether only this machine reaches the address; none at all is a socket alone.
fn is_loopback(address: &str) -> bool {
    address.is_empty()
        || address == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
