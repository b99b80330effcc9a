//! Types made by users.

use std::collections::HashMap;

use howdah_catalog::{Catalog, Composite, Domain, EnumType, RelName, TypeKind, UserType};
use tokio_postgres::{Error, Row};

use super::decode::Fields as _;

/// Gives the types' names by oid.
pub(super) fn decode(rows: &[Row], catalog: &mut Catalog) -> Result<HashMap<u32, RelName>, Error> {
    let mut names = HashMap::with_capacity(rows.len());
    for row in rows {
        let name = row.get_name("schema", "name")?;
        names.insert(row.get_oid("oid")?, name.clone());
        let user_type = UserType {
            name: name.clone(),
            owner: row.get_ident("owner")?,
            kind: kind(row)?,
            comment: row.get_text_opt("comment")?,
        };
        catalog.types.insert(name, user_type);
    }
    Ok(names)
}

fn kind(row: &Row) -> Result<TypeKind, Error> {
    Ok(match row.get_char("kind")? {
        'e' => TypeKind::Enum(EnumType { labels: row.get_texts("labels")? }),
        'd' => TypeKind::Domain(Domain {
            base_type: row.get_text_opt("base_type")?.unwrap_or_default(),
            not_null: row.get_bool("not_null")?,
            default: row.get_text_opt("default_expression")?,
            checks: row
                .get_idents("check_names")?
                .into_iter()
                .zip(row.get_texts("check_definitions")?)
                .collect(),
        }),
        'c' => TypeKind::Composite(Composite {
            attributes: row
                .get_idents("attribute_names")?
                .into_iter()
                .zip(row.get_texts("attribute_types")?)
                .collect(),
        }),
        'r' | 'm' => TypeKind::Range,
        other => TypeKind::Other(other),
    })
}
