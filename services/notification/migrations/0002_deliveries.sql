-- Messages to people, and what became of them.
create table deliveries (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    channel integer not null,
    recipient text not null,
    template_key text not null,
    locale text not null,
    subject text not null,
    body_text text not null,
    body_html text not null,
    state integer not null,
    attempts integer not null,
    last_error text not null,
    dedupe_key text not null,
    message_id text not null,
    sent_time timestamptz,
    create_time timestamptz not null,
    update_time timestamptz not null,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint deliveries_dedupe_key_key unique (tenant_id, dedupe_key)
);
create index deliveries_state on deliveries (tenant_id, state, id);
select tessera.protect('deliveries');
