//! How a live database is used: how long it has counted, who reads beside it, how far its
//! sequences have come.

use std::borrow::Cow;

use howdah_catalog::RelName;

use super::live::{Answers, rows};
use crate::facts::{SequenceUse, Usage};

const COUNTED: &str = "
    select (extract(epoch from clock_timestamp()
              - coalesce(d.stats_reset, pg_catalog.pg_postmaster_start_time())) / 86400)::float8,
           (select count(*) from pg_catalog.pg_stat_replication)
    from pg_catalog.pg_stat_database d where d.datname = pg_catalog.current_database()";

/// Sequences whose last value the login may see.
const SEQUENCES: &str = "
    select n.nspname::text, c.relname::text, a.attname::text,
           pg_catalog.pg_sequence_last_value(s.seqrelid),
           least(s.seqmax, case a.atttypid
             when 'int2'::regtype then 32767
             when 'int4'::regtype then 2147483647
             else 9223372036854775807 end)
    from pg_catalog.pg_sequence s
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass
      and d.objid = s.seqrelid and d.refclassid = d.classid and d.deptype in ('a', 'i')
      and d.refobjsubid > 0
    join pg_catalog.pg_class c on c.oid = d.refobjid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
    where s.seqincrement > 0
      and pg_catalog.has_sequence_privilege(s.seqrelid, 'select, usage')
    order by 1, 2, 3";

/// What is asked; the answers are for [`decode`].
pub(super) fn queries() -> [(&'static str, Cow<'static, str>); 2] {
    let what = "how the database is used";
    [(what, COUNTED.into()), (what, SEQUENCES.into())]
}

/// What was answered.
pub(super) fn decode(answers: &mut Answers) -> Usage {
    let counted = rows(answers);
    let sequences = rows(answers);
    let sequences = sequences.iter().filter_map(|row| {
        Some(SequenceUse {
            table: RelName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
            column: row.get(2),
            // A sequence that was never asked has no last value.
            last: row.get::<_, Option<i64>>(3)?,
            most: row.get(4),
        })
    });
    Usage {
        counted_days: counted.first().map_or(0.0, |row| row.get(0)),
        standbys: counted.first().map_or(0, |row| row.get(1)),
        sequences: sequences.collect(),
    }
}
