//! What keeps a database as its system file says: apply, chunks ahead, rebuild, verify.
//!
//! Each looks at the database, does the next step, and says what it did; each may be killed at any
//! moment and started again.

pub mod apply;
mod facts;
mod patient;
pub mod rebuild;
pub mod requests;
mod source;
mod types;
pub mod verify;

pub use facts::read_facts;
pub use types::answer_questions;
