-- claim: ALTER DATABASE … SET from an application sets its own session
-- code: alter database…set
-- like: alter database d set statement_timeout = '30s'
-- unlike: alter database d owner to o
-- rows: FALSE The session that did it goes on with {}; it holds for sessions that come later.
-- none: TRUE The session has it.
do $$ begin
  execute format('alter database %I set idle_in_transaction_session_timeout = ''30s''',
    current_database());
end $$;
select current_setting('idle_in_transaction_session_timeout')
where current_setting('idle_in_transaction_session_timeout') <> '30s';
