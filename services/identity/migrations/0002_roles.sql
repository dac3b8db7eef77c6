-- Named sets of permissions, given to users.
create table roles (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    name text not null,
    description text not null,
    permissions text[] not null default '{}',
    system boolean not null,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id)
);
-- Two roles that differ in the case of a letter would be taken for each other.
create unique index roles_name_key on roles (tenant_id, lower(name));
select tessera.protect('roles');
