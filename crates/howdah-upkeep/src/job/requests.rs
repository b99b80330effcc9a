//! Requests of HTTP that were stored long ago: their repetition is no longer expected.

use howdah_error::Result;

use super::{Context, Step};

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let Some(keep) = context.keep_requests else { return Ok(Step::default()) };
    let forgotten = crate::requests::forget(context.client, keep).await?;
    if forgotten == 0 {
        return Ok(Step::default());
    }
    Ok(Step::did(format!("forgot {forgotten} requests"), 0))
}
