-- The events of the contract, one table a kind; plain tables, howdah makes them streams. Deployment,
-- block, log index and the block's hash name an event: transaction and contract follow from them. A
-- second hash for a block means that the chain was reorganised; then the events of one are taken
-- back, and those that count have one hash a block. Chain and block stand first in the keys, so that
-- the events of a block are found by them.
-- Amounts are whole numbers below 2^256, in the smallest unit.

create table atoms_created (
    chain_id bigint not null,
    address bytea not null check (octet_length(address) = 20),
    network text not null,
    block_number bigint not null check (block_number >= 0),
    block_hash bytea not null check (octet_length(block_hash) = 32),
    block_timestamp timestamptz not null,
    transaction_hash bytea not null check (octet_length(transaction_hash) = 32),
    transaction_index integer not null check (transaction_index >= 0),
    log_index integer not null check (log_index between 0 and 16777215),
    term_id bytea not null check (octet_length(term_id) = 32),
    creator bytea not null check (octet_length(creator) = 20),
    wallet bytea not null check (octet_length(wallet) = 20),
    data bytea not null,
    recorded_at timestamptz not null default now(),
    primary key (chain_id, block_number, log_index, address, block_hash, block_timestamp)
);
comment on table atoms_created is 'AtomCreated: a new entity';
comment on column atoms_created.chain_id is 'With the address: the deployment';
comment on column atoms_created.address is 'The contract';
comment on column atoms_created.network is 'The producer''s label, opaque';
comment on column atoms_created.block_timestamp is 'A function of the block';
comment on column atoms_created.log_index is 'With the block number the order of events';
comment on column atoms_created.recorded_at is 'When it was committed here';
comment on column atoms_created.data is 'Any bytes of the user; view atom shows text';

-- One row for each side of the triple: the statement, and the term on which people stake against.
create table triples_created (
    chain_id bigint not null,
    address bytea not null check (octet_length(address) = 20),
    network text not null,
    block_number bigint not null check (block_number >= 0),
    block_hash bytea not null check (octet_length(block_hash) = 32),
    block_timestamp timestamptz not null,
    transaction_hash bytea not null check (octet_length(transaction_hash) = 32),
    transaction_index integer not null check (transaction_index >= 0),
    log_index integer not null check (log_index between 0 and 16777215),
    is_counter boolean not null,
    term_id bytea not null check (octet_length(term_id) = 32),
    creator bytea not null check (octet_length(creator) = 20),
    triple_id bytea not null check (octet_length(triple_id) = 32),
    counter_term_id bytea not null check (octet_length(counter_term_id) = 32),
    subject_id bytea not null check (octet_length(subject_id) = 32),
    predicate_id bytea not null check (octet_length(predicate_id) = 32),
    object_id bytea not null check (octet_length(object_id) = 32),
    recorded_at timestamptz not null default now(),
    primary key (chain_id, block_number, log_index, address, block_hash, is_counter,
                 block_timestamp),
    check (term_id = case when is_counter then counter_term_id else triple_id end)
);
comment on table triples_created is 'TripleCreated: a statement, a row for each of its sides';
comment on column triples_created.chain_id is 'With the address: the deployment';
comment on column triples_created.address is 'The contract';
comment on column triples_created.network is 'The producer''s label, opaque';
comment on column triples_created.block_timestamp is 'A function of the block';
comment on column triples_created.log_index is 'With the block number the order of events';
comment on column triples_created.recorded_at is 'When it was committed here';
comment on column triples_created.term_id is 'The triple itself, or its counter term';
comment on column triples_created.counter_term_id is 'Keccak-256 of salt and triple';

-- Deposits and redeems are one stream: an account's shares are what the latest of both says.
create table stakes (
    chain_id bigint not null,
    address bytea not null check (octet_length(address) = 20),
    network text not null,
    block_number bigint not null check (block_number >= 0),
    block_hash bytea not null check (octet_length(block_hash) = 32),
    block_timestamp timestamptz not null,
    transaction_hash bytea not null check (octet_length(transaction_hash) = 32),
    transaction_index integer not null check (transaction_index >= 0),
    log_index integer not null check (log_index between 0 and 16777215),
    kind stake_kind not null,
    sender bytea not null check (octet_length(sender) = 20),
    account bytea not null check (octet_length(account) = 20),
    term_id bytea not null check (octet_length(term_id) = 32),
    curve_id text collate "C" not null check (octet_length(curve_id) between 1 and 78),
    day date not null,
    assets numeric(78,0) not null check (is_uint256(assets)),
    assets_after_fees numeric(78,0) check (is_uint256(assets_after_fees)),
    fees numeric(78,0) check (is_uint256(fees)),
    shares numeric(78,0) not null check (is_uint256(shares)),
    total_shares numeric(78,0) not null check (is_uint256(total_shares)),
    vault_type vault_type not null,
    recorded_at timestamptz not null default now(),
    primary key (chain_id, block_number, log_index, address, block_hash, block_timestamp),
    constraint stakes_deposits_have_no_fees check
        (case when kind = 'Deposited' then assets_after_fees is not null and fees is null
              else fees is not null and assets_after_fees is null end)
);
-- What lies behind a position, in order; and what happens to it when an event is taken back: the
-- indexes begin as the keys of rollups do, so that howdah needs no others beside them. What tells
-- rows apart stands first.
create index stakes_of_position
    on stakes (account, term_id, curve_id, chain_id, address, block_timestamp, block_number,
               log_index);
-- Activity of an account by the day: as the one who holds it is found by the position, as the one
-- who sent by this.
create index stakes_by_sender
    on stakes (sender, day, term_id, chain_id, address, block_timestamp) where sender <> account;
comment on table stakes is 'Deposited and Redeemed: what accounts put into vaults and took out';
comment on column stakes.chain_id is 'With the address: the deployment';
comment on column stakes.address is 'The contract';
comment on column stakes.network is 'The producer''s label, opaque';
comment on column stakes.block_timestamp is 'A function of the block';
comment on column stakes.log_index is 'With the block number the order of events';
comment on column stakes.recorded_at is 'When it was committed here';
comment on column stakes.sender is 'Who paid, or was allowed to redeem';
comment on column stakes.account is 'The event''s receiver: whose position changes';
comment on column stakes.assets is 'Gross for a deposit, net for a redeem';
comment on column stakes.assets_after_fees is 'Deposits only';
comment on column stakes.fees is 'Redeems only';
comment on column stakes.shares is 'Minted or burnt by this event';
comment on column stakes.total_shares is 'The account''s shares after it';
comment on column stakes.day is 'Of the block time in UTC';

create table share_prices (
    chain_id bigint not null,
    address bytea not null check (octet_length(address) = 20),
    network text not null,
    block_number bigint not null check (block_number >= 0),
    block_hash bytea not null check (octet_length(block_hash) = 32),
    block_timestamp timestamptz not null,
    transaction_hash bytea not null check (octet_length(transaction_hash) = 32),
    transaction_index integer not null check (transaction_index >= 0),
    log_index integer not null check (log_index between 0 and 16777215),
    term_id bytea not null check (octet_length(term_id) = 32),
    curve_id text collate "C" not null check (octet_length(curve_id) between 1 and 78),
    share_price numeric(78,0) not null check (is_uint256(share_price)),
    total_assets numeric(78,0) not null check (is_uint256(total_assets)),
    total_shares numeric(78,0) not null check (is_uint256(total_shares)),
    vault_type vault_type not null,
    recorded_at timestamptz not null default now(),
    primary key (chain_id, block_number, log_index, address, block_hash, block_timestamp)
);
-- Price history of a vault, and the price before an event that is taken back.
create index share_prices_of_vault
    on share_prices (term_id, chain_id, address, curve_id, block_timestamp, block_number,
                     log_index);
comment on table share_prices is 'SharePriceChanged: what a vault is worth, absolute';
comment on column share_prices.chain_id is 'With the address: the deployment';
comment on column share_prices.address is 'The contract';
comment on column share_prices.network is 'The producer''s label, opaque';
comment on column share_prices.block_timestamp is 'A function of the block';
comment on column share_prices.log_index is 'With the block number the order of events';
comment on column share_prices.recorded_at is 'When it was committed here';
comment on column share_prices.share_price is 'Assets for 10^18 shares';
comment on column share_prices.total_shares is 'Of the whole vault';

-- Events of other names, as they came. What does not say its place on the chain is named by what it
-- says.
create table other_events (
    chain_id bigint not null default 0,
    address bytea not null default '',
    network text,
    block_number bigint not null default 0,
    block_hash bytea,
    block_timestamp timestamptz not null default 'epoch',
    transaction_hash bytea,
    transaction_index integer,
    log_index integer not null default 0,
    event_name text not null default '',
    content_hash bytea not null,
    content json not null,
    recorded_at timestamptz not null default now(),
    primary key (event_name, content_hash, block_timestamp)
);
comment on table other_events is 'Events of other names: kept, and nothing is derived from them';
comment on column other_events.content_hash is 'Keccak-256 of the content';

-- What newer producers say when blocks are replaced, from fork_block on. It names no contract and no
-- time.
create table reorganisations (
    chain_id bigint not null,
    network text not null,
    block_timestamp timestamptz not null,
    fork_block bigint not null check (fork_block >= 0),
    depth bigint,
    content_hash bytea not null,
    content json not null,
    recorded_at timestamptz not null default now(),
    primary key (chain_id, fork_block, content_hash, block_timestamp)
);
comment on table reorganisations is 'Announcements that blocks are replaced';
comment on column reorganisations.content_hash is 'The same on every stream, so it counts once';
