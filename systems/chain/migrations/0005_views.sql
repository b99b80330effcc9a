-- What readers ask: the tables of the brief, with ids as bytes. eip55() and hex0x() show them.

-- What another service finds out about atoms. Events never touch it.
create type atom_type as enum
    ('Unknown', 'Account', 'Thing', 'ThingPredicate', 'Person', 'PersonPredicate', 'Organization',
     'OrganizationPredicate', 'Book', 'LikeAction', 'FollowAction', 'Keywords', 'Caip10',
     'JsonObject', 'TextObject', 'ByteObject');
create type resolving_status as enum ('Pending', 'Resolved', 'Failed');
create table atom_labels (
    chain_id bigint not null,
    address bytea not null,
    term_id bytea not null check (octet_length(term_id) = 32),
    type atom_type not null default 'Unknown',
    emoji text,
    label text,
    image text,
    value_id bytea,
    resolving_status resolving_status not null default 'Pending',
    primary key (chain_id, address, term_id),
    foreign key (chain_id, address) references deployments on delete restrict
);
comment on table atom_labels is 'What people see of an atom; written by the service that resolves';

create view atom as
select a.chain_id, a.address, a.term_id, a.wallet, a.creator,
       utf8_text(a.data) as data,
       case when utf8_text(a.data) is null then a.data end as raw_data,
       coalesce(l.type, 'Unknown') as type, l.emoji, l.label, l.image, l.value_id,
       coalesce(l.resolving_status, 'Pending') as resolving_status,
       a.creator_block_number as block_number, a.creator_log_index as log_index
from atoms a
left join atom_labels l using (chain_id, address, term_id);
comment on view atom is 'data when the bytes are UTF-8 without a zero byte, else raw_data';

create view triple as
select chain_id, address, triple_id as term_id, counter_term_id, creator,
       subject_id, predicate_id, object_id,
       is_counter_block_number as block_number, is_counter_log_index as log_index
from sides
where not is_counter;

create view position_of_account as
select chain_id, address, account, term_id, curve_id, shares,
       coalesce(total_deposit_assets_after_total_fees, 0) as total_deposit_assets_after_total_fees,
       coalesce(total_redeem_assets_for_receiver, 0) as total_redeem_assets_for_receiver,
       shares_block_number as last_shares_block, shares_log_index as last_shares_log,
       last_deposit >> 24 as last_deposit_block, last_deposit & 16777215 as last_deposit_log,
       last_redeem >> 24 as last_redeem_block, last_redeem & 16777215 as last_redeem_log,
       shares > 0 as active, shares > 1000000000000000000 as significant,
       created_at, updated_at
from positions;

create view vault as
select h.chain_id, h.address, h.term_id, h.curve_id,
       coalesce(p.share_price, 0) as current_share_price,
       coalesce(p.total_shares, 0) as total_shares,
       coalesce(p.total_assets, 0) as total_assets,
       coalesce(p.vault_type, case when h.of_atom > 0 then 'Atom'
                                   when h.of_counter > 0 then 'CounterTriple'
                                   else 'Triple' end::vault_type) as vault_type,
       p.share_price_block_number as last_price_block, p.share_price_log_index as last_price_log,
       coalesce(p.market_cap, 0) as market_cap,
       h.position_count
from vault_holders h
left join vault_prices p using (chain_id, address, term_id, curve_id);
comment on view vault is 'Zeros before the first price';

create view term as
select t.chain_id, t.address, t.term_id,
       case when t.atoms > 0 then 'Atom' when t.sides > 0 then 'Triple' else 'Unknown' end as type,
       coalesce(s.is_counter, false) as is_counter,
       case when t.atoms > 0 then t.term_id end as atom_id,
       case when t.atoms = 0 then s.term_id end as triple_id,
       case when s.is_counter then s.triple_id end as pro_term_id,
       t.total_assets, t.total_market_cap, t.position_count
from term_totals t
left join sides s using (chain_id, address, term_id);
comment on view term is 'type is Unknown until the creation is known; a counter term is a Triple';
