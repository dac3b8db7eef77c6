-- Money that came in and went out.
create table payment_entries (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    direction integer not null,
    account_id uuid not null,
    amount_minor bigint not null,
    amount_currency text not null,
    unallocated_minor bigint not null,
    unallocated_currency text not null,
    allocations jsonb,
    effective_date date not null,
    source_id text,
    journal_entry_id uuid not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint payment_entries_amount_check check (amount_minor > 0),
    constraint payment_entries_unallocated_check check (
        0 <= unallocated_minor and unallocated_minor <= amount_minor and unallocated_currency = amount_currency),
    constraint payment_entries_journal_entry_id_fkey foreign key (tenant_id, journal_entry_id)
        references journal_entries (tenant_id, id)
);
create unique index payment_entries_source_id_key on payment_entries (tenant_id, source_id)
    where source_id is not null;
create index payment_entries_account on payment_entries (tenant_id, account_id);
select tessera.protect('payment_entries');

-- Which payments an invoice has: the way back from an invoice to the allocations that name it.
create table invoice_payments (
    tenant_id uuid not null default tessera.current_tenant(),
    invoice_id uuid not null,
    payment_entry_id uuid not null,
    primary key (tenant_id, invoice_id, payment_entry_id),
    -- At the commit, because an invoice takes its number, and so its row, last.
    constraint invoice_payments_invoice_id_fkey foreign key (tenant_id, invoice_id)
        references invoices (tenant_id, id) deferrable initially deferred,
    constraint invoice_payments_payment_entry_id_fkey foreign key (tenant_id, payment_entry_id)
        references payment_entries (tenant_id, id)
);
select tessera.protect('invoice_payments');
