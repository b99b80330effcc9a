-- claim: pg_stat_user_tables and pg_stat_user_indexes have a column tablename
-- code: tablename…from pg_stat_user_indexes|tablename…from pg_stat_user_tables
-- like: select tablename from pg_stat_user_tables
-- unlike: select relname from pg_stat_user_tables
-- fails 42703: FALSE The column is called relname: {}.
-- rows: TRUE The server takes it.
-- none: TRUE The server takes it.
select schemaname, tablename from pg_stat_user_tables;
