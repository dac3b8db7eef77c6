-- What every service's database has before its own tables: the tenant of the
-- transaction, protection of tables, and the engine's own tables.
-- Run by the role `<login>_owner`; `<login>` uses the tables inside one tenant,
-- `<login>_system` is the second door that sees all tenants.

grant usage on schema tessera to public;

create function tessera.login_role() returns text language sql stable as
    $$ select regexp_replace(pg_get_userbyid(datdba), '_owner$', '') from pg_database where datname = current_database() $$;

-- Null while no tenant is set, so that no policy matches and no default fills.
create function tessera.current_tenant() returns uuid language sql stable parallel safe as
    $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

-- Puts a table under row-level security and grants its use. Every table passes through here.
create function tessera.protect(tbl regclass) returns void language plpgsql as $$
declare login text := tessera.login_role();
begin
    execute format('alter table %s enable row level security', tbl);
    execute format('alter table %s force row level security', tbl);
    execute format('create policy tenant on %s to %I using (tenant_id = tessera.current_tenant()) with check (tenant_id = tessera.current_tenant())', tbl, login);
    execute format('create policy system on %s to %I using (true) with check (true)', tbl, login || '_system');
    execute format('grant select, insert, update, delete on %s to %I, %I', tbl, login, login || '_system');
end $$;

create function tessera.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are never changed or deleted', tg_table_name using errcode = 'restrict_violation';
end $$;

-- Makes a protected table append-only, for its roles and, by trigger, for everybody else.
create function tessera.append_only(tbl regclass) returns void language plpgsql as $$
declare login text := tessera.login_role();
begin
    execute format('revoke update, delete, truncate on %s from %I, %I', tbl, login, login || '_system');
    execute format('create trigger append_only before update or delete on %s for each row execute function tessera.refuse_change()', tbl);
end $$;

-- Events on their way to the log. seq keeps the order of writing; rows of one
-- entity are written under its row's lock, so their order is the order of commit.
create table tessera.outbox (
    seq bigint generated always as identity primary key,
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    topic text not null,
    key text not null,
    event_type text not null,
    payload bytea not null,
    create_time timestamptz not null default now(),
    publish_time timestamptz
);
create index outbox_pending on tessera.outbox (seq) where publish_time is null;
-- Rows come in the order of time, so that a few bytes for each stretch of pages find the old ones.
create index outbox_age on tessera.outbox using brin (create_time);
select tessera.protect('tessera.outbox');

-- Events that had their effect here.
create table tessera.inbox (
    tenant_id uuid not null default tessera.current_tenant(),
    event_id uuid not null,
    consumer text not null,
    receive_time timestamptz not null default now(),
    primary key (tenant_id, event_id, consumer)
);
create index inbox_age on tessera.inbox using brin (receive_time);
select tessera.protect('tessera.inbox');

-- First answers, to be given again to the same request.
create table tessera.idempotency (
    tenant_id uuid not null default tessera.current_tenant(),
    request_id uuid not null,
    method text not null,
    request_hash bytea not null,
    response bytea not null,
    create_time timestamptz not null default now(),
    primary key (tenant_id, request_id)
);
create index idempotency_age on tessera.idempotency using brin (create_time);
select tessera.protect('tessera.idempotency');

-- Who changed what.
create table tessera.audit_log (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    time timestamptz not null,
    actor text not null,
    method text not null,
    correlation_id text not null,
    entity_type text not null,
    entity_id uuid not null,
    change text not null,
    changes jsonb not null,
    primary key (tenant_id, id)
);
create index audit_log_entity on tessera.audit_log (tenant_id, entity_id, id);
select tessera.protect('tessera.audit_log');
select tessera.append_only('tessera.audit_log');

-- Events that could not be handled.
create table tessera.dead_letters (
    tenant_id uuid not null,
    id uuid not null,
    consumer text not null,
    topic text not null,
    partition int not null,
    log_offset bigint not null,
    key text not null,
    event_type text not null,
    payload bytea not null,
    error text not null,
    attempts int not null,
    create_time timestamptz not null default now(),
    replay_time timestamptz,
    primary key (tenant_id, id, consumer)
);
select tessera.protect('tessera.dead_letters');

-- Work to be done later or outside a transaction, once per (kind, key).
create table tessera.jobs (
    tenant_id uuid not null default tessera.current_tenant(),
    kind text not null,
    key text not null,
    run_time timestamptz not null,
    lease_time timestamptz,
    -- Counts enqueuings, so that one that arrives while the job runs is not lost.
    generation bigint not null default 1,
    attempts int not null default 0,
    last_error text not null default '',
    correlation_id text not null default '',
    create_time timestamptz not null default now(),
    primary key (tenant_id, kind, key)
);
create index jobs_due on tessera.jobs (run_time);
select tessera.protect('tessera.jobs');
