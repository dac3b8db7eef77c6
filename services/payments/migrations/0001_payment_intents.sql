-- Money asked of customers. What the provider did is listed in transactions; the amounts are its sums.
create table payment_intents (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    source_id uuid not null,
    amount_minor bigint not null,
    amount_currency text not null,
    authorized_minor bigint,
    authorized_currency text,
    captured_minor bigint,
    captured_currency text,
    refunded_minor bigint,
    refunded_currency text,
    state integer not null,
    provider text not null,
    payment_method text not null,
    provider_reference text not null,
    failure_code text not null,
    transactions jsonb,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint payment_intents_source_id_key unique (tenant_id, source_id),
    -- Rules keep these; should one ever fail to, no money moves on paper.
    constraint payment_intents_amount_check check (amount_minor > 0),
    constraint payment_intents_authorized_check check (
        coalesce(authorized_minor, 0) between 0 and amount_minor
        and coalesce(authorized_currency, amount_currency) = amount_currency
    ),
    constraint payment_intents_captured_check check (
        coalesce(captured_minor, 0) between 0 and coalesce(authorized_minor, 0)
        and coalesce(captured_currency, amount_currency) = amount_currency
    ),
    constraint payment_intents_refunded_check check (
        coalesce(refunded_minor, 0) between 0 and coalesce(captured_minor, 0)
        and coalesce(refunded_currency, amount_currency) = amount_currency
    )
-- Room on each page, so that a row that is written at every step stays there and its indices as they are.
) with (fillfactor = 50);
select tessera.protect('payment_intents');
