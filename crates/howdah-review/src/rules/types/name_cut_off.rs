//! A name is longer than 63 bytes, and the server has cut it off.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer_id bigint, closed_at timestamptz);
//! create index orders_by_customer_and_by_the_time_at_which_they_were_closed_or_shipped
//!   on orders (customer_id, closed_at);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer_id bigint,
//!   note text default 'a constant that is longer than sixty-three bytes is no name of anything');
//! create index orders_by_customer on orders (customer_id);
//! ```
//!
//! ## Why
//!
//! What is in the database has another name than the migration says. A second name with the same
//! beginning fails, or with `if not exists` is passed over in silence, and what drops it by its
//! whole name works only because that is cut off too.
//!
//! ## Instead
//!
//! A name of at most 63 bytes.

use howdah_catalog::Catalog;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0391",
    name: "name-cut-off",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Build, Needs::Catalog],
    source: include_str!("name_cut_off.rs"),
    check,
};

/// The longest name in bytes (PostgreSQL documentation, 4.1.1, NAMEDATALEN).
const LONGEST: usize = 63;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for (id, statement) in facts.statements() {
        let Some((_, name)) = statement.command.creates() else { continue };
        let Some(written) = facts.text(id).get(name.span.clone()) else { continue };
        // The last part as it is written; a dot in quotes only makes it shorter.
        let written = written.rsplit('.').next().unwrap_or(written).trim_matches('"');
        if written.len() <= LONGEST || !is_there(catalog, name.last()) {
            continue;
        }
        findings
            .add(Subject::Statement(id), format!("the name \"{written}\" is cut off"))
            .detail(format!("In the database it is \"{}\".", name.last()))
            .hint(format!("Choose one of at most {LONGEST} bytes."))
            .proved(Reproducer::written(id));
    }
}

/// Whether a relation, an index or a function has that name.
fn is_there(catalog: &Catalog, name: &str) -> bool {
    catalog.relations.values().any(|relation| {
        relation.name.name.as_str() == name
            || relation.indexes.iter().any(|index| index.name.as_str() == name)
    }) || catalog.functions.iter().any(|function| function.name.name.as_str() == name)
}
