//! One module a command.

pub mod apply;
pub mod bench;
pub mod config;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod feed;
pub mod history;
pub mod keys;
pub mod migrate;
pub mod plan;
pub mod rebuild;
pub mod review;
pub mod run;
pub mod status;
pub mod upkeep;
pub mod verify;
