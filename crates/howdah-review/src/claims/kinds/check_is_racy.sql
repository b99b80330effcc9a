-- claim: a CHECK over columns of a row can be violated by concurrent updates
-- says: race|concurren ; update|write
-- under: check
-- like: CHECK over sums // Concurrent updates race past it
-- unlike: CHECK over sums // It is well named
-- fails 23514: FALSE The second writer waits for the first, sees its row, and is rejected: {}.
create table batch (id int primary key, good int, scrap int, total int,
  check (good + scrap <= total));
insert into batch values (1, 5, 4, 10);
-- session a
begin;
update batch set good = good + 1 where id = 1;
-- session b waits
update batch set scrap = scrap + 1 where id = 1;
-- session a
commit;
-- session b
select 'both were written' from batch where good + scrap > total;
