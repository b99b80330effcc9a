create table atom (
  term_id text primary key, creator text not null, data text, block_number bigint not null,
  log_index bigint not null, created_at timestamptz not null
);
create table triple (
  term_id text primary key, subject_id text not null references atom (term_id),
  predicate_id text not null references atom (term_id), object_id text not null references atom (term_id),
  creator text not null, block_number bigint not null, created_at timestamptz not null
);
create table deposited_event (
  transaction_hash text not null, log_index bigint not null, sender text not null,
  receiver text not null, term_id text not null, curve_id numeric(78) not null,
  assets numeric(78) not null, shares numeric(78) not null, block_number bigint not null,
  created_at timestamptz not null, primary key (transaction_hash, log_index)
);
create table vault (
  term_id text not null, curve_id numeric(78) not null, total_shares numeric(78) not null,
  total_assets numeric(78) not null, market_cap numeric(78) not null,
  position_count bigint not null, updated_at timestamptz not null, primary key (term_id, curve_id)
);
create table position (
  account_id text not null, term_id text not null, curve_id numeric(78) not null,
  shares numeric(78) not null, updated_at timestamptz not null,
  primary key (account_id, term_id, curve_id)
);
