-- What follows from the events: howdah keeps these tables, each row in the transaction of the event
-- that changes it. They are made here so that the views and the indexes of readers can name them;
-- columns that howdah needs besides (the order of a last value) it adds by itself.

-- The latest AtomCreated of each term.
create table atoms (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null,
    creator bytea,
    wallet bytea,
    data bytea,
    creator_block_number bigint,
    creator_log_index integer,
    primary key (term_id, chain_id, address)
) with (fillfactor = 90);
comment on table atoms is 'Entities';

-- The latest TripleCreated for each of its two terms: where a vault belongs.
create table sides (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null,
    is_counter boolean,
    is_counter_block_number bigint,
    is_counter_log_index integer,
    triple_id bytea,
    counter_term_id bytea,
    creator bytea,
    subject_id bytea,
    predicate_id bytea,
    object_id bytea,
    primary key (term_id, chain_id, address)
) with (fillfactor = 90);
create index sides_by_subject on sides (subject_id, triple_id) where not is_counter;
create index sides_by_object on sides (object_id, triple_id) where not is_counter;
comment on table sides is 'Statements, a row for each of the two terms on which people stake';

-- Who holds what.
create table positions (
    chain_id bigint not null,
    address bytea not null,
    account bytea not null,
    term_id bytea not null,
    curve_id text collate "C" not null,
    shares numeric(78,0),
    shares_block_number bigint,
    shares_log_index integer,
    total_deposit_assets_after_total_fees numeric,
    total_redeem_assets_for_receiver numeric,
    vault_type vault_type,
    last_deposit bigint,
    last_redeem bigint,
    created_at timestamptz,
    updated_at timestamptz,
    primary key (account, term_id, curve_id, chain_id, address)
) with (fillfactor = 90);
create index positions_of_vault on positions (term_id, curve_id, shares desc) where shares > 0;
comment on table positions is 'What each account holds of each vault';
comment on column positions.shares is 'Of the latest deposit or redeem';
comment on column positions.last_deposit is 'Block times 2^24 plus log index of the latest deposit';
comment on column positions.last_redeem is 'Block times 2^24 plus log index of the latest redeem';

-- What a vault is worth, from its latest SharePriceChanged.
create table vault_prices (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null,
    curve_id text collate "C" not null,
    share_price numeric(78,0),
    share_price_block_number bigint,
    share_price_log_index integer,
    total_shares numeric(78,0),
    total_assets numeric(78,0),
    vault_type vault_type,
    market_cap numeric,
    primary key (term_id, chain_id, address, curve_id)
) with (fillfactor = 50);
comment on table vault_prices is 'The latest price of each vault';
comment on column vault_prices.market_cap is 'Shares times price, half up to a whole number';

create table vault_holders (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null,
    curve_id text collate "C" not null,
    position_count bigint not null default 0,
    of_atom bigint not null default 0,
    of_counter bigint not null default 0,
    primary key (term_id, chain_id, address, curve_id)
) with (fillfactor = 50);
comment on table vault_holders is 'Every vault that an event has named, and how many hold of it';
comment on column vault_holders.of_atom is 'Positions that say it is the vault of an atom';
comment on column vault_holders.of_counter is 'Positions that say it is a counter vault';

create table term_totals (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null,
    atoms bigint not null default 0,
    sides bigint not null default 0,
    position_count bigint not null default 0,
    total_assets numeric not null default 0,
    total_market_cap numeric not null default 0,
    primary key (term_id, chain_id, address)
) with (fillfactor = 90);
create index term_totals_by_market_cap on term_totals (total_market_cap desc, term_id);
comment on table term_totals is 'Every term that an event has named, with the sums of its vaults';
comment on column term_totals.atoms is '1 when it is an atom';
comment on column term_totals.sides is '1 when it is a triple or the counter of one';

create table triple_vault (
    chain_id bigint not null,
    address bytea not null,
    triple_id bytea not null,
    counter_term_id bytea not null,
    curve_id text collate "C" not null,
    total_shares numeric not null default 0,
    total_assets numeric not null default 0,
    position_count bigint not null default 0,
    market_cap numeric not null default 0,
    primary key (triple_id, counter_term_id, curve_id, chain_id, address)
) with (fillfactor = 50);
comment on table triple_vault is 'Both sides of a triple on a curve together';

create table triple_term (
    chain_id bigint not null,
    address bytea not null,
    triple_id bytea not null,
    counter_term_id bytea not null,
    total_assets numeric not null default 0,
    total_market_cap numeric not null default 0,
    total_position_count bigint not null default 0,
    primary key (triple_id, counter_term_id, chain_id, address)
) with (fillfactor = 50);
comment on table triple_term is 'Both sides of a triple on all curves together';

create table predicate_object (
    chain_id bigint not null,
    address bytea not null,
    predicate_id bytea not null,
    object_id bytea not null,
    triple_count bigint not null default 0,
    total_position_count bigint not null default 0,
    total_market_cap numeric not null default 0,
    primary key (object_id, predicate_id, chain_id, address)
) with (fillfactor = 90);
create index predicate_object_by_market_cap
    on predicate_object (predicate_id, total_market_cap desc);
comment on table predicate_object is 'Triples by predicate and object';

create table subject_predicate (
    chain_id bigint not null,
    address bytea not null,
    subject_id bytea not null,
    predicate_id bytea not null,
    triple_count bigint not null default 0,
    total_position_count bigint not null default 0,
    total_market_cap numeric not null default 0,
    primary key (subject_id, predicate_id, chain_id, address)
) with (fillfactor = 90);
create index subject_predicate_by_market_cap
    on subject_predicate (predicate_id, total_market_cap desc);
comment on table subject_predicate is 'Triples by subject and predicate';
