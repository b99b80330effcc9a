//! For tests: private clusters, a database per test, Redis, faults.
