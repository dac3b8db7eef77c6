-- Keys with which programs call in the name of their user.
create table api_keys (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    user_id uuid,
    display_name text not null,
    prefix text not null,
    scopes text[] not null default '{}',
    expire_time timestamptz,
    last_use_time timestamptz,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint api_keys_user_id_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index api_keys_user on api_keys (tenant_id, user_id);
select tessera.protect('api_keys');

-- The texts of keys as hashes: a copy of this table opens nothing. While a key is changed
-- over it has two, of which the older runs out.
create table api_key_secrets (
    tenant_id uuid not null default tessera.current_tenant(),
    hash bytea not null,
    api_key_id uuid not null,
    expire_time timestamptz,
    primary key (tenant_id, hash),
    constraint api_key_secrets_api_key_id_fkey foreign key (tenant_id, api_key_id) references api_keys (tenant_id, id) on delete cascade
);
create index api_key_secrets_key on api_key_secrets (tenant_id, api_key_id);
create index api_key_secrets_age on api_key_secrets (expire_time) where expire_time is not null;
select tessera.protect('api_key_secrets');
