-- What a login begins and a logout ends. A session is the family of its refresh tokens.
create table sessions (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    user_id uuid not null,
    create_time timestamptz not null,
    last_use_time timestamptz not null,
    expire_time timestamptz not null,
    end_time timestamptz,
    primary key (tenant_id, id),
    constraint sessions_user_id_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index sessions_open on sessions (tenant_id, user_id) where end_time is null;
create index sessions_age on sessions (expire_time);
select tessera.protect('sessions');

-- One use each, kept as hashes: a copy of this table opens nothing. Spent ones stay until
-- they run out, so that their second use is noticed.
create table refresh_tokens (
    tenant_id uuid not null default tessera.current_tenant(),
    hash bytea not null,
    session_id uuid not null,
    create_time timestamptz not null,
    expire_time timestamptz not null,
    spend_time timestamptz,
    primary key (tenant_id, hash),
    constraint refresh_tokens_session_id_fkey foreign key (tenant_id, session_id) references sessions (tenant_id, id) on delete cascade
);
create index refresh_tokens_session on refresh_tokens (tenant_id, session_id);
create index refresh_tokens_age on refresh_tokens (expire_time);
select tessera.protect('refresh_tokens');
