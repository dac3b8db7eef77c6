-- What an event that could not be handled was told with, its trace among it, so that a replay tells it again.
alter table tessera.dead_letters add column headers jsonb not null default '{}';
