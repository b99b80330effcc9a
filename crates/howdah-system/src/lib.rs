//! The system file, read with spans and checked against a catalog into a model of streams, rollups, tenants and sources.
