-- The accounts of the feed, with so much money that no check of a balance stops the load.
insert into core.accounts (id, account_type, email, name, balance)
select (prefix || '-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, kind,
       kind || n || '@example.com', kind || ' ' || n, 1000000000
from (values ('b0be4000', 'buyer'), ('5e11e400', 'seller')) as k (prefix, kind),
     generate_series(0, 1999) n
on conflict do nothing;
