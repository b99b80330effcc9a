//! `howdah review`: findings about a database, a folder of migrations or a repository, each proved.
//!
//! The way of a review, one module a stage:
//!
//! 1. [`target`] reads what is to be reviewed: SQL files in the order in which their tool applies
//!    them ([`migrations`]), the models of the application beside them ([`orm`]), or a live
//!    database, read-only.
//! 2. [`mod@build`] applies the files to a throw-away server, statement by statement, and keeps
//!    what each did: locks, rewrites, scans, failures with their root cause.
//! 3. All that is known lies in [`Facts`]; what could not be seen is listed there too.
//! 4. [`rules`] look at the facts and at nothing else. A [`Rule`] is one file.
//! 5. [`mod@copy`] makes a live database's schema anew on the scratch server, without its rows.
//! 6. [`experiment`]s try on the built database what a rule only supposes.
//! 7. [`fix`] runs every fix in the order of the whole plan, and reviews the result again.
//! 8. [`suppress`] and [`baseline`] take out what is known, [`score`] adds up, [`report`] prints.
//!
//! Invariant: a finding is printed as PROVED only with a reproducer that was run or that is a query
//! on the catalog; a fix is printed only after it was run. A live database is never written to.

pub mod baseline;
pub mod build;
pub mod claims;
pub mod copy;
pub mod experiment;
pub mod facts;
pub mod finding;
pub mod fix;
pub mod health;
mod hypertable;
pub mod migrations;
pub mod orm;
pub mod proof;
pub mod rephrase;
pub mod report;
mod review;
pub mod routine;
pub mod row_security;
pub mod rule;
pub mod rules;
pub mod score;
pub mod secret;
pub mod source;
pub mod suppress;
pub mod target;
pub mod workload;

pub use facts::{Facts, StatementId};
pub use finding::{
    Expect, Finding, Findings, Fix, Level, Login, Place, Proof, Reproducer, Setting, Subject,
};
pub use report::Report;
pub use review::{
    Options, check, claims, claims_live_on, claims_of_folder_on, reproduce_on, review,
    review_folder_on, review_live_on,
};
pub use rule::{Group, Needs, Rule};
