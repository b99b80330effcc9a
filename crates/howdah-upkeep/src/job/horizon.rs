//! Who keeps old rows from going: the oldest transaction, prepared transaction or slot.

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

/// The one with the oldest horizon, as a sentence without a full stop; `None`: nobody but us.
pub(super) async fn who(client: &Connection) -> Result<Option<String>> {
    let row = client
        .query_opt(include_str!("horizon.sql"), &[])
        .await
        .map_err(|error| from_pg("could not look for the oldest transaction", &error))?;
    Ok(row.map(|row| row.get(0)))
}
