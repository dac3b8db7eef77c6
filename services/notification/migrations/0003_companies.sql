-- What identity told of the tenant: whose name stands above its messages, and in which language they are.
create table companies (
    tenant_id uuid not null default tessera.current_tenant(),
    display_name text not null,
    locale text not null,
    primary key (tenant_id)
);
select tessera.protect('companies');
