-- Customer invoices and credit notes, and the counters of their numbers.
create table invoices (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    number text not null,
    kind integer not null,
    state integer not null,
    account_id uuid not null,
    order_id uuid,
    order_number text not null,
    issue_date date not null,
    due_date date not null,
    lines jsonb not null,
    total_minor bigint not null,
    total_currency text not null,
    residual_minor bigint not null,
    residual_currency text not null,
    journal_entry_id uuid,
    credited_invoice_id uuid,
    create_time timestamptz not null,
    update_time timestamptz not null,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint invoices_number_key unique (tenant_id, number),
    constraint invoices_journal_entry_id_fkey foreign key (tenant_id, journal_entry_id)
        references journal_entries (tenant_id, id),
    constraint invoices_credited_invoice_id_fkey foreign key (tenant_id, credited_invoice_id)
        references invoices (tenant_id, id),
    constraint invoices_residual_check check (
        0 <= residual_minor and residual_minor <= total_minor and residual_currency = total_currency)
);
-- An order is billed once, and credited once.
create unique index invoices_order_id_key on invoices (tenant_id, order_id, kind) where order_id is not null;
create unique index invoices_credited_invoice_id_key on invoices (tenant_id, credited_invoice_id)
    where credited_invoice_id is not null;
create index invoices_account on invoices (tenant_id, account_id);
select tessera.protect('invoices');

-- The last number given, by kind and year. The row is locked from the giving of a number to the commit, so
-- that a rollback leaves no gap; it is taken as the last thing of a transaction.
create table document_counters (
    tenant_id uuid not null default tessera.current_tenant(),
    kind integer not null,
    year integer not null,
    last_number bigint not null,
    primary key (tenant_id, kind, year)
);
select tessera.protect('document_counters');
