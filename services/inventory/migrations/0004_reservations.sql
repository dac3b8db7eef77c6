-- Goods promised to orders. Held and confirmed ones add up to what the levels call reserved.
create table reservations (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    state integer not null,
    source_id uuid not null,
    lines jsonb,
    expire_time timestamptz,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint reservations_source_id_key unique (tenant_id, source_id)
-- Room on each page, so that a row that is written at every step stays there and its indices as they are.
) with (fillfactor = 50);
select tessera.protect('reservations');
