-- Places that hold stock.
create table warehouses (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    code text not null,
    name text not null,
    is_default boolean not null,
    address jsonb,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id)
);
create unique index warehouses_code_key on warehouses (tenant_id, code);
-- At the most one default; that there is always one is kept by the methods, which all pass one lock.
create unique index warehouses_is_default_key on warehouses (tenant_id) where is_default;
select tessera.protect('warehouses');
