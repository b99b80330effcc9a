//! History against a real PostgreSQL: what is folded is read as it was, and can be put back.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

#[path = "main/altered.rs"]
mod altered;
#[path = "main/carried.rs"]
mod carried;
#[path = "main/exported.rs"]
mod exported;
#[path = "main/keep.rs"]
mod keep;
#[path = "main/killed.rs"]
mod killed;
#[path = "main/late.rs"]
mod late;
#[path = "main/lossless.rs"]
mod lossless;
#[path = "main/rig.rs"]
mod rig;
#[path = "main/shared.rs"]
mod shared;
#[path = "main/spans.rs"]
mod spans;
#[path = "main/worked.rs"]
mod worked;
