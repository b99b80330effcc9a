//! Model × catalog → ordered steps.
//!
//! [`plan`] compares what a system file says with what a database is and gives the steps that bring
//! the one to the other, each with its SQL, the lock it takes, whether it is transactional, its
//! undo and its check. A database that is as the file says gives no steps.
//!
//! Invariant: no IO. What only the database knows beyond its catalog comes in as [`Facts`].

mod change;
pub mod chunk;
mod facts;
mod filled;
mod index;
mod protect;
mod readers;
mod retracted;
mod roles;
mod rollup;
mod schema;
mod segments;
mod span;
mod step;
mod stream;
mod swap;

pub use howdah_rollup::history;

pub use facts::{Facts, FoldedLayout, InstalledRollup, TableFacts};
pub use protect::walls_like;
pub use rollup::foreign_columns;
pub use schema::{SCHEMA_SQL, SCHEMA_VERSION};
pub use step::{Action, Lock, LockMode, Note, Plan, Step};

use howdah_catalog::Catalog;
use howdah_error::Result;
use howdah_system::System;

/// The steps that bring the database to what `system` says.
///
/// # Errors
/// The database cannot be brought there as it is (a table cannot become a stream, a name is taken
/// by something else): nothing is planned then, and the error says what to change.
pub fn plan(system: &System, catalog: &Catalog, facts: &Facts) -> Result<Plan> {
    let mut plan = Plan::default();
    schema::plan(&mut plan, facts);
    roles::plan(&mut plan, system, catalog);
    for stream in &system.streams {
        stream::plan(&mut plan, system, stream, catalog, facts)?;
    }
    retracted::plan(&mut plan, system, catalog)?;
    rollup::plan(&mut plan, system, catalog, facts)?;
    protect::plan(&mut plan, system, catalog);
    span::plan(&mut plan, system, catalog);
    readers::plan(&mut plan, system, catalog);
    segments::plan(&mut plan, system, catalog, facts);
    rollup::plan_rebuilds(&mut plan, system, catalog, facts);
    Ok(plan)
}
