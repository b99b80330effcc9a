//! Derived rollups within the transaction: after all states of a batch are folded.

use howdah_error::Result;
use howdah_pg::{Connection, Fault, classify};
use howdah_rollup::derive::Derivation;
use tokio_postgres::Statement;

use super::Writer;
use super::failed::{Again, Failed, Tried, failed};
use super::sql::{prepare, prepare_all};

/// The prepared statements of a [`Derivation`].
pub(super) struct Derived {
    is_changed: Statement,
    differences: Vec<Differences>,
}

struct Differences {
    moved: Statement,
    still: Option<Statement>,
}

impl Derived {
    pub(super) async fn prepare(connection: &Connection, derivation: &Derivation) -> Result<Self> {
        let mut differences = Vec::with_capacity(derivation.differences.len());
        for of in &derivation.differences {
            let moved = prepare(connection, &of.moved).await?;
            let still = prepare_all(connection, &of.still).await?.pop();
            differences.push(Differences { moved, still });
        }
        let is_changed = prepare(connection, &derivation.is_changed).await?;
        Ok(Self { is_changed, differences })
    }
}

impl Writer {
    /// Brings the derived rollups after the states. When that fails by an event's fault, the batch
    /// is to be tried again, carefully.
    pub(super) async fn derive_all(&mut self) -> Tried<()> {
        let Err(error) = self.derive().await else { return Ok(()) };
        let data = classify(&error) == Fault::Data;
        let failed = failed("could not bring the derived rollups after a batch")(error);
        if data {
            self.careful = true;
            return Err(Failed { again: Again::Same, ..failed });
        }
        Err(failed)
    }

    pub(super) async fn derive(&self) -> Result<(), tokio_postgres::Error> {
        let of = self.sql.derivation.as_ref().zip(self.statements.derived.as_ref());
        let Some((derivation, Derived { is_changed, differences })) = of else { return Ok(()) };
        self.connection.batch_execute(&derivation.before).await?;
        let row = self.connection.query_one(is_changed, &[]).await?;
        for (places, prepared) in derivation.differences.iter().zip(differences) {
            let lookup = places.lookup.is_some_and(|lookup| row.get(lookup));
            let statement = match &prepared.still {
                _ if !lookup && !row.get::<_, bool>(places.state) => continue,
                Some(still) if !lookup => still,
                _ => &prepared.moved,
            };
            self.connection.execute(statement, &[]).await?;
        }
        self.connection.batch_execute(&derivation.after).await
    }
}
