-- claim: audit can be done by a publication for all tables without touching them
-- code: create…publication…for all tables
-- says: publication ; for all tables ; audit
-- like: create publication audit for all tables
-- unlike: create publication audit for table orders
-- as: superuser
-- fails 55000: FALSE From then on a table without a replica identity takes no update: {}. And neither the user nor the reason of a change is in the stream.
-- rows: TRUE Updates still work.
create table setting (name text, value text);
insert into setting values ('a', '1');
create publication audit for all tables;
update setting set value = '2';
select value from setting;
