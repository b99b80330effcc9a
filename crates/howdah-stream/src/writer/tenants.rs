//! Which tenants of a batch nobody knows.

use std::collections::HashMap;
use std::error::Error as StdError;

use bytes::{BufMut as _, BytesMut};
use howdah_system::{Stream, System};
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use super::Writer;
use super::events::Events;
use super::failed::{Tried, failed};
use super::tuple::{Fields, value};
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

/// Values of one type in their binary form.
#[derive(Debug)]
struct Binary<'v>(Vec<&'v [u8]>);

impl ToSql for Binary<'_> {
    /// The form of `array_recv` (src/backend/utils/adt/arrayfuncs.c).
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Kind::Array(element) = ty.kind() else { return Err("not an array".into()) };
        out.put_i32(1);
        out.put_i32(0);
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(self.0.len())?);
        out.put_i32(1);
        for value in &self.0 {
            out.put_i32(i32::try_from(value.len())?);
            out.put_slice(value);
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    to_sql_checked!();
}

impl Writer {
    /// Refuses the events of unknown tenants.
    pub(super) async fn refuse_unknown_tenants(&self, events: &mut Events<'_>) -> Tried<()> {
        for (target, statements) in self.statements.targets.iter().enumerate() {
            let Some(statement) = &statements.unknown_tenants else { continue };
            // The first event of each tenant, and the places of all in `tenants`.
            let mut places: HashMap<&[u8], usize> = HashMap::new();
            let mut tenants: Vec<&[u8]> = Vec::new();
            let mut of_event: Vec<(usize, Option<usize>)> = Vec::new();
            for event in events.live(&[target]) {
                for row in &events.rows[events.all[event].rows.clone()] {
                    let Some(field) = self.sql.routes[row.route].tenant else { continue };
                    let tenant = Fields::of(&row.copy).nth(field).and_then(value);
                    let place = tenant.map(|tenant| {
                        *places.entry(tenant).or_insert_with(|| {
                            tenants.push(tenant);
                            tenants.len() - 1
                        })
                    });
                    of_event.push((event, place));
                }
            }
            let mut unknown = vec![false; tenants.len()];
            if !tenants.is_empty() {
                let context = "could not look up the tenants of a batch";
                let answer = self.connection.query(statement, &[&Binary(tenants)]).await;
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
