//! The session's settings while files run.

use howdah_error::Result;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

use super::history;

/// The settings that matter between files. A file may change them for itself.
const KEPT: [&str; 4] =
    ["search_path", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"];

/// What the session had before.
#[derive(Debug)]
pub(super) struct Session {
    saved: Vec<String>,
}

impl Session {
    /// Remembers the settings and takes the limit off statements: how long an index takes to
    /// build is nothing that a limit made for queries knows.
    pub(super) async fn enter(client: &Client) -> Result<Self> {
        Self::try_enter(client).await.map_err(|error| history::failed(&error))
    }

    async fn try_enter(client: &Client) -> Result<Self, Error> {
        let names = KEPT.map(str::to_owned).to_vec();
        let rows = client
            .query_typed(
                "select current_setting(name) from unnest($1) with ordinality u(name, position) \
                 order by position",
                &[(&names, Type::TEXT_ARRAY)],
            )
            .await?;
        let saved = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let session = Self { saved };
        session.calm(client).await?;
        Ok(session)
    }

    /// Sets everything for the next file, whatever the last one has set.
    pub(super) async fn calm(&self, client: &Client) -> Result<(), Error> {
        client.batch_execute("reset session authorization; reset role").await?;
        self.restore(client).await?;
        client.batch_execute("set statement_timeout to 0").await
    }

    async fn restore(&self, client: &Client) -> Result<(), Error> {
        let names = KEPT.map(str::to_owned).to_vec();
        let sql = "select pg_catalog.set_config(name, value, false) \
                   from unnest($1, $2) u(name, value)";
        let values = [(&names as _, Type::TEXT_ARRAY), (&self.saved as _, Type::TEXT_ARRAY)];
        client.query_typed(sql, &values).await.map(|_| ())
    }

    /// Puts the settings back as they were; a lost connection has none.
    pub(super) async fn leave(self, client: &Client) {
        let _ = self.restore(client).await;
    }
}
