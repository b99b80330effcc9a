create table users (id text primary key, email varchar(255) not null unique, created_at timestamp not null default now());
create table orders (
  id uuid primary key default gen_random_uuid(), user_id text not null references users (id),
  symbol varchar(50) not null, exchange_order_id varchar(100), side varchar(10) not null, type varchar(20) not null,
  status varchar(20) not null default 'pending', price numeric(20, 8), quantity numeric(20, 8) not null,
  fee_amount numeric(20, 8), created_at timestamp not null default now(), updated_at timestamp not null default now()
);
create table positions (
  id uuid primary key default gen_random_uuid(), user_id text not null references users (id),
  symbol varchar(50) not null, status varchar(20) not null, unrealized_pnl numeric(20, 8) default 0,
  updated_at timestamptz not null default now()
);
create index positions_user on positions (user_id, symbol);
create table bots (id uuid primary key default gen_random_uuid(), user_id text not null references users (id), name text not null);
create table bot_performance_metrics (
  id uuid primary key default gen_random_uuid(), bot_id uuid not null references bots (id),
  timestamp timestamptz not null, metrics jsonb
);
create table backtest_results (id uuid primary key, strategy_id uuid, metrics jsonb, start_date timestamp);
create table audit_logs (
  id uuid primary key default gen_random_uuid(), user_id text, action varchar(50) not null,
  entity_type varchar(100), entity_id text, timestamp timestamptz not null default now()
);
create index audit_logs_user on audit_logs (user_id, timestamp desc);
create table sessions (id text primary key, token text not null, user_id text not null references users (id), expires_at timestamptz not null);
create table followers (leader_id text not null, follower_id text not null, status text not null, created_at timestamptz not null default now(), primary key (leader_id, follower_id));
