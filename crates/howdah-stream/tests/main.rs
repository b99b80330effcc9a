//! Integration tests: decoding against PostgreSQL's own input, sources, the loop of a run.

#[path = "main/accepted.rs"]
mod accepted;
#[path = "main/also.rs"]
mod also;
#[path = "main/chain.rs"]
mod chain;
#[path = "main/dead_letters.rs"]
mod dead_letters;
#[path = "main/decode.rs"]
mod decode;
#[path = "main/fake.rs"]
mod fake;
#[path = "main/fuzz.rs"]
mod fuzz;
#[path = "main/groups.rs"]
mod groups;
#[path = "main/losses.rs"]
mod losses;
#[path = "main/model.rs"]
mod model;
#[path = "main/mutated.rs"]
mod mutated;
#[path = "main/numeric.rs"]
mod numeric;
#[path = "main/redis.rs"]
mod redis;
#[path = "main/refusals.rs"]
mod refusals;
#[path = "main/routes.rs"]
mod routes;
#[path = "main/run.rs"]
mod run;
