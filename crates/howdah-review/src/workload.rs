//! What several rules ask of the statements that are run.

use howdah_catalog::{Catalog, Relation};
use howdah_sql::search::{Search, search};

/// Of a statement's text, as much as tells it apart.
const SHOWN: usize = 120;

/// The beginning of a statement on one line.
#[must_use]
pub fn shown(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

/// The table that a statement names; without a schema the only one of that name counts too, for
/// the sessions that ran it may have another search path.
#[must_use]
pub fn table<'c>(catalog: &'c Catalog, search: &Search) -> Option<&'c Relation> {
    catalog.resolve(&search.table.join(".")).or_else(|| {
        let [name] = search.table.as_slice() else { return None };
        let mut named = catalog.relations.values().filter(|r| r.name.name.as_str() == name);
        named.next().filter(|_| named.next().is_none())
    })
}

/// What an update sets, whichever rows it is for.
#[must_use]
pub fn update(query: &str) -> Option<Search> {
    search(query).filter(|search| !search.set.is_empty())
}
