-- What a shop shows beside the name.
alter table products add column tagline jsonb, add column images jsonb;
