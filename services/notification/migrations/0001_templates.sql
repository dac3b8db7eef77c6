-- The texts of messages, by key and language.
create table templates (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    key text not null,
    locale text not null,
    subject text not null,
    body_text text not null,
    body_html text not null,
    create_time timestamptz not null,
    update_time timestamptz not null,
    created_by text not null,
    updated_by text not null,
    revision bigint not null default 1,
    primary key (tenant_id, id)
);
-- Languages differ in nothing but their letters' case.
create unique index templates_locale_key on templates (tenant_id, key, lower(locale));
select tessera.protect('templates');
