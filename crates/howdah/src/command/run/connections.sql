-- How many connections the server allows this login in this database.
select least(
    current_setting('max_connections')::integer
        - current_setting('superuser_reserved_connections')::integer,
    nullif(d.datconnlimit, -1),
    nullif(r.rolconnlimit, -1))
from pg_database d, pg_roles r
where d.datname = current_database() and r.rolname = session_user
