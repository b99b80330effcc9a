//! The register of kinds of claims: every file of `claims/kinds/`.

use super::kind::Kind;

macro_rules! kinds {
    ($($name:literal,)*) => {
        &[$(($name, include_str!(concat!("kinds/", $name, ".sql"))),)*]
    };
}

#[rustfmt::skip] // One line a kind.
const FILES: &[(&str, &str)] = kinds![
    "aggregate_on_plain_table",
    "aggregate_refresh_is_constant",
    "airspeed_limit",
    "alter_system_in_migrations",
    "audit_by_notify",
    "audit_by_publication",
    "audit_is_mutable",
    "audit_triggers_by_row",
    "buffers_in_per_cent",
    "cascades_delete",
    "check_is_racy",
    "chunk_of_a_week_at_least",
    "chunks_by_memory",
    "concurrently_on_hypertable",
    "concurrently_on_partitioned",
    "covering_without_include",
    "crypto_is_unused",
    "database_setting_at_start",
    "date_trunc_index",
    "definer_without_path",
    "does_not_deploy",
    "every_change_needs_downtime",
    "fails_when_run_again",
    "foreign_key_to_partitioned",
    "foreign_keys_unindexed",
    "functions_lack_transactions",
    "gains_without_figures",
    "gin_serves_arrow",
    "hypertable_with_id_key",
    "ids_without_foreign_key",
    "indexes_slow_joins",
    "jsonb_without_gin",
    "key_then_range_is_wrong",
    "last_value_is_last",
    "left_join_keeps_rows",
    "lengths_differ",
    "like_including_all_partitioned",
    "lock_collision_corrupts",
    "lock_folds_to_32_bits",
    "lock_result_is_truth",
    "many_parts_slow_planning",
    "modulo_unbalanced",
    "no_action_is_no_integrity",
    "no_percentiles",
    "no_query_hints",
    "no_tde",
    "nothing_is_partitioned",
    "now_in_index_predicate",
    "offset_pages",
    "opinions",
    "password_in_sql",
    "policy_of_hypertable",
    "queries_under_lock",
    "ranges_unchecked",
    "rate_in_two_digits",
    "refresh_blocks_readers",
    "row_security_is_whole",
    "row_security_not_forced",
    "segment_by_saves",
    "stat_views_have_tablename",
    "status_to_enum",
    "superuser_passes_row_security",
    "swallow_others",
    "ten_thousand_writes_is_the_ceiling",
    "timeouts_missing",
    "too_many_indexes",
    "trigger_cannot_guard",
    "trigger_counts_first",
    "uuid_as_lock_key",
    "vacuum_within_a_day",
    "view_without_unique_index",
    "volatile_index_speeds_updates",
    "where_before_include",
];

/// Every kind, by name. A file that cannot be read is none; the tests read every one.
pub fn all() -> impl Iterator<Item = Kind> {
    FILES.iter().filter_map(|(name, file)| Kind::parse(name, file).ok())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_in_the_register_and_can_be_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/claims/kinds");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let named: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, named);
        for (name, file) in FILES {
            Kind::parse(name, file).unwrap();
        }
    }

    #[test]
    fn every_kind_recognises_its_own_claims_and_no_others_of_its_file() {
        for kind in all() {
            let fits = |text: &str| match text.split_once(" // ") {
                Some((heading, text)) => kind.is_said(text, heading),
                None => kind.is_said(text, "") || kind.is_coded(text),
            };
            assert!(!kind.like.is_empty() && !kind.unlike.is_empty(), "{}: no example", kind.name);
            for text in &kind.like {
                assert!(fits(text), "{} does not recognise: {text}", kind.name);
            }
            for text in &kind.unlike {
                assert!(!fits(text), "{} recognises: {text}", kind.name);
            }
        }
    }
}
