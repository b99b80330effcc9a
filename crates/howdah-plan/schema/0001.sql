-- howdah's own schema, version 1. One file a version; the sum of the files is the schema.
create schema howdah;
comment on schema howdah is 'howdah: positions, dead letters, rollups, tenants';
create schema howdah_chunks;
comment on schema howdah_chunks is 'howdah: chunks of streams; nobody but the owner may enter';

create table howdah.version (
    version integer primary key,
    applied_at timestamptz not null default now()
);
comment on table howdah.version is 'which versions of the schema howdah were applied when';

-- How far each shard of each source is committed; moved in the transaction of the rows.
create table howdah.positions (
    source text not null,
    shard text not null,
    position text not null,
    events bigint not null default 0,
    rows bigint not null default 0,
    duplicates bigint not null default 0,
    dead_letters bigint not null default 0,
    updated_at timestamptz not null default now(),
    primary key (source, shard)
) with (fillfactor = 50);
comment on table howdah.positions is 'how far each shard is committed, and what it held';

create table howdah.dead_letters (
    id bigint generated always as identity primary key,
    source text not null,
    shard text not null,
    position text not null,
    stream text not null,
    code text not null,
    reason text not null,
    payload bytea not null,
    payload_bytes bigint not null,
    refused_at timestamptz not null default now()
);
comment on table howdah.dead_letters is 'events that were refused, with the reason; payload is the event as it came, cut when payload_bytes is larger';

-- What each rollup table was built from. A table that is not ready is being rebuilt.
create table howdah.rollups (
    relation text primary key,
    stream text not null,
    definition text not null,
    ready boolean not null,
    rebuilt_to timestamptz
);
comment on table howdah.rollups is 'rollup tables: the definition they follow, and how far a rebuild has come';

-- Moved by every apply that changes what a batch has to write; a writer that started under
-- another generation stops instead of leaving a rollup behind.
create table howdah.generation (
    one boolean primary key default true check (one),
    generation bigint not null
);
insert into howdah.generation (generation) values (1);

-- Logins that belong to one tenant. session_user cannot be forged by SQL.
create table howdah.tenant_logins (
    login name primary key,
    tenant text not null
);
comment on table howdah.tenant_logins is 'the tenant of a login; read by howdah.tenant()';

-- The tenant of this session, or null: then every policy hides every row.
create function howdah.tenant() returns text
    language sql stable security definer parallel safe
    set search_path = pg_catalog
    as 'select tenant from howdah.tenant_logins where login = session_user';
comment on function howdah.tenant() is 'the tenant of this session, or null';

-- A position with average entry price: the fold of fills in their order.
create type howdah.position_state as (
    quantity numeric,
    entry_price numeric,
    realised numeric,
    fees numeric,
    fills bigint
);

-- One fill upon a position. signed > 0 buys, < 0 sells; prices are kept to 18 decimals.
create function howdah.position_step(
    state howdah.position_state, base howdah.position_state,
    signed numeric, price numeric, fee numeric
) returns howdah.position_state
    language plpgsql immutable parallel safe
    set search_path = pg_catalog
as $$
declare
    q numeric := coalesce((state).quantity, (base).quantity, 0);
    e numeric := coalesce((state).entry_price, (base).entry_price);
    r numeric := coalesce((state).realised, (base).realised, 0);
    f numeric := coalesce((state).fees, (base).fees, 0) + coalesce(fee, 0);
    n bigint := coalesce((state).fills, (base).fills, 0) + 1;
begin
    if q = 0 then
        e := price;
        q := signed;
    elsif sign(q) = sign(signed) then
        e := round((abs(q) * e + abs(signed) * price) / (abs(q) + abs(signed)), 18);
        q := q + signed;
    elsif abs(signed) <= abs(q) then
        r := r + (price - e) * abs(signed) * sign(q);
        q := q + signed;
    else
        r := r + (price - e) * abs(q) * sign(q);
        e := price;
        q := q + signed;
    end if;
    return (q, case when q = 0 then null else e end, r, f, n)::howdah.position_state;
end
$$;
create aggregate howdah.position(
    base howdah.position_state, signed numeric, price numeric, fee numeric
) (
    sfunc = howdah.position_step,
    stype = howdah.position_state,
    parallel = safe
);

insert into howdah.version (version) values (1);
