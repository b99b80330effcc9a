//! Relations without what hangs on them.

use howdah_catalog::{Relation, RelationKind, RelationStats};
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

pub(super) fn decode(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    let mut parents: Vec<(u32, Vec<u32>)> = Vec::new();
    for row in rows {
        let oid = row.get_oid("oid")?;
        let inherits: Vec<u32> = row.try_get("inherits")?;
        if !inherits.is_empty() {
            parents.push((oid, inherits));
        }
        found.relations.insert(oid, relation(row)?);
    }
    for (oid, inherits) in parents {
        let names = inherits.into_iter().filter_map(|parent| found.name(parent)).collect();
        if let Some(relation) = found.relations.get_mut(&oid) {
            relation.inherits = names;
        }
    }
    Ok(())
}

fn relation(row: &Row) -> Result<Relation, Error> {
    Ok(Relation {
        name: row.get_name("schema", "name")?,
        kind: kind(row.get_char("kind")?),
        owner: row.get_ident("owner")?,
        comment: row.get_text_opt("comment")?,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes: Vec::new(),
        policies: Vec::new(),
        triggers: Vec::new(),
        row_security: row.get_bool("row_security")?,
        force_row_security: row.get_bool("force_row_security")?,
        partitioning: None,
        partition_of: None,
        inherits: Vec::new(),
        unlogged: row.get_bool("unlogged")?,
        options: row.get_texts("options")?,
        access_method: row.get_text_opt("access_method")?,
        definition: row.get_text_opt("definition")?,
        replica_identity: row.get_char("replica_identity")?,
        stats: RelationStats::default(),
    })
}

fn kind(relkind: char) -> RelationKind {
    match relkind {
        'r' => RelationKind::Table,
        'p' => RelationKind::PartitionedTable,
        'v' => RelationKind::View,
        'm' => RelationKind::MaterializedView,
        'f' => RelationKind::ForeignTable,
        'S' => RelationKind::Sequence,
        other => RelationKind::Other(other),
    }
}
