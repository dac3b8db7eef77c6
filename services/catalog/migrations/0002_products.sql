-- What the tenant sells, with list prices in minor units. The supplier's account stands in
-- another database, so nothing but its id is known here.
create table products (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    sku text not null,
    name text not null,
    description text not null,
    category_id uuid,
    price_minor bigint,
    price_currency text,
    unit text not null,
    quantity_per_unit text not null,
    barcode text,
    supplier_account_id uuid,
    active boolean not null,
    labels jsonb,
    create_time timestamptz,
    update_time timestamptz,
    delete_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint products_price_check check (price_minor >= 0 and price_minor is not null and price_currency is not null),
    constraint products_category_id_fkey foreign key (tenant_id, category_id) references categories (tenant_id, id)
);
create unique index products_sku_key on products (tenant_id, sku) where delete_time is null;
create unique index products_barcode_key on products (tenant_id, barcode) where delete_time is null;
create index products_category on products (tenant_id, category_id);
select tessera.protect('products');
