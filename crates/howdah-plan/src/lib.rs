//! Model and catalog to ordered steps: SQL, lock, transaction, undo, check.
