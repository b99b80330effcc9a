//! Late events of a stream with segments: what may be folded is looked for before they are written.
//!
//! Every unique key holds the time, so an event of the same key is in the same chunk. If that chunk
//! is folded, the segments whose times and keys include the event's are put back into it, within
//! the batch's transaction; what follows then finds the chunk as if those rows had never left it,
//! and its unique index judges. A later fold takes them, and the late events, again.

use std::ops::Range;

use howdah_catalog::name;
use howdah_plan::history;
use tokio_postgres::types::ToSql;

use super::Writer;
use super::copy::Copied;
use super::events::Events;
use super::failed::{Tried, failed};
use super::staged::{bounds, refuse};

impl Writer {
    /// Puts back what an event of the batch may repeat. `fences` are the times before which the
    /// events of each stream may be folded.
    pub(super) async fn thaw(
        &mut self,
        events: &mut Events<'_>,
        fences: &[Option<i64>],
    ) -> Tried<()> {
        for (target, fence) in fences.iter().enumerate() {
            let Some(fence) = *fence else { continue };
            let Some(query) = self.sql.targets[target].staged_keys.clone() else { continue };
            let near: Vec<String> = self
                .sql
                .corrections
                .of(&[target])
                .flat_map(|of| of.thaw_near.iter().cloned())
                .collect();
            // Blocks beside those of an event just behind the fence may lie before it.
            let margin = if near.is_empty() { 0 } else { self.sql.targets[target].margin_us };
            let late = self.late(events, target, fence.saturating_add(margin));
            if late.is_empty() {
                continue;
            }
            let keys = self.late_keys(events, target, late, &query).await?;
            let stream = &self.sql.targets[target].stream;
            let types = stream.key.iter().enumerate().map(|(n, key)| {
                let column = stream.column(key);
                let type_name = column.map_or("text", |column| column.type_name.as_str());
                format!("${}::text::{type_name}[]", n + 1)
            });
            let call = format!("select {}({})", history::thaw(stream), name::list(types));
            let name = stream.name.clone();
            let (keys, blocks) = keys.split_at(stream.key.len());
            let keys: Vec<&(dyn ToSql + Sync)> = keys.iter().map(|key| key as _).collect();
            let mut count = self.put_back(&call, &keys).await?;
            for query in &near {
                let blocks = blocks.first().and_then(Option::as_ref);
                count += self.put_back(query, &[&blocks]).await?;
            }
            if count > 0 {
                tracing::info!(stream = name, count, "put folded events back");
            }
        }
        Ok(())
    }

    async fn put_back(&self, query: &str, values: &[&(dyn ToSql + Sync)]) -> Tried<i64> {
        let row = self
            .connection
            .query_one(query, values)
            .await
            .map_err(failed("could not put folded events back"))?;
        Ok(row.get(0))
    }

    /// The events with a row of the stream before the fence.
    fn late(&self, events: &Events<'_>, target: usize, fence: i64) -> Vec<usize> {
        let all: Vec<usize> = (0..self.sql.targets.len()).collect();
        let is_late = |rows: &Range<usize>| {
            rows.clone()
                .any(|row| events.rows[row].time_us < fence && events.target_of(row) == target)
        };
        let mut live = events.live(&all);
        live.retain(|event| is_late(&events.all[*event].rows));
        live
    }

    /// Their keys: for each key column an array as text, and their blocks where these matter. An event of which a value cannot be read
    /// by its type is refused. Nothing stays staged.
    async fn late_keys(
        &mut self,
        events: &mut Events<'_>,
        target: usize,
        mut late: Vec<usize>,
        query: &str,
    ) -> Tried<Vec<Option<String>>> {
        let back = "rollback to savepoint howdah_late; release savepoint howdah_late";
        loop {
            self.execute("savepoint howdah_late").await?;
            let error = match self.stage_all(events, &[target], (&late, 0)).await? {
                Copied::All => break,
                Copied::Bad(place, error) => {
                    refuse(events, late[place], &error);
                    late.remove(place);
                    None
                }
                Copied::SomeBad(error) => Some(error),
            };
            if let Some(error) = error {
                return Err(failed("could not stage late events")(error));
            }
            self.execute(back).await?;
        }
        let (first, last) = bounds(&(0..late.len()));
        let row = self
            .connection
            .query_one(query, &[&first, &last])
            .await
            .map_err(failed("could not read the keys of late events"))?;
        let keys = (0..row.len()).map(|at| row.get(at)).collect();
        self.execute(back).await?;
        Ok(keys)
    }
}
