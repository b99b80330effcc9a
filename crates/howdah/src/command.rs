//! One module a command.

pub mod apply;
pub mod config;
pub mod explain;
pub mod migrate;
pub mod plan;
pub mod rebuild;
pub mod run;
pub mod verify;
