-- claim: LISTEN/NOTIFY can carry an audit trail
-- says: audit ; notify
-- like: Do the audit by LISTEN and NOTIFY
-- unlike: Write to the auditors
-- fails 22023: FALSE A message has at most 7,999 bytes: {}. And nobody who is away hears it.
-- rows: TRUE Rows of any size are carried.
select pg_notify('audit', repeat('x', 8001));
