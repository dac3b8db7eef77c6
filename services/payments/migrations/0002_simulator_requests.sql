-- What the simulated provider was asked and did: its own memory, as a real provider has one in its own house.
-- It is written in transactions of its own, so that a crash of the service leaves it as a crash would leave theirs.
create table simulator_requests (
    tenant_id uuid not null default tessera.current_tenant(),
    -- The key under which it was asked; a second request of the same key changes nothing.
    key text not null,
    kind integer not null,
    reference text not null,
    amount_minor bigint not null,
    amount_currency text not null,
    payment_method text not null,
    -- Why it was declined; empty when it was done.
    failure_code text not null,
    create_time timestamptz not null,
    primary key (tenant_id, key),
    constraint simulator_requests_amount_check check (amount_minor > 0)
);
select tessera.protect('simulator_requests');
