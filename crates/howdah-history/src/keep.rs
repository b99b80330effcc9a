//! Retention: events that are older than what is kept go, whole chunks by being detached and
//! dropped, those of a tenant by bounded bites of rows and segments.
//!
//! What goes is a *part*: a chunk, or the rows of one tenant in it. Its row in `howdah.drops` is
//! made together with the horizon of its stream (`howdah.horizons`), under the exclusive stream
//! lock: batches under way end first, and every later one refuses events before the horizon. From
//! then on nobody changes the part, so it can be counted, exported and removed step by step; what
//! a killed process leaves, the next step finds in `howdah.drops` and goes on with. Rollups' rows
//! that reach before the horizon stay as they are (`howdah_rollup::horizon`).
//!
//! No step holds a lock that others wait for while it waits itself, and none waits longer than
//! [`LOCK_WAIT`] at a time.

mod bring;
mod due;
mod horizon;
mod part;
mod remove;
mod source;

use std::future::Future;
use std::pin::Pin;

use howdah_catalog::Catalog;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::failpoint;
use howdah_system::{Measure, MeasureKind, Rollup, Stream, System};
use tokio_postgres::Client;

use crate::fold::{disown, own};
use crate::{exact, store};

pub use bring::{Expected, Room, give_up, loaded, make_room, settle};
pub use due::{Asked, Due, read as due};
pub use part::{Part, finished};
pub use source::{Source, begin_reading, hashes};

/// How long a step waits for a lock at a time: who comes behind it waits as long.
const LOCK_WAIT: &str = "100ms";

/// What one step of retention did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What was done, as a sentence without a full stop; `None`: nothing was due.
    pub did: Option<String>,
    /// Parts that are still due after this step.
    pub backlog: i64,
    /// Why it could not be done now, as a sentence; it is tried again later.
    pub waits: Option<String>,
}

/// Where events go before they are dropped.
pub trait Archive: Sync {
    /// Writes the events of a part and makes sure that they are there; gives where, or `None` when
    /// nothing is kept of them.
    fn store<'a>(
        &'a self,
        client: &'a Client,
        stream: &'a Stream,
        part: &'a Part,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + 'a>>;
}

/// Events are dropped without an export.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoArchive;

impl Archive for NoArchive {
    fn store<'a>(
        &'a self,
        _: &'a Client,
        _: &'a Stream,
        _: &'a Part,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// The next small step for one stream, as its policy and its tenants' say.
///
/// It does nothing when nothing is due, and says so when it had to wait. It may be killed anywhere.
pub async fn step(
    client: &Client,
    system: &System,
    _catalog: &Catalog,
    stream: &Stream,
    archive: &dyn Archive,
) -> Result<Kept> {
    step_for(client, system, stream, (&Asked::default(), archive)).await
}

/// The same for what is asked by hand.
pub async fn step_for(
    client: &Client,
    system: &System,
    stream: &Stream,
    (asked, archive): (&Asked, &dyn Archive),
) -> Result<Kept> {
    if let Some(why) = cannot_lose(system, stream) {
        let due = due::read(client, system, stream, asked).await?;
        let backlog = i64::try_from(due.len()).unwrap_or(i64::MAX);
        return Ok(Kept { waits: (backlog > 0).then(|| why.to_string()), backlog, did: None });
    }
    match own(client, stream).await {
        Ok(()) => {}
        Err(error) if error.get_code() == Some(Code::FoldUnderWay) => {
            let waits = Some("Another session folds or restores chunks of the stream.".to_owned());
            return Ok(Kept { waits, ..Kept::default() });
        }
        Err(error) => return Err(error),
    }
    let result = step_owned(client, system, stream, (asked, archive)).await;
    disown(client, stream).await;
    result
}

async fn step_owned(
    client: &Client,
    system: &System,
    stream: &Stream,
    (asked, archive): (&Asked, &dyn Archive),
) -> Result<Kept> {
    exact::check_owner(client, stream).await?;
    part::end_visits(client, stream).await?;
    let mut due = due::read(client, system, stream, asked).await?;
    let next = match part::begun(client, stream).await? {
        Some(begun) => Ok(begun),
        None if due.is_empty() => return Ok(Kept::default()),
        None => horizon::begin(client, stream, &due.remove(0)).await,
    };
    let done = match next {
        Ok(part) => advance(client, stream, part, archive).await,
        Err(error) => Err(error),
    };
    let backlog = i64::try_from(due.len()).unwrap_or(i64::MAX);
    match done {
        Ok(did) => Ok(Kept { did: Some(did), backlog, waits: None }),
        Err(error) if error.get_code() == Some(Code::LockTimeout) => {
            let waits = Some("Somebody holds a lock that it needs, and does not end.".to_owned());
            Ok(Kept { did: None, backlog: backlog + 1, waits })
        }
        Err(error) => Err(error),
    }
}

/// Takes one part a step further, and says what was done.
async fn advance(
    client: &Client,
    stream: &Stream,
    mut part: Part,
    archive: &dyn Archive,
) -> Result<String> {
    let layouts = store::layouts(client, stream).await?;
    let what = part.title();
    let events = part.count(client, stream, &layouts).await?;
    if part.archive.is_none()
        && let Some(place) = archive.store(client, stream, &part).await?
    {
        part.note_archive(client, &place).await?;
        failpoint::hit("keep.exported").await?;
        return Ok(format!("exported {events} events of {what} to {place}"));
    }
    let rows = remove::bite(client, stream, &layouts, &part).await?;
    if rows > 0 {
        failpoint::hit("keep.bitten").await?;
        return Ok(format!("deleted {rows} events of {what}"));
    }
    if part.tenant.is_none() && remove::detach(client, stream, &part).await? {
        failpoint::hit("keep.detached").await?;
        return Ok(format!("detached {what}"));
    }
    remove::finish(client, stream, &part).await?;
    failpoint::hit("keep.dropped").await?;
    Ok(format!("dropped {what} ({events} events)"))
}

/// Why a stream cannot lose old events: some of its values are computed anew from all of them.
#[must_use]
pub fn cannot_lose(system: &System, stream: &Stream) -> Option<Error> {
    let refuse = |why: &str, detail: &str| {
        Error::new(Kind::Conflict, format!("stream \"{}\" cannot lose events: {why}", stream.name))
            .code(Code::CannotDrop)
            .detail(detail)
            .hint("Leave `keep` out for it; segments make its old events small.")
    };
    let is_position = |measure: &Measure| matches!(measure.kind, MeasureKind::Position(_));
    if system.rollups_of(stream).any(|rollup| rollup.measures.iter().any(is_position)) {
        return Some(refuse(
            "a position is kept of it",
            "A late fill changes a position by all fills of its key.",
        ));
    }
    if stream.retracted.is_some() && system.rollups_of(stream).any(Rollup::is_state) {
        return Some(refuse(
            "its events may be taken back, and states are kept of it",
            "A state that loses an event is computed anew from all others of its key.",
        ));
    }
    None
}
