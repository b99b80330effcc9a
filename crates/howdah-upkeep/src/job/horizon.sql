-- What keeps the oldest rows of this database from being removed, as text; no row: nothing does.
select what
from (
    select greatest(age(backend_xmin), age(backend_xid)) as behind,
           format('session %s (%s) has a transaction open for %s s', pid,
                  coalesce(nullif(application_name, ''), 'no name'),
                  extract(epoch from clock_timestamp() - xact_start)::bigint) as what
    from pg_catalog.pg_stat_activity
    where pid <> pg_backend_pid() and (backend_xmin is not null or backend_xid is not null)
      and (datname = current_database() or datname is null)
    union all
    select age(transaction), format('the prepared transaction %L of %s', gid, owner)
    from pg_catalog.pg_prepared_xacts where database = current_database()
    union all
    select greatest(age(xmin), age(catalog_xmin)), format('the replication slot %I', slot_name)
    from pg_catalog.pg_replication_slots where xmin is not null
) h
where behind is not null
order by behind desc
limit 1
