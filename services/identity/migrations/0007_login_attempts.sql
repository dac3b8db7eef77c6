-- How often a password was tried for an address since it last was right, under the
-- platform's tenant: unknown addresses are counted like known ones.
create table login_attempts (
    tenant_id uuid not null default tessera.current_tenant(),
    -- SHA-256 of the address in small letters: what was typed wrongly is nobody's to read.
    address_hash bytea not null,
    failures integer not null,
    last_time timestamptz not null,
    block_time timestamptz,
    primary key (tenant_id, address_hash)
);
create index login_attempts_age on login_attempts (last_time);
select tessera.protect('login_attempts');
