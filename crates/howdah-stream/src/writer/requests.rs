//! Requests of HTTP clients in one transaction, each with its row in `howdah.http_requests`.
//!
//! The names of the requests are taken first. A name that is taken already tells that the request
//! is stored, by an earlier attempt whose reply was lost or by the client's earlier request; one
//! that another process takes at this moment is waited for. Requests share a transaction only as
//! long as no event of it repeats a key: else they are halved, so that each is told its own counts.

use std::collections::HashMap;

use howdah_error::{Error, Kind, Result};
use howdah_pg::Connection;
use tokio_postgres::Statement;

use super::events::{GROUP_REFUSED, Refused};
use super::failed::{Again, Failed, Tried, failed};
use super::{Applied, Writer};
use crate::batch::{Position, Row, ShardId};
use crate::failpoint;
use crate::requests::{CommitRequests, RefusedEvent, Request, RequestId, Tries, Verdict};

/// The length of an SQLSTATE: the word of a refusal by a statement.
const SQLSTATE: usize = 5;
/// How many events are looked at first when one of them is to blame.
const FIRST_LOOK: usize = 64;

/// The statements that requests need beside those of a batch.
pub(super) struct Statements {
    claim: Statement,
    find: Statement,
    drop: Statement,
    count: Statement,
}

impl Statements {
    async fn prepare(connection: &Connection) -> Tried<Self> {
        let prepare = async |text: &str| {
            let prepared = connection.prepare(text).await;
            prepared.map_err(failed("could not prepare the SQL of requests"))
        };
        Ok(Self {
            claim: prepare(include_str!("requests/claim.sql")).await?,
            find: prepare(include_str!("requests/find.sql")).await?,
            drop: prepare(include_str!("requests/drop.sql")).await?,
            count: prepare(include_str!("requests/count.sql")).await?,
        })
    }
}

/// The names of requests as the columns of arrays.
fn columns<'r>(requests: impl IntoIterator<Item = &'r Request>) -> (Vec<i64>, Vec<&'r str>) {
    requests.into_iter().map(|request| (request.id.api_key, request.id.name.as_str())).unzip()
}

/// The rows of some requests, each request a group.
struct Rows {
    rows: Vec<Row>,
    /// For each request, where its rows begin.
    starts: Vec<usize>,
}

impl Rows {
    fn new(requests: &[&Request]) -> Self {
        let mut all = Self { rows: Vec::new(), starts: Vec::with_capacity(requests.len()) };
        for (group, request) in requests.iter().enumerate() {
            all.starts.push(all.rows.len());
            let rows = request.rows.iter().zip(&request.events);
            all.rows.extend(rows.map(|(row, event)| Row {
                group: group as u32,
                // By its position an event is told from the next one of the group.
                position: Position(event.to_string()),
                ..row.clone()
            }));
        }
        all
    }
}

impl CommitRequests for Writer {
    async fn commit_requests(
        &mut self,
        requests: &[Request],
        tries: &mut Tries,
    ) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::with_capacity(requests.len());
        // The halves that are still to be committed, the next one last.
        let mut parts = vec![requests];
        while let Some(part) = parts.pop() {
            if let Some(some) = self.commit_part(part, tries).await? {
                for (request, mut verdict) in part.iter().zip(some) {
                    self.find_blame(request, &mut verdict).await?;
                    verdicts.push(verdict);
                }
            } else {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
        Ok(verdicts)
    }
}

impl Writer {
    /// Commits requests in one transaction; `None`: an event repeats a key, and whose it is cannot
    /// be told from here. Then nothing is stored.
    async fn commit_part(
        &mut self,
        requests: &[Request],
        tries: &mut Tries,
    ) -> Result<Option<Vec<Verdict>>> {
        let rows = requests.iter().map(|request| request.rows.len()).sum();
        let mut failures = 0;
        loop {
            let failed = match self.try_requests(requests, tries).await {
                Ok(verdicts) => {
                    self.piece = self.piece.saturating_mul(2);
                    self.careful = false;
                    return Ok(verdicts);
                }
                Err(failed) => failed,
            };
            self.rollback().await;
            failures += 1;
            self.wait_for_another(failed, failures, rows).await?;
        }
    }

    /// A statement that fails does so for a whole request: finds out which of its events are to
    /// blame, by what would become of them if each stood alone.
    async fn find_blame(&mut self, request: &Request, verdict: &mut Verdict) -> Result<()> {
        let Verdict::Refused(refused) = verdict else { return Ok(()) };
        let vague = refused.iter().all(|event| event.code.len() == SQLSTATE);
        if request.event_count() == 1 || !vague {
            return Ok(());
        }
        let most = request.event_count() as usize;
        let mut events = FIRST_LOOK.min(most);
        loop {
            let tried = self.try_alone(request, events).await;
            self.rollback().await;
            match tried {
                Ok(found) if found.is_empty() && events < most => {
                    events = events.saturating_mul(4).min(most);
                }
                Ok(found) => {
                    if !found.is_empty() {
                        *refused = found;
                    }
                    return Ok(());
                }
                // It is refused all the same; a connection that is gone is seen at the next use.
                Err(Failed { error, .. }) => {
                    tracing::debug!(%error, "could not find the events to blame");
                    return Ok(());
                }
            }
        }
    }

    /// What would be refused of the first `most` events of a request if each stood alone.
    async fn try_alone(&mut self, request: &Request, most: usize) -> Tried<Vec<RefusedEvent>> {
        let opening = self.begin(&self.nobodys_shard()).await?;
        let numbers = request.events.iter().take_while(|event| (**event as usize) < most);
        let rows: Vec<Row> = numbers
            .zip(&request.rows)
            .map(|(event, row)| Row { group: *event, ..row.clone() })
            .collect();
        let mut events = self.events(&rows);
        let applied = self.apply(&mut events, &opening).await?;
        let told = |refused: Refused| RefusedEvent {
            event: request.events[refused.row],
            code: refused.code,
            reason: refused.reason,
        };
        Ok(applied.refused.into_iter().map(told).collect())
    }

    /// Requests have no position: no shard has this name.
    fn nobodys_shard(&self) -> ShardId {
        ShardId { source: self.sql.source.clone(), shard: "http".to_owned() }
    }

    async fn try_requests(
        &mut self,
        requests: &[Request],
        tries: &mut Tries,
    ) -> Tried<Option<Vec<Verdict>>> {
        for request in requests {
            self.make_chunks(&request.rows).await?;
        }
        if self.requests.is_none() {
            self.requests = Some(Statements::prepare(&self.connection).await?);
        }
        let opening = self.begin(&self.nobodys_shard()).await?;
        let mut known = self.claim(requests, tries).await?;
        failpoint::hit("requests.claimed").await?;
        let fresh: Vec<&Request> =
            requests.iter().filter(|request| !known.contains_key(&request.id)).collect();
        let rows = Rows::new(&fresh);
        let mut events = self.events(&rows.rows);
        let applied = self.apply(&mut events, &opening).await?;
        if applied.duplicates > 0 && fresh.len() > 1 {
            self.rollback().await;
            return Ok(None);
        }
        let judged = judged(&fresh, &rows, &applied);
        let stored = self.settle(&fresh, &judged).await?;
        if stored {
            tries.add(&opening.transaction);
            self.end(&opening).await?;
        } else {
            self.rollback().await;
        }
        known.extend(fresh.iter().map(|request| request.id.clone()).zip(judged));
        let verdicts = requests.iter().map(|request| known.remove(&request.id));
        verdicts
            .collect::<Option<Vec<Verdict>>>()
            .map(Some)
            .ok_or_else(|| Error::internal("two requests of one name in a transaction").into())
    }

    /// Takes the names of the requests; gives the verdicts on those whose names were taken before.
    async fn claim(
        &self,
        requests: &[Request],
        tries: &Tries,
    ) -> Tried<HashMap<RequestId, Verdict>> {
        let Some(statements) = &self.requests else { return Ok(HashMap::new()) };
        let failed = failed("could not take the names of requests");
        let (keys, names) = columns(requests);
        let prints: Vec<&[u8]> = requests.iter().map(|request| &request.fingerprint[..]).collect();
        let counts: Vec<i64> =
            requests.iter().map(|request| request.event_count() as i64).collect();
        let source = &self.sql.source;
        let taken = self
            .connection
            .execute(&statements.claim, &[&keys, &names, &prints, &counts, source])
            .await
            .map_err(&failed)?;
        if taken == requests.len() as u64 {
            return Ok(HashMap::new());
        }
        // What this transaction has taken is not among them: see `find.sql`.
        let found = self.connection.query(&statements.find, &[&keys, &names]).await;
        let found = found.map_err(&failed)?;
        if found.len() as u64 + taken != requests.len() as u64 {
            // Upkeep has forgotten one between the two statements.
            let error = Error::new(Kind::Unavailable, "a request was forgotten meanwhile");
            return Err(Failed { error, again: Again::Same });
        }
        let print_of: HashMap<&RequestId, &[u8; 32]> =
            requests.iter().map(|request| (&request.id, &request.fingerprint)).collect();
        let verdict = |row: &tokio_postgres::Row| {
            let id = RequestId { api_key: row.get(0), name: row.get(1) };
            let same = print_of.get(&id).is_some_and(|print| row.get::<_, &[u8]>(2) == &print[..]);
            let verdict = if same {
                let (accepted, duplicates): (i64, i64) = (row.get(3), row.get(4));
                let (accepted, duplicates) = (accepted as u64, duplicates as u64);
                Verdict::Stored { accepted, duplicates, repeated: !tries.wrote(row.get(5)) }
            } else {
                Verdict::OtherRequest
            };
            (id, verdict)
        };
        Ok(found.iter().map(verdict).collect())
    }

    /// Gives the names of refused requests back, and corrects the counts of one with duplicates;
    /// whether something is stored.
    async fn settle(&self, fresh: &[&Request], judged: &[Verdict]) -> Tried<bool> {
        let Some(statements) = &self.requests else { return Ok(false) };
        let failed = failed("could not keep what became of requests");
        let refused: Vec<&Request> = fresh
            .iter()
            .zip(judged)
            .filter(|(_, verdict)| matches!(verdict, Verdict::Refused(_)))
            .map(|(request, _)| *request)
            .collect();
        if refused.len() == fresh.len() {
            return Ok(false);
        }
        if !refused.is_empty() {
            let (keys, names) = columns(refused);
            let dropped = self.connection.execute(&statements.drop, &[&keys, &names]).await;
            dropped.map_err(&failed)?;
        }
        for (request, verdict) in fresh.iter().zip(judged) {
            let Verdict::Stored { accepted, duplicates: duplicates @ 1.., .. } = verdict else {
                continue;
            };
            let RequestId { api_key, name } = &request.id;
            let (accepted, duplicates) = (*accepted as i64, *duplicates as i64);
            self.connection
                .execute(&statements.count, &[api_key, name, &accepted, &duplicates])
                .await
                .map_err(&failed)?;
        }
        Ok(true)
    }
}

/// What became of each fresh request. Duplicates are of the only one, or there are none.
fn judged(fresh: &[&Request], rows: &Rows, applied: &Applied) -> Vec<Verdict> {
    let mut refused: HashMap<usize, Vec<RefusedEvent>> = HashMap::new();
    for event in &applied.refused {
        let group = rows.starts.partition_point(|start| *start <= event.row) - 1;
        let blamed = refused.entry(group).or_default();
        // The events that fall with the one to blame have nothing wrong with them.
        if event.code != GROUP_REFUSED {
            let number = fresh[group].events[event.row - rows.starts[group]];
            let (code, reason) = (event.code.clone(), event.reason.clone());
            blamed.push(RefusedEvent { event: number, code, reason });
        }
    }
    let verdict = |(group, request): (usize, &&Request)| match refused.remove(&group) {
        Some(blamed) => Verdict::Refused(blamed),
        None => Verdict::Stored {
            accepted: request.event_count() - applied.duplicates,
            duplicates: applied.duplicates,
            repeated: false,
        },
    };
    fresh.iter().enumerate().map(verdict).collect()
}
