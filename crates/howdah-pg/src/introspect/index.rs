//! Indexes.

use howdah_catalog::{Ident, Index, IndexColumn};
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

pub(super) fn decode(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let relation_oid = row.get_oid("relation")?;
        let Some(relation) = found.relations.get_mut(&relation_oid) else { continue };
        found.indexes.insert(row.get_oid("oid")?, (relation_oid, relation.indexes.len()));
        relation.indexes.push(index(row)?);
    }
    Ok(())
}

fn index(row: &Row) -> Result<Index, Error> {
    let (columns, include) = columns(row)?;
    Ok(Index {
        name: row.get_ident("name")?,
        method: row.get_text("method")?,
        columns,
        include,
        unique: row.get_bool("is_unique")?,
        nulls_not_distinct: row.get_bool("nulls_not_distinct")?,
        primary: row.get_bool("is_primary")?,
        predicate: row.get_text_opt("predicate")?,
        valid: row.get_bool("valid")?,
        definition: row.get_text("definition")?,
        parent: row.get_name_opt("parent_schema", "parent_name")?,
        bytes: 0,
        scans: 0,
    })
}

/// Key columns and included columns out of the parallel arrays.
fn columns(row: &Row) -> Result<(Vec<IndexColumn>, Vec<Ident>), Error> {
    let key_columns = usize::from(row.try_get::<_, i16>("key_columns")?.unsigned_abs());
    let names: Vec<Option<String>> = row.try_get("columns")?;
    let expressions: Vec<String> = row.try_get("expressions")?;
    let descending: Vec<bool> = row.try_get("descending")?;
    let opclasses: Vec<Option<String>> = row.try_get("opclasses")?;

    let mut keys = Vec::with_capacity(key_columns);
    let mut include = Vec::new();
    let parts = names.into_iter().zip(expressions).zip(descending).zip(opclasses);
    for (position, (((name, expression), descending), opclass)) in parts.enumerate() {
        let column = name.map(Ident::new);
        if position < key_columns {
            keys.push(IndexColumn { column, expression, descending, opclass });
        } else {
            include.extend(column);
        }
    }
    Ok((keys, include))
}
