-- claim: functions should control transactions
-- says: function ; lack|missing|^no ; transaction control|commit
-- like: The functions lack COMMIT
-- unlike: The functions run in one transaction
-- fails 2D000: FALSE A function runs within the transaction of its caller and cannot end it: {}.
-- rows: TRUE The function committed.
create function f() returns int language plpgsql as $$ begin commit; return 1; end $$;
select f();
