create table customer (
  id bigint generated always as identity primary key,
  email text not null unique,
  created_at timestamptz not null default now()
);
create table purchase (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customer (id),
  amount numeric not null check (amount > 0),
  at timestamptz not null default now()
);
create index purchase_customer on purchase (customer_id, at);
