select n.nspname::text, '' from pg_namespace n where n.nspname !~ '^pg_|^information_schema$'
