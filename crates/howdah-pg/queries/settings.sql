-- Settings that differ from their built-in default, and those that howdah looks at.
-- Read before the session's settings are changed. Two may hold a password and are left out.
-- What the session itself has set is told as it was before.
select s.name, case when s.source = 'session' then s.reset_val else s.setting end as setting,
       s.unit, s.boot_val, s.source, s.context
from pg_catalog.pg_settings s
where s.name not in ('primary_conninfo', 'ssl_passphrase_command')
  and (s.setting is distinct from s.boot_val
       or s.name in (
         'autovacuum', 'autovacuum_freeze_max_age', 'autovacuum_max_workers',
         'autovacuum_vacuum_cost_limit', 'autovacuum_vacuum_scale_factor', 'block_size',
         'checkpoint_timeout', 'data_checksums', 'default_toast_compression',
         'effective_cache_size', 'fsync', 'full_page_writes',
         'idle_in_transaction_session_timeout', 'jit', 'lock_timeout', 'log_min_duration_statement',
         'log_statement', 'maintenance_work_mem', 'max_connections', 'max_locks_per_transaction',
         'max_parallel_workers', 'max_parallel_workers_per_gather', 'max_replication_slots',
         'max_slot_wal_keep_size', 'max_wal_senders', 'max_wal_size', 'max_worker_processes',
         'password_encryption', 'random_page_cost', 'row_security', 'shared_buffers',
         'shared_preload_libraries', 'ssl', 'standard_conforming_strings', 'statement_timeout',
         'synchronous_commit', 'TimeZone', 'wal_compression', 'wal_level', 'work_mem'))
