alter table tenants drop constraint tenants_owner_is_member;
drop table tenant_members;
drop table users;
drop table tenants;
drop type member_role;
drop type account_status;
drop type tenant_kind;
