//! A segment policy that changed, carried out on what is folded: chunk by chunk, each in a
//! transaction of its own, so that it may be killed anywhere and goes on where it was.

use howdah_error::Result;
use howdah_history::{chunks, fold_chunk, restore_chunk};
use howdah_pg::{from_pg, introspect_scope};
use howdah_plan::history;
use howdah_system::{Stream, System};
use tokio_postgres::Client;

/// Puts the segments of the stream back into its chunks where they are not as the policy says;
/// `again`: and folds each chunk anew at once, so that little lies unfolded at a time.
pub(crate) async fn run(
    client: &Client,
    system: &System,
    stream: &Stream,
    again: bool,
) -> Result<()> {
    let catalog = Box::pin(introspect_scope(client, crate::MODEL)).await?;
    let plain = history::plain(stream);
    let holding = holding(client, stream, again.then_some(plain.as_slice())).await?;
    for listed in chunks::list(client, stream).await? {
        if !holding.contains(&listed.table.to_string()) {
            continue;
        }
        for chunk in chunks::look(client, std::slice::from_ref(&listed)).await? {
            restore_chunk(client, stream, &chunk).await?;
            howdah_pg::failpoint::hit("upkeep.restored").await?;
            if again {
                fold_chunk(client, system, &catalog, stream, &chunk).await?;
            }
        }
    }
    Ok(())
}

/// The chunks that have segments, all or those in layouts with other plain columns than `plain`.
async fn holding(
    client: &Client,
    stream: &Stream,
    plain: Option<&[String]>,
) -> Result<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    for layout in crate::facts::layouts(client, stream).await? {
        if plain == Some(layout.plain.as_slice()) {
            continue;
        }
        let sql = format!("select distinct howdah_chunk from {}", layout.table);
        let rows = client
            .query(&sql, &[])
            .await
            .map_err(|error| from_pg("could not read which chunks have segments", &error))?;
        out.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }
    Ok(out)
}
