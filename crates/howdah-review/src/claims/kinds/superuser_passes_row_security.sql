-- claim: a superuser passes row security by
-- says: superuser ; bypass
-- like: A superuser bypasses everything
-- unlike: A superuser is needed
-- as: superuser
-- rows: TRUE A superuser reads {} of 2 rows under a forced policy that allows 1.
-- none: FALSE The policy holds for a superuser.
create table account (tenant int);
insert into account values (1), (2);
alter table account enable row level security;
alter table account force row level security;
create policy own on account using (tenant = 1);
select count(*) from account having count(*) = 2;
