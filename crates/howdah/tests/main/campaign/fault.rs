//! What a round of the campaign strikes with, and where.

use std::fmt;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A failpoint of howdah, on one source.
    At {
        /// Its name.
        step: &'static str,
        /// What happens there.
        action: Action,
        /// The source that runs alone.
        source: usize,
    },
    /// The server refuses one statement in three, on one source.
    Refused {
        /// The table whose trigger refuses.
        place: Place,
        /// With what.
        state: State,
        /// The source that runs alone.
        source: usize,
    },
    /// Something outside of howdah, or howdah as a whole, while all sources run.
    Cut(Cut),
}

/// What happens at a failpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL.
    Kill,
    /// SIGSTOP, while another howdah takes over; then SIGCONT.
    Stop,
    /// An error as if the connection broke, every second time.
    Error,
}

/// Where the server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A row of the stream.
    Row,
    /// The move of the position.
    Position,
}

/// How the server refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// 40P01
    Deadlock,
    /// 40001
    Serialization,
    /// 53100
    DiskFull,
    /// 57014
    Canceled,
}

/// What is cut while all sources run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// SIGKILL to howdah.
    Howdah,
    /// SIGTERM to howdah: it drains.
    Drain,
    /// SIGKILL to the postmaster; its children follow.
    Postgres,
    /// An immediate shutdown of the server.
    Immediate,
    /// SIGKILL to one of howdah's backends: the server restarts all.
    Backend,
    /// `pg_terminate_backend` of howdah's backends.
    Terminate,
    /// All processes of the server are stopped for a while.
    Frozen,
    /// SIGKILL to Redis.
    Redis,
    /// All connections of howdah to PostgreSQL are cut.
    Connections,
    /// The reply of a commit is withheld and then lost.
    Reply,
    /// The reply of a commit is withheld, and howdah dies waiting for it.
    ReplyAndHowdah,
    /// A second howdah on the same shards; both are stopped and go on at random.
    Rivals,
}

/// The failpoints of the path, in its order.
pub const STEPS: [&str; 14] = [
    "reader.next",
    "decode",
    "writer.begin",
    "writer.before_copy",
    "writer.after_copy",
    "writer.before_fold",
    "writer.after_fold",
    "writer.before_letters",
    "writer.before_position",
    "writer.before_commit",
    "writer.after_commit_sent",
    "writer.after_commit",
    "acknowledge",
    "lease.renew",
];

/// The sources: their names in the system file, and what they are.
pub const SOURCES: [(&str, &str); 4] = [
    ("trades_file", "NDJSON file"),
    ("fills_file", "CSV file"),
    ("trades", "Redis, JSON"),
    ("postings", "Redis, fields"),
];

impl Fault {
    /// One of each; a campaign goes through them again and again, in another order each time.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for source in 0..SOURCES.len() {
            for step in STEPS {
                for action in [Action::Kill, Action::Stop, Action::Error] {
                    // Reading and decoding do not speak with the database.
                    if action != Action::Error || !matches!(step, "reader.next" | "decode") {
                        all.push(Self::At { step, action, source });
                    }
                }
            }
            for place in [Place::Row, Place::Position] {
                for state in
                    [State::Deadlock, State::Serialization, State::DiskFull, State::Canceled]
                {
                    all.push(Self::Refused { place, state, source });
                }
            }
        }
        for cut in Cut::ALL {
            all.extend(std::iter::repeat_n(Self::Cut(cut), 4));
        }
        all
    }
}

impl Cut {
    const ALL: [Self; 12] = [
        Self::Howdah,
        Self::Drain,
        Self::Postgres,
        Self::Immediate,
        Self::Backend,
        Self::Terminate,
        Self::Frozen,
        Self::Redis,
        Self::Connections,
        Self::Reply,
        Self::ReplyAndHowdah,
        Self::Rivals,
    ];
}

impl Action {
    /// As `HOWDAH_FAILPOINTS` writes it, striking at the `nth` time.
    pub fn armed(self, step: &str, nth: u64) -> String {
        match self {
            Self::Kill => format!("{step}=kill@{nth}"),
            Self::Stop => format!("{step}=stop@{nth}"),
            Self::Error => format!("{step}=error%2"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "howdah killed",
            Self::Stop => "howdah stopped, taken over, continued",
            Self::Error => "connection broken",
        })
    }
}

impl Place {
    /// The step that it stands for in the matrix.
    pub fn step(self) -> &'static str {
        match self {
            Self::Row => "a row of the stream",
            Self::Position => "the move of the position",
        }
    }
}

impl State {
    /// The SQLSTATE.
    pub fn code(self) -> &'static str {
        match self {
            Self::Deadlock => "40P01",
            Self::Serialization => "40001",
            Self::DiskFull => "53100",
            Self::Canceled => "57014",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadlock => "refused: deadlock",
            Self::Serialization => "refused: serialization failure",
            Self::DiskFull => "refused: disk full",
            Self::Canceled => "refused: statement timeout",
        })
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Howdah => "kill -9 of howdah",
            Self::Drain => "SIGTERM of howdah",
            Self::Postgres => "kill -9 of PostgreSQL",
            Self::Immediate => "immediate shutdown of PostgreSQL",
            Self::Backend => "kill -9 of a backend",
            Self::Terminate => "backends terminated",
            Self::Frozen => "PostgreSQL stopped for a while",
            Self::Redis => "kill -9 of Redis",
            Self::Connections => "connections cut",
            Self::Reply => "reply of a commit lost",
            Self::ReplyAndHowdah => "reply of a commit lost, howdah killed",
            Self::Rivals => "two howdahs, stopped and continued",
        })
    }
}
