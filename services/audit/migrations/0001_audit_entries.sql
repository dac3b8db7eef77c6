-- One row for each event of every service. The key is the event's own id, so that one that is told again, however
-- late, finds itself written down.
create table audit_entries (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    event_type text not null,
    source text not null,
    event_time timestamptz,
    actor text not null,
    correlation_id text not null,
    causation_id uuid,
    trace_id text not null,
    records jsonb,
    changes jsonb,
    data jsonb,
    create_time timestamptz not null,
    primary key (tenant_id, id)
);
-- Lists are newest first, and most often of one person, or of one kind.
create index audit_entries_event_time on audit_entries (tenant_id, event_time, id);
create index audit_entries_actor on audit_entries (tenant_id, actor, event_time, id);
create index audit_entries_event_type on audit_entries (tenant_id, event_type, event_time, id);
create index audit_entries_correlation_id on audit_entries (tenant_id, correlation_id) where correlation_id <> '';
select tessera.protect('audit_entries');
select tessera.append_only('audit_entries');

-- Which entries are about a record. A table and not an index of `records`: under row-level security only operators
-- that can't leak what they compare may use an index, and equality of uuids is one.
create table audit_records (
    tenant_id uuid not null default tessera.current_tenant(),
    record_id uuid not null,
    entry_id uuid not null,
    primary key (tenant_id, record_id, entry_id),
    constraint audit_records_entry_id_fkey foreign key (tenant_id, entry_id)
        references audit_entries (tenant_id, id)
);
select tessera.protect('audit_records');
select tessera.append_only('audit_records');
