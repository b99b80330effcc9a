//! Which tenants of a batch nobody knows, and whose events are no longer kept.

use std::collections::HashMap;

use howdah_catalog::Literal;
use howdah_pg::BinaryArray;
use howdah_system::{Stream, System};

use super::events::Events;
use super::failed::{Tried, failed};
use super::tuple::{Fields, is_null};
use super::{NO_LONGER_KEPT, Writer};
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

/// The query that gives the places in `$1`, an array of tenants, of those whose events are gone,
/// and before when; `None`: rows of the stream are nobody's.
pub(super) fn horizons(stream: &Stream) -> Option<String> {
    let column = stream.column(stream.tenant.as_ref()?)?;
    let given = if staged_as_text(column) { "text" } else { column.type_name.as_str() };
    Some(format!(
        "select (u.n - 1)::integer, h.gone_us from unnest($1::{given}[]) \
         with ordinality u (tenant, n) join howdah.horizons h on h.stream = {} \
         and h.tenant = u.tenant::{}::text",
        Literal(&stream.table.to_string()),
        column.type_name
    ))
}

/// The tenants of some rows, each once, as the elements of an array.
#[derive(Default)]
struct Named<'b> {
    /// The place of each in `elements`.
    places: HashMap<&'b [u8], usize>,
    elements: Vec<u8>,
    /// For each row its event, its number, and the place of its tenant.
    rows: Vec<(usize, usize, Option<usize>)>,
}

impl<'b> Named<'b> {
    fn array(&self) -> BinaryArray<'_> {
        BinaryArray { len: self.places.len(), has_nulls: false, elements: &self.elements }
    }

    fn add(&mut self, event: usize, row: usize, tenant: Option<&'b [u8]>) {
        let place = tenant.map(|tenant| {
            let next = self.places.len();
            *self.places.entry(tenant).or_insert_with(|| {
                self.elements.extend_from_slice(tenant);
                next
            })
        });
        self.rows.push((event, row, place));
    }
}

impl Writer {
    /// The tenants of the rows into the stream of that number whose time is before `before`.
    fn named<'b>(&self, events: &Events<'b>, target: usize, before: i64) -> Named<'b> {
        let mut named = Named::default();
        for (event, found) in events.all.iter().enumerate() {
            for number in found.rows.clone().filter(|row| events.target_of(*row) == target) {
                let row = &events.rows[number];
                let Some(field) = self.sql.routes[row.route].tenant else { continue };
                if row.time_us < before {
                    let tenant = Fields::of(&row.copy).nth(field).filter(|field| !is_null(field));
                    named.add(event, number, tenant);
                }
            }
        }
        named
    }

    /// Refuses the events of tenants whose like are gone; `gone` is the last such time of each
    /// stream.
    pub(super) async fn refuse_gone_tenants(
        &self,
        events: &mut Events<'_>,
        gone: &[Option<i64>],
    ) -> Tried<()> {
        for (target, statements) in self.statements.targets.iter().enumerate() {
            let (Some(statement), Some(gone)) = (&statements.horizons, gone[target]) else {
                continue;
            };
            let named = self.named(events, target, gone);
            if named.places.is_empty() {
                continue;
            }
            let answer = self.connection.query(statement, &[&named.array()]).await;
            let answer = answer.map_err(failed("could not look up what is kept of tenants"))?;
            let mut before = vec![i64::MIN; named.places.len()];
            for row in answer {
                let place: i32 = row.get(0);
                if let Some(before) = before.get_mut(place as usize) {
                    *before = row.get(1);
                }
            }
            let column = self.sql.targets[target].stream.time.as_str();
            for (event, row, place) in named.rows {
                if place.is_some_and(|place| events.rows[row].time_us < before[place]) {
                    let reason = format!(
                        "column \"{column}\": the time is before what is kept of its tenant"
                    );
                    events.refuse(event, NO_LONGER_KEPT, reason);
                }
            }
        }
        Ok(())
    }

    /// Refuses the events of unknown tenants.
    pub(super) async fn refuse_unknown_tenants(&self, events: &mut Events<'_>) -> Tried<()> {
        for (target, statements) in self.statements.targets.iter().enumerate() {
            let Some(statement) = &statements.unknown_tenants else { continue };
            let named = self.named(events, target, i64::MAX);
            let mut unknown = vec![false; named.places.len()];
            if !unknown.is_empty() {
                let context = "could not look up the tenants of a batch";
                let answer = self.connection.query(statement, &[&named.array()]).await;
                for row in answer.map_err(failed(context))? {
                    let place: i32 = row.get(0);
                    if let Some(unknown) = unknown.get_mut(place as usize) {
                        *unknown = true;
                    }
                }
            }
            for (event, _, place) in named.rows {
                if place.is_none_or(|place| unknown[place]) {
                    events.refuse(event, "unknown_tenant", "the tenant is not known");
                }
            }
        }
        Ok(())
    }
}
