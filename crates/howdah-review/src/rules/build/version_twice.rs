//! Two migrations of a folder have the same version.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0002_note.sql
//! alter table orders add column note text;
//! -- file: 0002_place.sql
//! alter table orders add column place text;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.up.sql
//! create table orders (id bigint primary key);
//! -- file: 0001_orders.down.sql
//! drop table orders;
//! -- file: 0002_note.up.sql
//! alter table orders add column note text;
//! ```
//!
//! Where many versions come twice, the tool books whole names, and the version is but an order:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0001_places.sql
//! create table places (id bigint primary key);
//! -- file: 0002_note.sql
//! alter table orders add column note text;
//! -- file: 0002_place.sql
//! alter table orders add column place text;
//! -- file: 0003_name.sql
//! alter table places add column name text;
//! -- file: 0003_town.sql
//! alter table places add column town text;
//! ```
//!
//! ## Why
//!
//! Tools book a version once: they refuse the folder, or pass over one of the two where the other
//! was applied. It comes of two branches that were merged.
//!
//! ## Instead
//!
//! Give the one that was applied nowhere the next free version.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0107",
    name: "version-twice",
    level: Level::Error,
    group: Group::Build,
    needs: &[Needs::Statements],
    source: include_str!("version_twice.rs"),
    check,
};

/// Two branches that were merged leave a version or two; a tool that minded would not have let a
/// project come further.
const MERGED: usize = 2;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(convention) = facts.convention.filter(|tool| !tool.books_names()) else { return };
    let mut twice = Vec::new();
    let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for (at, file) in facts.files.iter().enumerate() {
        let Some(version) = convention.version(&file.path) else { continue };
        let parts = file.path.rsplit_once('/');
        // The version of `001_name/up.sql` is its folder's.
        let folder = parts.filter(|(_, name)| *name != "up.sql").map_or("", |(folder, _)| folder);
        let Some(other) = seen.insert((folder, version.clone()), &file.path) else { continue };
        twice.push((at, version, other));
    }
    let versions: BTreeSet<&str> = twice.iter().map(|(_, version, _)| version.as_str()).collect();
    if versions.len() > MERGED {
        return;
    }
    for (at, version, other) in &twice {
        let Some((id, _)) = facts.statements().find(|(_, statement)| statement.file == *at) else {
            continue;
        };
        let path = &facts.files[*at].path;
        findings
            .add(
                Subject::Statement(id),
                format!("\"{other}\" and \"{path}\" have the version {version}"),
            )
            .hint("Give the one that was applied nowhere the next free version.")
            .proved(Reproducer::written(id));
    }
}
