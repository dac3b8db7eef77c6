-- How orders are carried through the other services. Steps with their attempts stand in the row, so that a
-- step costs one update; the revision tells whether somebody else moved the saga meanwhile.
create table sagas (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    order_id uuid not null,
    kind integer not null,
    state integer not null,
    current_step integer not null,
    steps jsonb,
    next_attempt_time timestamptz,
    failure_reason text not null,
    failure_message text not null,
    end_time timestamptz,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint sagas_order_id_fkey foreign key (tenant_id, order_id) references orders (tenant_id, id)
-- Room on each page, so that a row that is written at every step stays there and its indices as they are.
) with (fillfactor = 50);
-- An order is carried there once and back once.
create unique index sagas_order_id_key on sagas (tenant_id, order_id, kind);
-- For the few that need a person, among the many that are over.
create index sagas_open on sagas (tenant_id, state, id) where end_time is null;
select tessera.protect('sagas');
