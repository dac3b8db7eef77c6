-- Companies that the tenant does business with, some of them below others.
create table accounts (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    display_name text not null,
    code text,
    type integer not null,
    domain text not null,
    phone text not null,
    billing_address jsonb,
    shipping_address jsonb,
    parent_id uuid,
    labels jsonb,
    create_time timestamptz,
    update_time timestamptz,
    delete_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint accounts_parent_id_fkey foreign key (tenant_id, parent_id) references accounts (tenant_id, id)
);
create unique index accounts_code_key on accounts (tenant_id, code) where delete_time is null;
create index accounts_parent on accounts (tenant_id, parent_id);
select tessera.protect('accounts');
