//! What extensions bring, so that what misses them is told as a consequence.

/// Extensions with the names of types, functions, access methods and schemas that they bring; a
/// name that ends with `*` stands for all that begin so.
const BROUGHT: &[(&str, &[&str])] = &[
    ("vector", &["vector", "halfvec", "sparsevec", "ivfflat", "hnsw", "vector_*", "halfvec_*"]),
    (
        "timescaledb",
        &[
            "create_hypertable",
            "add_retention_policy",
            "add_compression_policy",
            "add_columnstore_policy",
            "add_continuous_aggregate_policy",
            "add_dimension",
            "set_chunk_time_interval",
            "time_bucket",
            "time_bucket_gapfill",
            "timescaledb_information",
            "timescaledb.continuous",
        ],
    ),
    ("postgis", &["geometry", "geography", "st_*", "box2d", "box3d"]),
    ("pg_uuidv7", &["uuid_generate_v7"]),
    ("uuid-ossp", &["uuid_generate_*", "uuid_nil", "uuid_ns_*"]),
    (
        "pgcrypto",
        &["crypt", "gen_salt", "digest", "hmac", "encrypt", "decrypt", "gen_random_bytes", "pgp_*"],
    ),
    ("citext", &["citext"]),
    ("hstore", &["hstore"]),
    ("ltree", &["ltree", "lquery", "ltxtquery"]),
    ("pg_trgm", &["gin_trgm_ops", "gist_trgm_ops", "similarity", "word_similarity", "show_trgm"]),
    ("btree_gist", &["gist_*"]),
    ("unaccent", &["unaccent"]),
    ("pg_cron", &["cron", "cron.*"]),
    ("pg_net", &["net", "http_post", "http_get"]),
    ("pgmq", &["pgmq"]),
    ("pgsodium", &["pgsodium"]),
    ("pgjwt", &["sign", "verify"]),
    ("pg_stat_statements", &["pg_stat_statements", "pg_stat_statements_*"]),
    ("tablefunc", &["crosstab", "connectby", "normal_rand"]),
    ("intarray", &["gin__int_ops", "gist__int_ops"]),
    ("isn", &["isbn", "issn", "ean13"]),
    ("h3", &["h3index", "h3_*"]),
    ("earthdistance", &["ll_to_earth", "earth_distance", "earth_box"]),
    ("btree_gin", &["gin_*"]),
    ("fuzzystrmatch", &["levenshtein", "soundex", "metaphone", "dmetaphone", "daitch_mokotoff"]),
    ("dblink", &["dblink", "dblink_*"]),
    ("postgres_fdw", &["postgres_fdw"]),
    ("file_fdw", &["file_fdw"]),
    ("plpython3u", &["plpython3u", "plpythonu"]),
    ("plperl", &["plperl", "plperlu"]),
    ("plv8", &["plv8"]),
    ("pg_partman", &["partman", "create_parent", "run_maintenance_proc"]),
    ("pgroonga", &["pgroonga", "pgroonga_*"]),
    ("pg_bigm", &["gin_bigm_ops"]),
    ("rum", &["rum", "rum_*"]),
    ("pg_search", &["bm25", "paradedb"]),
    ("pg_jsonschema", &["json_matches_schema", "jsonb_matches_schema"]),
    ("age", &["ag_catalog", "agtype"]),
];

/// Names that people write for extensions, and how these are really called.
const MISNAMED: &[(&str, &str)] = &[
    ("pgvector", "vector"),
    ("pg_vector", "vector"),
    ("timescale", "timescaledb"),
    ("uuid_ossp", "uuid-ossp"),
    ("uuid", "uuid-ossp"),
    ("uuidossp", "uuid-ossp"),
    ("pgtrgm", "pg_trgm"),
    ("trgm", "pg_trgm"),
    ("pg_crypto", "pgcrypto"),
    ("pgcron", "pg_cron"),
    ("cron", "pg_cron"),
    ("gist", "btree_gist"),
];

/// The extension that brings what is missing.
#[must_use]
pub fn bringing(name: &str) -> Option<&'static str> {
    let brings = |names: &[&str]| {
        names.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *known == name,
        })
    };
    BROUGHT.iter().find(|(_, names)| brings(names)).map(|(extension, _)| *extension)
}

/// How the extension is really called, of which this is a wrong name.
#[must_use]
pub fn meant(name: &str) -> Option<&'static str> {
    MISNAMED.iter().find(|(wrong, _)| *wrong == name).map(|(_, right)| *right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_extension_brings_is_known_by_its_name() {
        assert_eq!(bringing("uuid_generate_v4"), Some("uuid-ossp"));
        assert_eq!(bringing("st_distance"), Some("postgis"));
        assert_eq!(bringing("orders"), None);
        assert_eq!(meant("pgvector"), Some("vector"));
        assert_eq!(meant("vector"), None);
    }
}
