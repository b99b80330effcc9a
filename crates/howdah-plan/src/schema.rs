//! howdah's own schema and its versions.

use crate::facts::Facts;
use crate::step::{Plan, Step};

/// The version that this howdah needs.
pub const SCHEMA_VERSION: i32 = 6;

/// The SQL of each version; the sum of them is the schema.
pub const SCHEMA_SQL: [&str; SCHEMA_VERSION as usize] = [
    include_str!("../schema/0001.sql"),
    include_str!("../schema/0002.sql"),
    include_str!("../schema/0003.sql"),
    include_str!("../schema/0004.sql"),
    include_str!("../schema/0005.sql"),
    include_str!("../schema/0006.sql"),
];

/// What takes each version back.
const UNDO: [&[&str]; SCHEMA_VERSION as usize] = [
    &["drop schema howdah_chunks", "drop schema howdah cascade"],
    &[
        "drop table howdah.api_keys, howdah.http_requests, howdah.losses",
        "delete from howdah.positions where position is null",
        "alter table howdah.positions alter column position set not null, drop column owner, \
         drop column epoch, drop column lease_until, drop column owner_pid, \
         drop column owner_start, drop column ordinal, drop column incarnation",
        "delete from howdah.version where version = 2",
    ],
    &[
        "drop table howdah.folds, howdah.layouts, howdah.folded",
        "delete from howdah.version where version = 3",
    ],
    &[
        "drop function howdah.hold_upkeep()",
        "drop table howdah.upkeep_lease, howdah.upkeep_jobs, howdah.proofs, howdah.sizes",
        "delete from howdah.version where version = 4",
    ],
    &["drop table howdah.horizons, howdah.drops", "delete from howdah.version where version = 5"],
    &[
        "drop aggregate howdah.sketch_sum(bigint[]), howdah.distinct_sum(bigint[]), \
         howdah.locf(anyelement), howdah.ewma(double precision, double precision)",
        "drop function howdah.sketch_bin, howdah.sketch, howdah.sketch_merge, \
         howdah.sketch_minus, howdah.sketch_quantile, howdah.sketch_count, howdah.distinct_of, \
         howdah.distinct_merge, howdah.distinct_count, howdah.seconds_in, howdah.counter_delta, \
         howdah.rate, howdah.buckets, howdah.locf_step, howdah.ewma_step",
        "delete from howdah.version where version = 6",
    ],
];

pub(crate) fn plan(plan: &mut Plan, facts: &Facts) {
    let installed = facts.schema_version.unwrap_or(0);
    for version in installed + 1..=SCHEMA_VERSION {
        let sql = SCHEMA_SQL[(version - 1) as usize];
        let undo = UNDO[(version - 1) as usize];
        let step = Step::new(
            format!("schema {version}"),
            format!("make version {version} of howdah's own schema"),
            vec![sql.trim().to_owned()],
        )
        .check(format!(
            "select case when to_regclass('howdah.version') is null then false else \
             (xpath('/row/c/text()', query_to_xml('select count(*) as c from howdah.version \
             where version = {version}', false, true, '')))[1]::text::int > 0 end"
        ))
        .undo(undo.iter().map(ToString::to_string).collect());
        plan.steps.push(step);
    }
}
