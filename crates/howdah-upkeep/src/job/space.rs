//! The space of folded rows: a chunk whose rows nobody can see any more gives its pages back.

use howdah_error::Result;
use howdah_history::chunks::{self, Listed};
use howdah_history::empty_chunk;
use howdah_system::Stream;

use super::{Context, Step, horizon, waiting};

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let mut hollow = Vec::new();
    for stream in context.system.streams.iter().filter(|stream| stream.segment.is_some()) {
        hollow.extend(of_stream(context, stream).await?);
    }
    let left = hollow.len() as i64;
    for listed in hollow {
        if context.later.contains_key(&listed.table) {
            continue;
        }
        let looked = chunks::look(context.client, std::slice::from_ref(&listed)).await?;
        let Some(chunk) = looked.into_iter().find(|chunk| chunk.hollow) else { continue };
        match empty_chunk(context.client, &chunk).await {
            Ok(true) => {
                let did = format!("gave back {} bytes of {}", chunk.bytes, chunk.table.plain());
                return Ok(Step::did(did, left - 1));
            }
            Err(error) if waiting(&error).is_none() => return Err(error),
            Ok(false) | Err(_) => context.later.insert(listed.table, String::new()),
        };
    }
    if left == 0 {
        return Ok(Step::default());
    }
    let why = horizon::who(context.client).await?;
    Ok(Step::waits(why.unwrap_or_else(|| "somebody reads a folded chunk".to_owned()), left))
}

/// Chunks with a page and without a row.
async fn of_stream(context: &Context<'_>, stream: &Stream) -> Result<Vec<Listed>> {
    let listed = chunks::list(context.client, stream).await?;
    let paged: Vec<Listed> = listed.into_iter().filter(|it| it.due && it.paged).collect();
    let mut out = Vec::new();
    for some in paged.chunks(200) {
        let looked = chunks::look(context.client, some).await?;
        let hollow = some.iter().zip(looked).filter(|(_, chunk)| chunk.hollow);
        out.extend(hollow.map(|(listed, _)| listed.clone()));
    }
    Ok(out)
}
