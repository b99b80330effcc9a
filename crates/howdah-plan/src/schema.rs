//! howdah's own schema and its versions.

use crate::facts::Facts;
use crate::step::{Plan, Step};

/// The version that this howdah needs.
pub const SCHEMA_VERSION: i32 = 1;

/// The SQL of each version; the sum of them is the schema.
pub const SCHEMA_SQL: [&str; SCHEMA_VERSION as usize] = [include_str!("../schema/0001.sql")];

pub(crate) fn plan(plan: &mut Plan, facts: &Facts) {
    let installed = facts.schema_version.unwrap_or(0);
    for version in installed + 1..=SCHEMA_VERSION {
        let sql = SCHEMA_SQL[(version - 1) as usize];
        let mut step = Step::new(
            format!("schema {version}"),
            format!("make version {version} of howdah's own schema"),
            vec![sql.trim().to_owned()],
        )
        .check(format!(
            "select case when to_regclass('howdah.version') is null then false else \
             (xpath('/row/c/text()', query_to_xml('select count(*) as c from howdah.version \
             where version = {version}', false, true, '')))[1]::text::int > 0 end"
        ));
        if version == 1 {
            step = step.undo(vec![
                "drop schema howdah_chunks".to_owned(),
                "drop schema howdah cascade".to_owned(),
            ]);
        }
        plan.steps.push(step);
    }
}
