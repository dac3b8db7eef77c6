-- What proves a user, as an Argon2id hash in PHC form.
create table passwords (
    tenant_id uuid not null default tessera.current_tenant(),
    user_id uuid not null,
    hash text not null,
    change_time timestamptz not null,
    primary key (tenant_id, user_id),
    constraint passwords_user_id_fkey foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
select tessera.protect('passwords');
