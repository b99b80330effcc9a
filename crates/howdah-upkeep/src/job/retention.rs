//! Events that are kept no longer: one part of one stream a step further, the streams in turn.

use howdah_error::Result;
use howdah_history::keep;

use super::{Context, Step};

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let (client, system) = (context.client, context.system);
    let mut out = Step::default();
    for stream in &system.streams {
        // One that waits is asked again in the next pass.
        if let Some(why) = context.later.get(&stream.table) {
            out.waits.get_or_insert_with(|| why.clone());
            continue;
        }
        let kept = keep::step(client, system, context.catalog, stream, context.archive).await?;
        out.backlog += kept.backlog;
        if let Some(why) = kept.waits {
            context.later.insert(stream.table.clone(), why.clone());
            out.waits.get_or_insert(why);
        }
        if kept.did.is_some() {
            // The part that it is of may need another step.
            return Ok(Step { did: kept.did, backlog: out.backlog.max(1), ..out });
        }
    }
    Ok(out)
}
