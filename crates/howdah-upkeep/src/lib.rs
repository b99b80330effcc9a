//! What keeps a database as its system file says: apply, rebuild, verify, and the jobs of upkeep.
//!
//! Each looks at the database, does the next step, and says what it did; each may be killed at any
//! moment and started again.

pub mod apply;
mod facts;
pub mod job;
pub mod lease;
mod mend;
mod patient;
pub mod rebuild;
pub mod record;
mod regroup;
pub mod requests;
pub mod run;
mod source;
mod types;
pub mod verify;

pub use facts::{MODEL, SYSTEM, read_facts};
pub use job::{Forecast, Job, forecast};
pub use lease::Claim;
pub use run::{Upkeep, once, run};
pub use types::answer_questions;
