-- When each table was vacuumed and analyzed.
select s.schemaname::text, s.relname::text, s.n_mod_since_analyze,
       extract(epoch from greatest(s.last_vacuum, s.last_autovacuum))::float8,
       extract(epoch from pg_catalog.clock_timestamp()
                          - greatest(s.last_analyze, s.last_autoanalyze))::float8
from pg_catalog.pg_stat_user_tables s
