-- A deployment of the contract: every row of every other table belongs to one. What is not on the
-- streams is declared here.

create type vault_type as enum ('Atom', 'Triple', 'CounterTriple');
create type stake_kind as enum ('Deposited', 'Redeemed');

create function is_uint256(amount numeric) returns boolean
language sql immutable parallel safe as $$
    select amount between 0 and
        115792089237316195423570985008687907853269984665640564039457584007913129639935
$$;
comment on function is_uint256(numeric) is 'Whether an amount fits the contract''s numbers';

create table deployments (
    chain_id bigint not null check (chain_id > 0),
    address bytea not null check (octet_length(address) = 20),
    label text not null check (label <> ''),
    first_block bigint not null check (first_block >= 0),
    minimum_share numeric(78,0) not null check (minimum_share >= 0),
    primary key (chain_id, address)
);
comment on table deployments is 'Contracts whose events are kept, and what their events do not say';
comment on column deployments.label is 'A name for people; the events'' own label is opaque';
comment on column deployments.minimum_share is
    'Shares of every vault that no account holds: minted to a burn address without an event';

insert into deployments values
    (1155, '\x6e35cf57a41fa15ea0eae9c33e751b01a784fe7e', 'intuition-testnet', 1311, 1000000);
