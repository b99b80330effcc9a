//! The feed of the fleet system: flights with their samples, live and from files, and what is made
//! of them.
//!
//! Each flight is flown to its end: planned, armed, airborne, landed, uploaded, analysed; its
//! samples follow from the course of the flight. Rates, skew and dirt are those of the brief, §8,
//! with flights of one to three minutes instead of 25.

mod course;
mod entities;
mod flight;
mod ids;
mod messages;
mod operators;
mod sample;

pub(crate) use course::Course;
pub(crate) use entities::entities_sql;
