//! Privileges.

use std::collections::HashMap;

use howdah_catalog::{Catalog, Grant, GrantTarget, Ident, RelName};
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

/// The names of what privileges are on, by oid.
pub(super) struct Owners<'a> {
    pub(super) found: &'a Found,
    pub(super) schemas: HashMap<u32, Ident>,
    pub(super) types: HashMap<u32, RelName>,
    pub(super) functions: HashMap<u32, (RelName, String)>,
}

/// Fills `catalog.grants`, sorted. Privileges on objects that are left out are left out too.
pub(super) fn decode(
    rows: &[Row],
    owners: &Owners<'_>,
    catalog: &mut Catalog,
) -> Result<(), Error> {
    for row in rows {
        let Some(target) = target(row, owners)? else { continue };
        catalog.grants.push(Grant {
            target,
            grantee: row.get_ident("grantee")?,
            privilege: row.get_text("privilege")?,
            grantable: row.get_bool("grantable")?,
        });
    }
    catalog.grants.sort();
    Ok(())
}

fn target(row: &Row, owners: &Owners<'_>) -> Result<Option<GrantTarget>, Error> {
    let oid = row.get_oid("oid")?;
    Ok(match row.get_text("target")?.as_str() {
        "database" => Some(GrantTarget::Database),
        "schema" => owners.schemas.get(&oid).cloned().map(GrantTarget::Schema),
        "relation" => owners.found.name(oid).map(GrantTarget::Relation),
        "column" => {
            let column = row.get_text_opt("column_name")?.map(Ident::new);
            owners
                .found
                .name(oid)
                .zip(column)
                .map(|(name, column)| GrantTarget::Column(name, column))
        }
        "function" => owners
            .functions
            .get(&oid)
            .cloned()
            .map(|(name, arguments)| GrantTarget::Function(name, arguments)),
        "type" => owners.types.get(&oid).cloned().map(GrantTarget::Type),
        _ => None,
    })
}
