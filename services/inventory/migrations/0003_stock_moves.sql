-- What came, went and was counted. The levels are its sums; a wrong move is mended by another one.
create table stock_moves (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    product_id uuid not null,
    warehouse_id uuid not null,
    kind integer not null,
    quantity numeric not null,
    unit_cost_minor bigint,
    unit_cost_currency text,
    value_minor bigint,
    value_currency text,
    source_type text not null,
    source_id uuid,
    effective_time timestamptz,
    memo text not null,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint stock_moves_product_id_fkey
        foreign key (tenant_id, product_id, warehouse_id)
        references stock_levels (tenant_id, product_id, warehouse_id),
    constraint stock_moves_quantity_check check (quantity <> 0)
);
-- The history of a product in a warehouse.
create index stock_moves_place on stock_moves (tenant_id, product_id, warehouse_id, id);
-- What left for a reservation, when it comes back.
create index stock_moves_source on stock_moves (tenant_id, source_id) where source_id is not null;
select tessera.protect('stock_moves');
select tessera.append_only('stock_moves');
