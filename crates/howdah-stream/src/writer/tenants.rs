//! Which tenants of a batch nobody knows.

use std::collections::HashMap;

use howdah_pg::BinaryArray;
use howdah_system::{Stream, System};

use super::Writer;
use super::events::Events;
use super::failed::{Tried, failed};
use super::tuple::{Fields, is_null};
use crate::decode::staged_as_text;

/// The query that gives the places in `$1`, an array of tenants, of those that are not in the
/// table of known tenants; `None` when the stream's tenants need not be known.
pub(super) fn unknown(system: &System, stream: &Stream) -> Option<String> {
    let (table, key) = system.tenants.as_ref()?.table.as_ref()?;
    let column = stream.column(stream.tenant.as_ref()?)?;
    let given = if staged_as_text(column) { "text" } else { column.type_name.as_str() };
    Some(format!(
        "select (u.n - 1)::integer from unnest($1::{given}[]) with ordinality u (tenant, n) \
         where not exists (select from {table} t where t.{key} = u.tenant::{})",
        column.type_name
    ))
}

impl Writer {
    /// Refuses the events of unknown tenants.
    pub(super) async fn refuse_unknown_tenants(&self, events: &mut Events<'_>) -> Tried<()> {
        for (target, statements) in self.statements.targets.iter().enumerate() {
            let Some(statement) = &statements.unknown_tenants else { continue };
            // The place of each tenant in `tenants`.
            let mut places: HashMap<&[u8], usize> = HashMap::new();
            let mut tenants: Vec<u8> = Vec::new();
            let mut of_event: Vec<(usize, Option<usize>)> = Vec::new();
            for (event, found) in events.all.iter().enumerate() {
                for row in found.rows.clone().filter(|row| events.target_of(*row) == target) {
                    let row = &events.rows[row];
                    let Some(field) = self.sql.routes[row.route].tenant else { continue };
                    let tenant = Fields::of(&row.copy).nth(field).filter(|f| !is_null(f));
                    let place = tenant.map(|tenant| {
                        let next = places.len();
                        *places.entry(tenant).or_insert_with(|| {
                            tenants.extend_from_slice(tenant);
                            next
                        })
                    });
                    of_event.push((event, place));
                }
            }
            let mut unknown = vec![false; places.len()];
            if !places.is_empty() {
                let context = "could not look up the tenants of a batch";
                let array = BinaryArray { len: places.len(), has_nulls: false, elements: &tenants };
                let answer = self.connection.query(statement, &[&array]).await;
                for row in answer.map_err(failed(context))? {
                    let place: i32 = row.get(0);
                    if let Some(unknown) = unknown.get_mut(place as usize) {
                        *unknown = true;
                    }
                }
            }
            for (event, place) in of_event {
                if place.is_none_or(|place| unknown[place]) {
                    events.refuse(event, "unknown_tenant", "the tenant is not known");
                }
            }
        }
        Ok(())
    }
}
