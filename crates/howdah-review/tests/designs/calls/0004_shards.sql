create extension if not exists postgres_fdw;
create server shard_1 foreign data wrapper postgres_fdw options (host 'shard1', dbname 'calls');
create user mapping for current_user server shard_1
  options (user 'shard', password 'not-a-real-one');
create function core.shard_of(account uuid) returns int language sql immutable as $$
  select abs(hashtext(account::text)) % 4
$$;
