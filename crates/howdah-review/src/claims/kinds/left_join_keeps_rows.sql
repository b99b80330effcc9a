-- claim: a LEFT JOIN with a condition on its right side in WHERE gives what the loop gave
-- code: leftjoin( ; .where(eq(
-- code: left join ; where f.status
-- like: .leftJoin(followers, x).where(eq(followers.status, 'active'))
-- unlike: .innerJoin(followers, x).where(eq(followers.status, 'active'))
-- rows: FALSE Leaders without a follower are gone: {}. The condition belongs into ON.
-- none: TRUE All rows are there.
create table leader (id int primary key);
create table follower (leader int, status text);
insert into leader values (1), (2);
insert into follower values (1, 'active');
select 'the loop gave ' || (select count(*) from leader) || ' rows, the join gives ' || count(*)
from (select l.id from leader l left join follower f on f.leader = l.id
      where f.status = 'active' group by l.id) joined
having count(*) < (select count(*) from leader);
