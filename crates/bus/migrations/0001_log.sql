-- The event log in PostgreSQL. Lives in a database of its own.
create schema bus;

create table bus.topics (
    id integer generated always as identity primary key,
    name text not null unique check (name <> ''),
    partitions integer not null check (partitions between 1 and 1000),
    retention interval not null
);

-- The head of every partition. Whoever appends holds its row until commit, so offsets have no gaps and grow in the
-- order of the commits: a reader that saw offset n will never see a smaller one appear.
create table bus.partitions (
    topic_id integer not null references bus.topics (id),
    partition integer not null,
    next_offset bigint not null default 0,
    primary key (topic_id, partition)
) with (fillfactor = 50);

create table bus.events (
    topic_id integer not null,
    partition integer not null,
    log_offset bigint not null,
    event_id uuid not null,
    tenant_id uuid not null,
    event_type text not null,
    key text not null,
    headers jsonb not null,
    payload bytea not null,
    create_time timestamptz not null,
    primary key (topic_id, partition, log_offset)
);

-- Where every group stands. `id` is also the advisory lock that the holder of the partition keeps on its session.
create table bus.offsets (
    id integer generated always as identity unique,
    group_name text not null,
    topic_id integer not null references bus.topics (id),
    partition integer not null,
    committed bigint not null default 0,
    primary key (group_name, topic_id, partition)
) with (fillfactor = 50);

-- Who consumes. A row whose advisory lock nobody holds belongs to a dead member.
create table bus.members (
    id integer generated always as identity primary key,
    group_name text not null,
    topics text[] not null
);
create index members_group on bus.members (group_name);

-- Appends events that are already sorted into partitions; answers the transaction's id, by which a caller that lost
-- its connection during the commit can ask what became of it.
create function bus.append(
    topic_ids integer[], partition_ids integer[], event_ids uuid[], tenant_ids uuid[],
    event_types text[], keys text[], header_maps jsonb[], payloads bytea[]
) returns text language plpgsql as $$
begin
    -- Always in the same order, so that two publishers of several partitions cannot wait for each other.
    perform 1 from bus.partitions p
    where (p.topic_id, p.partition) in (select t, n from unnest(topic_ids, partition_ids) as i (t, n))
    order by p.topic_id, p.partition
    for update;

    -- A statement of its own: it must see what the former holder of the locks committed.
    insert into bus.events
        (topic_id, partition, log_offset, event_id, tenant_id, event_type, key, headers, payload, create_time)
    select i.topic_id, i.partition,
           p.next_offset + row_number() over (partition by i.topic_id, i.partition order by i.n) - 1,
           i.event_id, i.tenant_id, i.event_type, i.key, i.headers, i.payload, clock_timestamp()
    from unnest(topic_ids, partition_ids, event_ids, tenant_ids, event_types, keys, header_maps, payloads)
         with ordinality
         as i (topic_id, partition, event_id, tenant_id, event_type, key, headers, payload, n)
    join bus.partitions p on p.topic_id = i.topic_id and p.partition = i.partition;

    update bus.partitions p set next_offset = p.next_offset + c.appended
    from (select t, n, count(*) as appended from unnest(topic_ids, partition_ids) as i (t, n) group by t, n) c
    where p.topic_id = c.t and p.partition = c.n;

    return pg_current_xact_id()::text;
end
$$;
