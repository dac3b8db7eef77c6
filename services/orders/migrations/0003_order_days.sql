-- By which statistics find the orders of some days. The day of an order never changes.
create index orders_order_date on orders (tenant_id, order_date);
