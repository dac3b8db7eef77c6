-- The keys that sign access tokens, under the platform's tenant (the nil UUID). A key is
-- published as NEXT long before it signs as ACTIVE, and RETIRED until its last token is over.
create table signing_keys (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    -- 1 NEXT, 2 ACTIVE, 3 RETIRED.
    state integer not null,
    public_key bytea not null,
    -- Encrypted under TESSERA_MASTER_KEY where the installation has one; see src/seal.rs.
    secret_key bytea not null,
    create_time timestamptz not null,
    activate_time timestamptz,
    retire_time timestamptz,
    primary key (tenant_id, id),
    constraint signing_keys_state_check check (state between 1 and 3)
);
-- Two processes that start at once must agree on one key.
create unique index signing_keys_state_key on signing_keys (tenant_id, state) where state < 3;
select tessera.protect('signing_keys');
