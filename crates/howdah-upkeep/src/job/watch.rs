//! What makes a database stop or fill up slowly, and nobody looks at: transaction ids that run out,
//! replication slots that nobody reads, transactions that stay open, tables full of dead rows.

use howdah_error::Result;
use howdah_pg::from_pg;

use super::{Context, Step};

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let rows = context
        .client
        .query(include_str!("watch.sql"), &[])
        .await
        .map_err(|error| from_pg("could not watch the database", &error))?;
    let warnings: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(Step { backlog: warnings.len() as i64, warnings, ..Step::default() })
}
