-- The companies that signed up. A tenant's row belongs to itself, so that row-level
-- security shows each caller one tenant: the own one.
create table tenants (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    slug text not null,
    display_name text not null,
    base_currency text not null,
    state integer not null,
    locale text not null,
    time_zone text not null,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint tenants_id_check check (id = tenant_id)
);
-- The one key of the house that does not begin with the tenant: a slug names a tenant to
-- those who are not signed in yet, so it must be unique over all of them.
create unique index tenants_slug_key on tenants (slug);
select tessera.protect('tenants');
