-- In which currency the stock of a product is valued, once a cost of it is known. The key of the level refers
-- to it, so that two receipts at the same time can't value one product in two currencies.
create table product_currencies (
    tenant_id uuid not null default tessera.current_tenant(),
    product_id uuid not null,
    currency text not null,
    primary key (tenant_id, product_id),
    unique (tenant_id, product_id, currency)
);
select tessera.protect('product_currencies');

-- The sums of the stock moves for each product in each warehouse, and what is promised of them.
create table stock_levels (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    product_id uuid not null,
    warehouse_id uuid not null,
    on_hand numeric not null default 0,
    reserved numeric not null default 0,
    available numeric generated always as (on_hand - reserved) stored,
    reorder_level numeric,
    value_minor bigint,
    value_currency text,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint stock_levels_product_id_key unique (tenant_id, product_id, warehouse_id),
    constraint stock_levels_warehouse_id_fkey
        foreign key (tenant_id, warehouse_id) references warehouses (tenant_id, id),
    constraint stock_levels_value_fkey
        foreign key (tenant_id, product_id, value_currency)
        references product_currencies (tenant_id, product_id, currency),
    -- Rules keep these; should one ever fail to, the database refuses. The upper end keeps shares of values exact.
    constraint stock_levels_on_hand_check check (on_hand >= 0 and on_hand < 1000000000000),
    constraint stock_levels_reserved_check check (reserved >= 0 and reserved <= on_hand),
    constraint stock_levels_reorder_level_check check (reorder_level >= 0),
    constraint stock_levels_value_check check (
        (value_minor is null) = (value_currency is null) and value_minor >= 0 and (on_hand > 0 or value_minor = 0)
    )
-- Room on each page, so that a row that is written at every step stays there and its indices as they are.
) with (fillfactor = 50);
create index stock_levels_warehouse on stock_levels (tenant_id, warehouse_id);
select tessera.protect('stock_levels');
