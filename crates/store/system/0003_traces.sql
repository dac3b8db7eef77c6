-- What an event or a job belongs to, as W3C trace context; empty where nothing was traced.
alter table tessera.outbox add column traceparent text not null default '';
alter table tessera.jobs add column traceparent text not null default '';
