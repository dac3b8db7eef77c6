-- The chart of accounts. An account that was posted to cannot be deleted; see 0002_journal_entries.sql.
create table ledger_accounts (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    code text not null,
    display_name text not null,
    type integer not null,
    role integer not null,
    parent_id uuid,
    blocked boolean not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint ledger_accounts_code_key unique (tenant_id, code),
    constraint ledger_accounts_parent_id_fkey foreign key (tenant_id, parent_id)
        references ledger_accounts (tenant_id, id),
    constraint ledger_accounts_parent_id_check check (parent_id <> id)
);
create index ledger_accounts_parent on ledger_accounts (tenant_id, parent_id);
create index ledger_accounts_role on ledger_accounts (tenant_id, role, id) where role <> 0;
select tessera.protect('ledger_accounts');
