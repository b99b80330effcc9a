create table p2p_trades (
  id uuid primary key default gen_random_uuid(),
  buyer_id uuid not null references users (id),
  amount numeric(15, 8) not null
);
create table p2p_reviews (id uuid primary key, trade_id uuid references p2p_trades (id), rating int);
create table usage_tracking (id uuid primary key, user_id text not null, resource_type text, quantity numeric, timestamp timestamptz not null);
