-- claim: a BEFORE trigger that locks the row lets a balance be overdrawn
-- says: before insert|trigger ; can't|cannot|not ; ^race
-- like: A trigger before the insert cannot prevent a race
-- unlike: The trigger is fast
-- fails P0001: FALSE A trigger that reads with FOR UPDATE makes the second writer wait and see the new balance: {}.
create table account (id int primary key, balance numeric not null);
create table movement (account int references account, amount numeric not null);
create function guard() returns trigger language plpgsql as $$
declare left_over numeric;
begin
  select balance + new.amount into left_over from account where id = new.account for update;
  if left_over < 0 then raise exception 'insufficient balance'; end if;
  update account set balance = left_over where id = new.account;
  return new;
end $$;
create trigger guard before insert on movement for each row execute function guard();
insert into account values (1, 100);
-- session a
begin;
insert into movement values (1, -80);
-- session b waits
insert into movement values (1, -80);
-- session a
commit;
-- session b
select 'overdrawn' from account where balance < 0;
