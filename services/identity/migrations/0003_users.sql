-- People who sign in. Their passwords and sessions stand in tables of their own, so that
-- no list of users can ever carry a secret.
create table users (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    email text not null,
    display_name text not null,
    state integer not null,
    role_ids uuid[] not null default '{}',
    locale text not null,
    time_zone text not null,
    last_login_time timestamptz,
    create_time timestamptz,
    update_time timestamptz,
    delete_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id)
);
create unique index users_email_key on users (tenant_id, lower(email)) where delete_time is null;
-- Who signs in names an address before any tenant is known.
create index users_login on users (lower(email)) where delete_time is null;
create index users_role_ids on users using gin (role_ids) where delete_time is null;
select tessera.protect('users');
