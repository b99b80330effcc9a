//! What a round of the campaign strikes with, and where.

use std::fmt;

use super::client::Manner;
use super::source::Source;

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
        source: Source,
    },
    /// The server refuses some statements, on one source.
    Refused {
        /// The table whose trigger refuses.
        place: Place,
        /// With what.
        state: State,
        /// The source that runs alone.
        source: Source,
    },
    /// The disk of the server is full, on one source.
    Full {
        /// What wants to grow.
        grows: Grows,
        /// The source that runs alone.
        source: Source,
    },
    /// Clients that misbehave, on one source.
    Client {
        /// How they send.
        manner: Manner,
        /// A source of requests.
        source: Source,
    },
    /// Redis restarts and has forgotten everything.
    Forgotten {
        /// howdah is killed meanwhile.
        killed: bool,
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
    /// The move of the position, or the row of a request.
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

/// What wants to grow on a full disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grows {
    /// Tables and indexes: the server refuses statements.
    Tables,
    /// The write-ahead log: the server cannot go on.
    Log,
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
    /// The connections of the HTTP clients are cut.
    Clients,
    /// The answers to HTTP clients are withheld and then lost.
    Answers,
    /// The answers to HTTP clients are withheld, and howdah dies.
    AnswersAndHowdah,
    /// The clock of the database server jumps, and a second howdah stands by.
    ServerClock,
    /// The clock of the database server is set back while howdah is stopped, and a second howdah
    /// has to take over.
    StoppedClock,
    /// The clock of howdah jumps, and a second howdah stands by.
    HowdahClock,
}

/// The failpoints of a batch, in their order.
const STEPS: [&str; 13] = [
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
    "lease.renew",
];

/// The failpoints of requests, in their order.
const HTTP_STEPS: [&str; 13] = [
    "http.received",
    "http.grouped",
    "writer.begin",
    "requests.claimed",
    "writer.before_copy",
    "writer.after_copy",
    "writer.before_fold",
    "writer.after_fold",
    "writer.before_commit",
    "writer.after_commit_sent",
    "writer.after_commit",
    "http.stored",
    "http.answer",
];

/// The failpoint of a consumer group.
const ACKNOWLEDGE: &str = "acknowledge";

/// Where no connection to the database can break.
const NO_CONNECTION: [&str; 4] = ["reader.next", "decode", "http.received", "http.answer"];

impl Fault {
    /// One of each, those of all sources several times; a campaign goes through them again and
    /// again, in another order each time.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for source in Source::ALL {
            all.extend(Self::at(source));
            for place in [Place::Row, Place::Position] {
                for state in
                    [State::Deadlock, State::Serialization, State::DiskFull, State::Canceled]
                {
                    all.push(Self::Refused { place, state, source });
                }
            }
            for grows in [Grows::Tables, Grows::Log] {
                all.push(Self::Full { grows, source });
            }
            if source.is_http() {
                for manner in
                    [Manner::LeavesInBody, Manner::LeavesBeforeAnswer, Manner::Slow, Manner::Stalls]
                {
                    all.push(Self::Client { manner, source });
                }
            }
        }
        for killed in [false, true] {
            all.extend([Self::Forgotten { killed }; 4]);
        }
        for cut in Cut::ALL {
            all.extend([Self::Cut(cut); 4]);
        }
        all
    }

    /// Whether one source of requests runs alone.
    pub fn is_http(self) -> bool {
        match self {
            Self::At { source, .. }
            | Self::Refused { source, .. }
            | Self::Full { source, .. }
            | Self::Client { source, .. } => source.is_http(),
            Self::Forgotten { .. } | Self::Cut(_) => false,
        }
    }

    /// The failpoints that a source comes by.
    fn at(source: Source) -> Vec<Self> {
        let steps = if source.is_http() { &HTTP_STEPS } else { &STEPS };
        let acknowledge = (source == Source::Shards).then_some(ACKNOWLEDGE);
        let mut all = Vec::new();
        for step in steps.iter().copied().chain(acknowledge) {
            for action in [Action::Kill, Action::Stop, Action::Error] {
                if action != Action::Error || !NO_CONNECTION.contains(&step) {
                    all.push(Self::At { step, action, source });
                }
            }
        }
        all
    }
}

impl Cut {
    const ALL: [Self; 18] = [
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
        Self::Clients,
        Self::Answers,
        Self::AnswersAndHowdah,
        Self::ServerClock,
        Self::StoppedClock,
        Self::HowdahClock,
    ];
}

impl Action {
    /// As `HOWDAH_FAILPOINTS` writes it, striking at the `nth` time.
    pub fn armed(self, step: &str, nth: u64) -> String {
        match self {
            Self::Kill => format!("{step}=kill@{nth}"),
            Self::Stop => format!("{step}=stop@{nth}"),
            // A lease is lost when no renewal comes through.
            Self::Error if step == "lease.renew" => format!("{step}=error"),
            Self::Error => format!("{step}=error%2"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "howdah killed",
            Self::Stop => "howdah stopped, another goes on, continued",
            Self::Error => "connection broken",
        })
    }
}

impl Place {
    /// The step that it stands for in the matrix.
    pub fn step(self, http: bool) -> &'static str {
        match self {
            Self::Row => "a row of the stream",
            Self::Position if http => "the row of the request",
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

impl fmt::Display for Grows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tables => "a table grows",
            Self::Log => "the write-ahead log grows",
        })
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "client",
            Self::LeavesInBody => "client leaves in its body",
            Self::LeavesBeforeAnswer => "client leaves before the answer",
            Self::Slow => "client sends slowly",
            Self::Stalls => "client stalls",
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
            Self::Clients => "connections of clients cut",
            Self::Answers => "answers lost",
            Self::AnswersAndHowdah => "answers lost, howdah killed",
            Self::ServerClock => "clock of PostgreSQL jumps",
            Self::StoppedClock => "clock of PostgreSQL set back, howdah stopped",
            Self::HowdahClock => "clock of howdah jumps",
        })
    }
}
