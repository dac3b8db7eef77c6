-- What finance knows of an order. Capture and cancellation arrive in any order and more than once; both begin
-- by writing here, so that one waits for the other and the later one sees what the earlier one did.
create table order_cases (
    tenant_id uuid not null default tessera.current_tenant(),
    order_id uuid not null,
    invoice_id uuid,
    cancelled boolean not null default false,
    primary key (tenant_id, order_id)
);
select tessera.protect('order_cases');
