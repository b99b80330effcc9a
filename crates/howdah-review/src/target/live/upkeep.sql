-- When each table was vacuumed and analyzed; by the functions, for the view computes all counters.
select n.nspname::text, c.relname::text, pg_catalog.pg_stat_get_mod_since_analyze(c.oid),
       extract(epoch from greatest(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                                   pg_catalog.pg_stat_get_last_autovacuum_time(c.oid)))::float8,
       extract(epoch from pg_catalog.clock_timestamp()
               - greatest(pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                          pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)))::float8
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
