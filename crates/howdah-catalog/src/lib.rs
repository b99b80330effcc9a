//! A PostgreSQL database as data: names, types, relations, constraints, policies, roles; diff. No IO, no async.
pub mod name;
