//! The checked model: what a system file says, held against a catalog, with nothing left to doubt.
//!
//! Every name here exists, every type is known, every combination is possible. The crates that
//! compile SQL, plan, ingest and verify read this and nothing else of the system file.

use howdah_catalog::{Ident, RelName};

use crate::column::StreamColumn;
use crate::source::Source;
use crate::span::{SpanRollup, Spans};
use crate::time::{Bucket, Span};

/// A system: streams, rollups, sources, and whom rows belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// `system.name`; also the prefix of the default role names.
    pub name: String,
    /// Whom rows belong to, when the system has tenants.
    pub tenants: Option<Tenants>,
    /// Where events go before retention drops them: a folder, `file://…` or `s3://bucket/prefix`.
    pub export: Option<String>,
    /// The group roles that apply grants to.
    pub roles: Roles,
    /// Streams, in the order of the file.
    pub streams: Vec<Stream>,
    /// Rollups and states, in the order of the file.
    pub rollups: Vec<Rollup>,
    /// Derived rollups: sums over the rows of states, in the order of the file.
    pub derived: Vec<Derived>,
    /// Spans: the times between the events of a key.
    pub spans: Vec<Spans>,
    /// Rollups of spans, in the order of the file.
    pub span_rollups: Vec<SpanRollup>,
    /// What takes events back by the blocks that they are of.
    pub reorganisations: Vec<Reorganisation>,
    /// Sources, in the order of the file.
    pub sources: Vec<Source>,
    /// Bounds of batches and events.
    pub ingest: IngestLimits,
}

impl System {
    /// The streams that a batch into `streams` may change: these, and those that lose their events
    /// by one reorganisation with them. Indexes into [`System::streams`], ascending.
    #[must_use]
    pub fn reach(&self, streams: &[usize]) -> Vec<usize> {
        let mut out = streams.to_vec();
        for reorganisation in &self.reorganisations {
            if reorganisation.streams().any(|stream| streams.contains(&stream)) {
                out.extend(reorganisation.streams());
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The reorganisation that a stream's events may be taken back by, or that it marks.
    #[must_use]
    pub fn reorganisation_of(&self, stream: usize) -> Option<&Reorganisation> {
        self.reorganisations.iter().find(|it| it.streams().any(|other| other == stream))
    }

    /// The stream of that name in the file.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    /// The stream that a rollup reads.
    #[must_use]
    pub fn stream_of(&self, rollup: &Rollup) -> &Stream {
        &self.streams[rollup.stream]
    }

    /// The rollups and states of a stream, in the order of the file.
    pub fn rollups_of<'a>(&'a self, stream: &'a Stream) -> impl Iterator<Item = &'a Rollup> + 'a {
        self.rollups.iter().filter(move |rollup| self.streams[rollup.stream].name == stream.name)
    }

    /// The tables that are made of streams: of rollups, states, spans and what is derived.
    pub fn made_tables(&self) -> impl Iterator<Item = &RelName> {
        let of_spans = self.span_rollups.iter().map(|rollup| &rollup.rollup);
        let levels = self.rollups.iter().chain(of_spans).flat_map(|rollup| &rollup.levels);
        levels.map(|level| &level.table).chain(self.derived.iter().map(|derived| &derived.table))
    }
}

/// Whom rows belong to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenants {
    /// The column that names the tenant, in every table that has it.
    pub column: Ident,
    /// The column's type as `format_type` prints it (`uuid`, `text`, `bigint`).
    pub type_name: String,
    /// The table of known tenants and its key column: an event of a tenant that is not in it
    /// becomes a dead letter.
    pub table: Option<(RelName, Ident)>,
    /// How long each tenant's events are kept, where the table of known tenants says it.
    pub keep: TenantKeep,
    /// Tables whose rows are not told apart by the tenant column alone: those that declare it, and
    /// the rollups of streams that do.
    pub visible: Vec<Visible>,
}

/// How long the events of each tenant are kept, as columns of the table of known tenants say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantKeep {
    /// How long the events of all streams are kept that do not say it themselves.
    pub by: Option<KeepBy>,
    /// A boolean column: true stops every deletion of the tenant's events.
    pub hold: Option<Ident>,
}

/// A column of the table of known tenants that says how long a tenant's events are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepBy {
    /// A column of intervals; null: as the stream says.
    pub column: Ident,
    /// No tenant's events are kept for less than this.
    pub least: Option<Span>,
    /// No tenant's events are kept for longer, but for those on hold.
    pub most: Option<Span>,
}

impl TenantKeep {
    /// Whether tenants are told apart in every stream.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.by.is_some() || self.hold.is_some()
    }
}

/// Who sees the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// The table.
    pub table: RelName,
    /// A row is visible when one of these holds. None: to no tenant.
    pub any_of: Vec<Sight>,
}

/// A condition under which a row is visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// SQL over the table's columns; the session's tenant is asked in it once a statement.
    pub sql: String,
    /// The columns that it names.
    pub columns: Vec<Ident>,
    /// Whether it asks for the session's tenant.
    pub asks_tenant: bool,
}

/// The group roles that apply grants to. None of them may log in, and none bypasses row security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// May write everything that howdah writes, for every tenant.
    pub writer: Ident,
    /// May read its tenant's rows of streams, rollups, states and entities.
    pub reader: Ident,
    /// May read the audit.
    pub auditor: Ident,
}

/// An append-only table of events, partitioned by its time column.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The name in the file.
    pub name: String,
    /// The table.
    pub table: RelName,
    /// The time column.
    pub time: Ident,
    /// The type of the time column.
    pub time_type: TimeType,
    /// The columns of the unique key: tenant first (when there is one), then the declared key, the
    /// time column last unless the declared key has it elsewhere. Empty: no key, no dedupe.
    pub key: Vec<Ident>,
    /// What orders the events of one key: the time column, then the declared `order` (default: the
    /// key columns). Used by `first`, `last` and ordered folds.
    pub order: Vec<Ident>,
    /// The width of a chunk.
    pub chunk: Bucket,
    /// How many chunks are kept ready ahead of now.
    pub ahead: u32,
    /// Which event times are accepted.
    pub accept: Accept,
    /// How long events are kept; `None`: for ever.
    pub keep: Option<Span>,
    /// How long each tenant's events are kept, where that is said for this stream alone.
    pub keep_by: Option<KeepBy>,
    /// When old chunks are folded.
    pub segment: Option<Segment>,
    /// The tenant column, when the table has it.
    pub tenant: Option<Ident>,
    /// Each named key column with the column of a reversing event that holds its value in the event
    /// that is reversed. An event is a reversal when these are all there. Empty: none is.
    pub reverses: Vec<(Ident, Ident)>,
    /// Whether an event of a known key with other content is refused instead of passed over.
    pub refuse_conflicts: bool,
    /// Where events go that count no more; `None`: none ever does.
    pub retracted: Option<RelName>,
    /// The columns by which spans find an event and its neighbours. Empty: nothing is made of the
    /// times between its events.
    pub span_key: Vec<Ident>,
    /// The name under which retention notes what is gone of it (`howdah.horizons`); `None`: nothing
    /// is asked, which is right only where nothing can be gone.
    pub horizon: Option<String>,
    /// The table's columns in their order.
    pub columns: Vec<StreamColumn>,
}

impl Stream {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &Ident) -> Option<&StreamColumn> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// The total order of the events of one group of a rollup by `by`: time, the declared order,
    /// the rest of the key. Columns of `by` are constant within the group and left out.
    #[must_use]
    pub fn total_order(&self, by: &[KeyColumn]) -> Vec<Ident> {
        let mut order: Vec<Ident> = Vec::new();
        for column in self.order.iter().chain(&self.key) {
            let constant = by.iter().any(|key| key.name == *column);
            if !constant && !order.contains(column) {
                order.push(column.clone());
            }
        }
        order
    }
}

/// Streams of events that are of blocks of a chain: when a block is replaced by another, its events
/// are taken back with all that they caused.
#[derive(Debug, Clone, PartialEq)]
pub struct Reorganisation {
    /// The name in the file.
    pub name: String,
    /// The streams: indexes into [`System::streams`]. A stream is in one reorganisation at most.
    pub of: Vec<usize>,
    /// The columns that tell one chain from another.
    pub scope: Vec<KeyColumn>,
    /// The column of the block's number, a whole number.
    pub block: KeyColumn,
    /// The column of the block's hash: of two hashes for one number one is replaced.
    pub hash: KeyColumn,
    /// How many blocks below the highest known one a block may still be replaced.
    pub depth: u32,
    /// Columns that are in one block only, such as a transaction's hash: seen in another block, at
    /// most `depth` away, they tell that the earlier one is replaced. May be empty.
    pub once: Vec<KeyColumn>,
    /// The stream of events that announce a reorganisation.
    pub marker: Option<Marker>,
    /// howdah's own table of known blocks.
    pub blocks: RelName,
}

impl Reorganisation {
    /// Its streams, and that of its marker.
    pub fn streams(&self) -> impl Iterator<Item = usize> + '_ {
        self.of.iter().copied().chain(self.marker.as_ref().map(|marker| marker.stream))
    }
}

/// Events that say from which block on a chain is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Index into [`System::streams`].
    pub stream: usize,
    /// The column of the first replaced block's number; the scope's columns are named as there.
    pub fork: Ident,
}

/// The type of a time column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeType {
    /// `timestamp with time zone`.
    Timestamptz,
    /// `timestamp without time zone`: taken as UTC.
    Timestamp,
    /// `date`.
    Date,
}

/// The event times that a stream accepts, relative to the clock of the database at the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accept {
    /// How old an event may be; `None`: any age since 1970.
    pub past: Option<Span>,
    /// How far ahead of now an event may be.
    pub future: Span,
}

/// When and how old chunks are folded into segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The age from which a chunk is folded.
    pub after: Span,
    /// The columns that stay plain.
    pub by: Vec<Ident>,
}

/// An incremental aggregate of a stream, at one or more bucket widths, or a state (no bucket).
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    /// The name in the file.
    pub name: String,
    /// Index into [`System::streams`].
    pub stream: usize,
    /// The tables: one per `every`, finest first; a state has exactly one, without a bucket.
    pub levels: Vec<Level>,
    /// The time zone of day and larger buckets (`UTC` when not given).
    pub timezone: String,
    /// Key columns: tenant first (when the stream has one), then `by`.
    pub by: Vec<KeyColumn>,
    /// Only events for which this holds count.
    pub filter: Option<Expr>,
    /// Measures in the order of the file.
    pub measures: Vec<Measure>,
    /// Measures computed from the others of the same row.
    pub computed: Vec<Computed>,
    /// A state only: what must hold after every event; an event that would break it becomes a dead
    /// letter. Speaks of measures, key columns and further columns of the state's table; any other
    /// name is a column of the event that is being judged.
    pub check: Option<Expr>,
    /// A state that derived rollups read: what they read of its rows.
    pub watched: Option<Watched>,
}

impl Rollup {
    /// Whether it is a state: a running value without a time bucket.
    #[must_use]
    pub fn is_state(&self) -> bool {
        self.levels.iter().all(|level| level.bucket.is_none())
    }
}

/// One table of a rollup.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// The table: `candles_1m`, or the rollup's own name for a state.
    pub table: RelName,
    /// The bucket width; `None` for a state.
    pub bucket: Option<Bucket>,
}

/// A key column of a rollup.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyColumn {
    /// Its name, the same as in the stream.
    pub name: Ident,
    /// Its type as `format_type` prints it.
    pub type_name: String,
    /// Whether the stream declares it `not null`; where not, null keys are folded under null.
    pub not_null: bool,
}

/// A SQL expression over a stream's columns, checked by the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// The text as written.
    pub text: String,
    /// The columns that it names.
    pub columns: Vec<Ident>,
    /// Its type as `format_type` prints it.
    pub type_name: String,
}

/// One measure of a rollup: a column of its tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// The column.
    pub name: Ident,
    /// What it holds.
    pub kind: MeasureKind,
    /// `filter (where …)` of the aggregate.
    pub filter: Option<Expr>,
}

/// What a measure holds.
#[derive(Debug, Clone, PartialEq)]
pub enum MeasureKind {
    /// `count(*)`.
    CountAll,
    /// `count(x)`.
    Count(Expr),
    /// `sum(x)`; floats are summed as numeric, so that order cannot matter.
    Sum(Expr),
    /// `avg(x)`, kept as sum and count.
    Avg(Expr),
    /// `min(x)`.
    Min(Expr),
    /// `max(x)`.
    Max(Expr),
    /// `first(x)`: the value at the smallest order.
    First(Expr),
    /// `last(x)`: the value at the largest order.
    Last(Expr),
    /// `stddev(x)` of a sample, kept as count, sum and sum of squares.
    Stddev(Expr),
    /// `variance(x)` of a sample, kept likewise.
    Variance(Expr),
    /// `quantile(p, x)`: `p` as written; kept as counts of logarithmic bins.
    Quantile(String, Expr),
    /// `approx_distinct(x)`, kept as the smallest hashes.
    ApproxDistinct(Expr),
    /// `position = { … }`, states only: the ordered fold of fills into a position with average
    /// entry price and realised profit. Its column name is not used; it makes the columns
    /// `quantity`, `entry_price`, `realised`, `fees`, `fills` and the order of the last fill.
    Position(Box<PositionFold>),
}

/// What derived rollups read of a state's rows. A batch keeps it, as it was and as it is, of the
/// rows in which it changes something that matters to them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Watched {
    /// The columns beside the key.
    pub columns: Vec<Ident>,
    /// Expressions over the row, with columns named as `state.column`: while none of them changes,
    /// nothing that is derived does.
    pub effects: Vec<String>,
}

/// A measure that is an expression over the stored columns of its row: a generated column.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed {
    /// The column.
    pub name: Ident,
    /// The expression; it names stored columns of the same table.
    pub expr: Expr,
}

/// A derived rollup: sums and counts over the rows of states, right at commit as they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Derived {
    /// The name in the file.
    pub name: String,
    /// The table.
    pub table: RelName,
    /// The states whose rows are summed: indexes into [`System::rollups`].
    pub of: Vec<usize>,
    /// The state that tells, for each of their rows, where it belongs.
    pub through: Option<Through>,
    /// Key columns: tenant first (when the states have one), then `by`. A row with a null in one of
    /// them belongs nowhere.
    pub by: Vec<DerivedKey>,
    /// Measures in the order of the file.
    pub measures: Vec<DerivedMeasure>,
    /// Measures computed from the others of the same row.
    pub computed: Vec<Computed>,
}

impl Derived {
    /// The column that counts the state rows behind a row; a row without any is removed.
    pub const ROWS: &str = "howdah_rows";
}

/// A state that is looked up: a row of one of the summed states belongs where the row that it finds
/// says, and nowhere while it finds none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// Index into [`System::rollups`].
    pub state: usize,
    /// Each key column of the lookup with the column of the summed states that is equal to it.
    pub on: Vec<(Ident, Ident)>,
}

/// A key column of a derived rollup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedKey {
    /// Its name, the same as where it is from.
    pub name: Ident,
    /// Whether it is of the lookup; else each of the summed states has it.
    pub of_lookup: bool,
}

/// A measure of a derived rollup: a change of a state's row changes it by the difference.
#[derive(Debug, Clone, PartialEq)]
pub struct DerivedMeasure {
    /// The column.
    pub name: Ident,
    /// The state whose rows it counts or sums: one of [`Derived::of`].
    pub of: usize,
    /// What it holds.
    pub kind: DerivedKind,
    /// `filter (where …)` of the aggregate.
    pub filter: Option<Expr>,
    /// The columns that it reads: the state (an index into [`System::rollups`]) and the column.
    pub reads: Vec<(usize, Ident)>,
}

/// What a measure of a derived rollup holds. Expressions name columns as `state.column`.
#[derive(Debug, Clone, PartialEq)]
pub enum DerivedKind {
    /// `count(state)`: rows.
    Rows,
    /// `count(x)`.
    Count(Expr),
    /// `sum(x)`; 0 when there is nothing to sum.
    Sum(Expr),
}

/// The inputs of a position: one-way accounting at average entry price.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionFold {
    /// Text or enum expression: `buy` adds, `sell` takes away.
    pub side: Expr,
    /// Unsigned quantity, numeric.
    pub quantity: Expr,
    /// Price, numeric.
    pub price: Expr,
    /// Fee in quote currency, numeric; `None`: no fees.
    pub fee: Option<Expr>,
}

/// Bounds of batches and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestLimits {
    /// Most events of one batch.
    pub batch_rows: usize,
    /// Most bytes of one batch's decoded rows.
    pub batch_bytes: usize,
    /// How long an incomplete batch waits for more events, in milliseconds.
    pub linger_ms: u64,
    /// Largest event in bytes; a larger one becomes a dead letter.
    pub event_bytes: usize,
    /// How long a process owns a shard unless it renews its lease, in milliseconds.
    pub lease_ms: u64,
}

impl Default for IngestLimits {
    /// Only a backlog fills 30,000 rows: a batch is cut when the commit asks for it. The larger it
    /// is, the fewer times the row of a coarse bucket is written (ADR 0019); 20 ms keeps a trickle
    /// fresh; 1 MiB is far above real events;
    /// 5 s outlasts the pauses of a busy host, and is how long a stopped owner holds things up.
    fn default() -> Self {
        Self {
            batch_rows: 30_000,
            batch_bytes: 16 << 20,
            linger_ms: 20,
            event_bytes: 1 << 20,
            lease_ms: 5_000,
        }
    }
}
