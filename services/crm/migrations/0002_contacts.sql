-- People that the tenant deals with. A contact outlives its account: deleting an account
-- only marks it, so the reference holds.
create table contacts (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    account_id uuid,
    given_name text not null,
    family_name text not null,
    email text,
    phone text not null,
    job_title text not null,
    address jsonb,
    language text not null,
    lifecycle_stage integer not null,
    consents jsonb,
    labels jsonb,
    create_time timestamptz,
    update_time timestamptz,
    delete_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint contacts_account_id_fkey foreign key (tenant_id, account_id) references accounts (tenant_id, id)
);
create unique index contacts_email_key on contacts (tenant_id, lower(email)) where delete_time is null;
create index contacts_account on contacts (tenant_id, account_id);
select tessera.protect('contacts');
