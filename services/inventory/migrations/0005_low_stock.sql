-- Filters compare a field with a value and never with another field, so that what has run low says so itself.
alter table stock_levels add column below_reorder_level boolean not null
    generated always as (coalesce(on_hand - reserved < reorder_level, false)) stored;
create index stock_levels_low on stock_levels (tenant_id, id) where below_reorder_level;
