-- The reviewed design, rebuilt from its review and from the brief, to be measured against. README.md
-- says where each feature comes from. Not an example to follow.

-- Finding 10: a schema for everything.
create schema core;
create schema bidding;
create schema billing;
create schema compliance;
create schema analytics;
create schema audit;
create schema monitoring;
create schema archive;

create function core.touch_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;

-- Finding 6: one log of whole rows as jsonb, before and after, for every table.
create table audit.audit_log (
    id bigint generated always as identity,
    table_schema text not null,
    table_name text not null,
    operation text not null,
    row_id text,
    old_data jsonb,
    new_data jsonb,
    changed_fields text[],
    user_name text not null default current_user,
    application_name text default current_setting('application_name', true),
    client_addr inet default inet_client_addr(),
    transaction_id bigint default txid_current(),
    created_at timestamptz not null default now(),
    primary key (id, created_at)
);
create index audit_log_table on audit.audit_log (table_schema, table_name, created_at desc);
create index audit_log_row on audit.audit_log (row_id, created_at desc);
create index audit_log_user on audit.audit_log (user_name, created_at desc);
create index audit_log_new on audit.audit_log using gin (new_data);

create function audit.log_change() returns trigger language plpgsql as $$
declare
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    fields text[];
begin
    if tg_op = 'UPDATE' then
        select array_agg(n.key) into fields
        from jsonb_each(new_row) n
        where n.value is distinct from old_row -> n.key;
    end if;
    insert into audit.audit_log
        (table_schema, table_name, operation, row_id, old_data, new_data, changed_fields)
    values (tg_table_schema, tg_table_name, tg_op,
            coalesce(new_row, old_row) ->> 'id', old_row, new_row, fields);
    return coalesce(new, old);
end
$$;

-- Finding 9: partitioned by the type of account; so the key holds the type, and the address is
-- unique only within it.
create table core.accounts (
    id uuid not null,
    account_type text not null check (account_type in ('buyer', 'seller', 'admin')),
    email text not null,
    name text not null,
    status text not null default 'active',
    -- Finding 13: kept by a trigger, and never below zero, whatever the credit limit says.
    balance numeric(18,4) not null default 0 check (balance >= 0),
    credit_limit numeric(18,4) not null default 1000,
    settings jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (id, account_type),
    unique (email, account_type)
) partition by list (account_type);
create table core.accounts_buyer partition of core.accounts for values in ('buyer');
create table core.accounts_seller partition of core.accounts for values in ('seller');
create table core.accounts_admin partition of core.accounts for values in ('admin');
create index accounts_status on core.accounts (status);
create index accounts_created on core.accounts (created_at desc);
create index accounts_settings on core.accounts using gin (settings);
create trigger touch before update on core.accounts
    for each row execute function core.touch_updated_at();
create trigger audit after insert or update or delete on core.accounts
    for each row execute function audit.log_change();

-- Finding 8: sharding by modulo, without a second server to send anything to.
create function core.shard_of(account uuid) returns integer language sql immutable as
    $$ select abs(hashtext(account::text)) % 16 $$;
