//! Sizes, counters and column statistics.

use howdah_catalog::RelationStats;
use tokio_postgres::{Error, Row};

use super::{Found, decode::Fields as _};

pub(super) fn decode(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let oid = row.get_oid("oid")?;
        let bytes: i64 = row.try_get("bytes")?;
        let scans: i64 = row.try_get("scans")?;
        if row.get_bool("is_index")? {
            let Some(&(relation, position)) = found.indexes.get(&oid) else { continue };
            let Some(relation) = found.relations.get_mut(&relation) else { continue };
            relation.stats.index_bytes += bytes;
            relation.stats.index_scans += scans;
            if let Some(index) = relation.indexes.get_mut(position) {
                index.bytes = bytes;
                index.scans = scans;
            }
        } else if let Some(relation) = found.relations.get_mut(&oid) {
            // Indexes may have come before their table.
            let RelationStats { index_bytes, index_scans, .. } = relation.stats;
            relation.stats = RelationStats {
                estimated_rows: row.try_get("estimated_rows")?,
                heap_bytes: bytes,
                index_bytes,
                toast_bytes: row.try_get("toast_bytes")?,
                live_rows: row.try_get("live_rows")?,
                dead_rows: row.try_get("dead_rows")?,
                seq_scans: scans,
                index_scans,
                inserted: row.try_get("inserted")?,
                updated: row.try_get("updated")?,
                hot_updated: row.try_get("hot_updated")?,
                deleted: row.try_get("deleted")?,
                xid_age: row.try_get("xid_age")?,
            };
        }
    }
    Ok(())
}

pub(super) fn decode_columns(rows: &[Row], found: &mut Found) -> Result<(), Error> {
    for row in rows {
        let name = row.get_text("name")?;
        let Some(relation) = found.relation_of(row)? else { continue };
        let Some(column) = relation.columns.iter_mut().find(|c| c.name.as_str() == name) else {
            continue;
        };
        column.null_fraction = row.try_get("null_frac")?;
        column.n_distinct = row.try_get("n_distinct")?;
        column.correlation = row.try_get("correlation")?;
    }
    Ok(())
}
