//! Derived rollups within the transaction: after all states of a batch are folded.

use howdah_pg::{Fault, classify};

use super::Writer;
use super::failed::{Again, Failed, Tried, failed};

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
        let Some(derivation) = &self.sql.derivation else { return Ok(()) };
        self.connection.batch_execute(&derivation.before).await?;
        for statement in &self.statements.derived {
            self.connection.execute(statement, &[]).await?;
        }
        self.connection.batch_execute(&derivation.after).await
    }
}
