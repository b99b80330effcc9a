//! The codes of failures that a user can see, and the page of each.
//!
//! A code is stable: it is never given to another failure, and never reused.
//! The hundreds tell the area: 01 PostgreSQL, 02 migrations, 03 system file, 04 plan and apply,
//! 05 ingestion, 06 rollups and proofs, 07 files and processes.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// The stable code of a failure; `Display` gives it as `HD0101`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The page that `howdah explain` prints: Markdown with cause and remedy.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("../pages/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// The server cannot be reached.
    CannotConnect = "HD0101";
    /// The server refused the login.
    LoginRefused = "HD0102";
    /// The server is older than PostgreSQL 15.
    ServerTooOld = "HD0103";
    /// The login lacks a right that the work needs.
    MissingRight = "HD0104";
    /// No PostgreSQL server is installed for the private server.
    NoServerInstalled = "HD0105";
    /// The private server could not be started.
    PrivateServerFailed = "HD0106";
    /// A database URL or its parts cannot be used.
    BadDatabaseUrl = "HD0107";
    /// The TLS connection could not be made as `sslmode` asks.
    TlsFailed = "HD0108";
    /// A lock could not be had in time.
    LockTimeout = "HD0109";
    /// A migration file's name or folder is wrong.
    BadMigrationFile = "HD0201";
    /// An applied migration was edited.
    MigrationEdited = "HD0202";
    /// A migration failed.
    MigrationFailed = "HD0203";
    /// A non-transactional migration stopped half-way.
    MigrationHalfDone = "HD0204";
    /// An applied migration has no file.
    MigrationMissing = "HD0205";
    /// A migration has no down file.
    NoDownMigration = "HD0206";
    /// The system file has mistakes.
    BadSystemFile = "HD0301";
    /// The system file cannot be read.
    NoSystemFile = "HD0302";
    /// A secret reference cannot be resolved.
    BadSecret = "HD0303";
    /// An MQTT broker refused the login, the client id or a topic.
    BrokerRefused = "HD0305";
    /// A step would lose data and was not allowed by name.
    WouldLoseData = "HD0401";
    /// The database is not what the system file says.
    NotApplied = "HD0402";
    /// A step failed.
    StepFailed = "HD0403";
    /// A table cannot become a stream as it is.
    CannotBecomeStream = "HD0404";
    /// A stream or chunk cannot be folded into segments as it is.
    CannotFold = "HD0405";
    /// Another session folds or restores chunks of the stream.
    FoldUnderWay = "HD0406";
    /// A stream cannot lose its old events as it is.
    CannotDrop = "HD0410";
    /// Events would be lost that are exported nowhere, and that was not allowed.
    WouldLoseEvents = "HD0411";
    /// An export cannot be written.
    ExportFailed = "HD0412";
    /// An export is incomplete, or not what its manifest says.
    ExportDamaged = "HD0413";
    /// An export cannot be brought back into the database as it is.
    CannotBringBack = "HD0414";
    /// Another process does the upkeep.
    UpkeepTaken = "HD0407";
    /// A source cannot be opened or read.
    SourceFailed = "HD0501";
    /// A file changed behind its committed position.
    FileChanged = "HD0502";
    /// Another process holds the shard.
    ShardTaken = "HD0503";
    /// The downstream database is full or read-only.
    DatabaseFull = "HD0504";
    /// A dead letter cannot be replayed.
    CannotReplay = "HD0505";
    /// A source lost its state, and going on might skip events or store them twice.
    SourceReset = "HD0506";
    /// The address for HTTP cannot be listened on.
    CannotListen = "HD0520";
    /// A rollup differs from its stream.
    RollupDiffers = "HD0601";
    /// A position contradicts the rows.
    PositionDiffers = "HD0602";
    /// No such rollup, stream or source in the system file.
    UnknownName = "HD0603";
    /// A helper program of a demo or a test is missing.
    ProgramMissing = "HD0701";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Code {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(text)).ok_or_else(
            || {
                crate::Error::input(format!("unknown code \"{text}\""))
                    .hint("Codes look like HD0101; `howdah explain` lists them all.")
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_title_cause_and_remedy() {
        for code in Code::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}: ")), "{code}: no title");
            assert!(page.contains("\n## Why\n"), "{code}: no Why");
            assert!(page.contains("\n## What to do\n"), "{code}: no What to do");
        }
    }

    #[test]
    fn codes_are_unique_and_parse() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()));
            assert_eq!(code.as_str().parse::<Code>().ok(), Some(*code));
        }
    }
}
