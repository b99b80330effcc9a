//! Every conversation with PostgreSQL: connect, TLS, pool, retry, introspect, migrate, the private server.
