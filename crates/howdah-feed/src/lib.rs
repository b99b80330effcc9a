//! Deterministic event feeds of the systems, with realistic skew, duplicates and lateness.
