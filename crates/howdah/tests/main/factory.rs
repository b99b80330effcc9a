//! The factory system with the binary, held against a calculation of its own.

#[path = "factory/feed.rs"]
mod feed;
#[path = "factory/install.rs"]
mod install;
#[path = "factory/plant.rs"]
mod plant;
#[path = "factory/queries.rs"]
mod queries;
#[path = "factory/recorded.rs"]
mod recorded;
#[path = "factory/reference.rs"]
mod reference;
#[path = "factory/topics.rs"]
mod topics;
#[path = "factory/vectors.rs"]
mod vectors;
