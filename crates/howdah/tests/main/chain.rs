//! The chain system: every case of its brief, on real servers and by the real binary, held against
//! the brief's figures and against a model that computes everything from the beginning.

#[path = "chain/cases.rs"]
mod cases;
#[path = "chain/delivery.rs"]
mod delivery;
#[path = "chain/events.rs"]
mod events;
#[path = "chain/folded.rs"]
mod folded;
#[path = "chain/load.rs"]
mod load;
#[path = "chain/queries.rs"]
mod queries;
#[path = "chain/reorganisations.rs"]
mod reorganisations;
#[path = "chain/requirements.rs"]
mod requirements;
#[path = "chain/rig.rs"]
mod rig;
#[path = "chain/story.rs"]
mod story;
#[path = "chain/units.rs"]
mod units;
