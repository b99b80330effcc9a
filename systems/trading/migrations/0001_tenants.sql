-- Who uses the service: tenants, their users, and who belongs where.

create type tenant_kind as enum ('company', 'trader', 'influencer');
create type account_status as enum ('active', 'suspended', 'closed');
create type member_role as enum
    ('ceo', 'admin', 'manager', 'staff', 'trader', 'influencer', 'viewer');

create table tenants (
    id uuid primary key,
    kind tenant_kind not null,
    name text not null check (name <> ''),
    status account_status not null default 'active',
    owner_id uuid not null,
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    version bigint not null default 0 check (version >= 0),
    created_at timestamptz not null default now()
);
comment on table tenants is 'Companies, single traders and influencers: whom rows belong to';
comment on column tenants.owner_id is
    'The one owner; a member, checked at commit because tenant and member name each other';
comment on column tenants.version is 'Rises with every change; compared before the next one';

create table users (
    id uuid primary key,
    tenant_id uuid not null references tenants on delete restrict,
    email text not null check (email like '%_@_%'),
    name text not null,
    status account_status not null default 'active',
    super_admin boolean not null default false,
    version bigint not null default 0 check (version >= 0),
    created_at timestamptz not null default now()
);
-- One account per address whatever its case; without an extension that is an expression index.
create unique index users_email on users (lower(email));
-- A tenant's people, and the way the foreign key to tenants looks a tenant up.
create index users_by_tenant on users (tenant_id);
comment on table users is 'People; personal data is visible to the home tenant alone';
comment on column users.tenant_id is 'Home tenant; further memberships are in tenant_members';
comment on column users.super_admin is 'Global role of the operators of the service';

create table tenant_members (
    tenant_id uuid not null references tenants on delete restrict,
    user_id uuid not null references users on delete restrict,
    role member_role not null,
    version bigint not null default 0 check (version >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, user_id)
);
-- The tenants of a user: asked at every login, and when a user is to be deleted.
create index tenant_members_by_user on tenant_members (user_id);
comment on table tenant_members is 'Which user acts for which tenant, and as what';

alter table tenants add constraint tenants_owner_is_member
    foreign key (id, owner_id) references tenant_members (tenant_id, user_id)
    deferrable initially deferred;
