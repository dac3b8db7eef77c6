-- What customers order. An order changes only together with the revision of its running saga, whose row is
-- written first, so that whoever has the saga has the order.
create table orders (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    number text not null,
    state integer not null,
    account_id uuid not null,
    customer_email text not null,
    order_date date,
    currency_code text not null,
    lines jsonb,
    lines_total_minor bigint,
    lines_total_currency text,
    freight_minor bigint,
    freight_currency text,
    total_minor bigint,
    total_currency text,
    payment_method text not null,
    shipping_address jsonb,
    external_reference text,
    reservation_id uuid,
    payment_intent_id uuid,
    invoice_id uuid,
    invoice_number text,
    credit_note_id uuid,
    failure_reason text not null,
    failure_message text not null,
    cancel_reason text not null,
    complete_time timestamptz,
    cancel_time timestamptz,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id)
-- Room on each page, so that a row that is written at every step stays there and its indices as they are.
) with (fillfactor = 50);
create unique index orders_number_key on orders (tenant_id, number);
create unique index orders_external_reference_key on orders (tenant_id, external_reference)
    where external_reference is not null;
create index orders_account on orders (tenant_id, account_id, id);
select tessera.protect('orders');

-- The last number given in each tenant. Everybody who orders waits for the row, so it is taken in a transaction of its own.
create table order_numbers (
    tenant_id uuid not null default tessera.current_tenant(),
    last bigint not null,
    primary key (tenant_id)
);
select tessera.protect('order_numbers');

-- What was ordered under a name of another system, as a digest, so that the same order sent again is known
-- from another one of the same name, also when prices have been filled in meanwhile.
create table placements (
    tenant_id uuid not null default tessera.current_tenant(),
    external_reference text not null,
    order_id uuid not null,
    content bytea not null,
    primary key (tenant_id, external_reference)
);
select tessera.protect('placements');
