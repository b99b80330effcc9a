create table if not exists app."Orders" (
    id bigint generated always as identity primary key,
    customer bigint not null references app.customers (id) on delete cascade deferrable,
    price numeric(38, 18) not null default (1 + 2) check (price > 0 and note <> ')'),
    note text collate "C" default 'a;b' || $x$ c;d $x$,
    total numeric generated always as (price * 2) stored,
    tags text[] not null default '{}',
    at timestamptz(3) default now() at time zone 'UTC',
    unique nulls not distinct (customer, at),
    constraint no_overlap exclude using gist (during with &&) where (note is not null),
    constraint f foreign key (customer, at) references b (x, y) match full not valid
) partition by range (at, lower(note)) with (fillfactor = 70);
create table p partition of app."Orders" for values from ('2026-01-01', minvalue) to (maxvalue, 'z');
create unlogged table t as select 1 as a, 'b''c' as "d""e";
alter table only app."Orders" add column if not exists c int not null default random(),
    alter c type bigint using c::bigint, add constraint x check (c > 0) not valid,
    drop column if exists d cascade, force row level security, set (autovacuum_enabled = off),
    rename to "Sales";
alter table a attach partition b for values in (1, 2), detach partition c concurrently;
create unique index concurrently if not exists i on only s.t using gin
    (lower(a) collate "C" text_pattern_ops desc nulls last, (b -> 'c')) include (c, d)
    with (fillfactor = 70) where d is null or e = ')';
