-- The tree in which products are sorted. Deleting a category removes it for good, so the
-- foreign keys keep one that is in use.
create table categories (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    name text not null,
    slug text not null,
    parent_id uuid,
    description text not null,
    position integer not null,
    create_time timestamptz,
    update_time timestamptz,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id),
    constraint categories_slug_key unique (tenant_id, slug),
    constraint categories_parent_id_fkey foreign key (tenant_id, parent_id) references categories (tenant_id, id)
);
create index categories_parent on categories (tenant_id, parent_id);
select tessera.protect('categories');
