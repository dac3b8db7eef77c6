-- The journal. `lines` is the truth, and its balance is a check of the table, so that nobody can write an
-- unbalanced entry, whatever code or role he uses. journal_lines is a projection that only the trigger here
-- writes, in the same statement, so that it cannot say anything else than the entries.

-- True when there are two lines or more, all of one currency, none of them zero, and their sum is zero.
-- Counted in billionths, exactly. In plpgsql, whose plans live as long as the session: a function in SQL is
-- planned anew by each statement, and the same check took three times as long.
create function journal_is_balanced(lines jsonb, currency text) returns boolean
    language plpgsql immutable parallel safe as $$
declare
    line jsonb;
    amount jsonb;
    nanos numeric;
    total numeric := 0;
begin
    if jsonb_typeof(lines) is distinct from 'array' or jsonb_array_length(lines) < 2 then
        return false;
    end if;
    for place in 0 .. jsonb_array_length(lines) - 1 loop
        line := lines -> place;
        amount := line -> 'amount';
        nanos := (amount ->> 'units')::numeric * 1000000000 + (amount ->> 'nanos')::numeric;
        if nanos is null or nanos = 0 or nanos = 'NaN' or amount ->> 'currency_code' is distinct from currency
            or coalesce(line ->> 'account_code', '') = '' then
            return false;
        end if;
        total := total + nanos;
    end loop;
    return total = 0;
end $$;

create table journal_entries (
    tenant_id uuid not null default tessera.current_tenant(),
    id uuid not null,
    effective_date date not null,
    memo text not null,
    lines jsonb not null,
    source_type text not null,
    source_id text,
    reversal_of_id uuid,
    currency_code text not null,
    create_time timestamptz not null,
    created_by text not null,
    primary key (tenant_id, id),
    constraint journal_entries_lines_check check (journal_is_balanced(lines, currency_code)),
    constraint journal_entries_reversal_of_id_fkey foreign key (tenant_id, reversal_of_id)
        references journal_entries (tenant_id, id)
);
-- What an entry comes from is booked once.
create unique index journal_entries_source_id_key on journal_entries (tenant_id, source_type, source_id)
    where source_id is not null;
create unique index journal_entries_reversal_of_id_key on journal_entries (tenant_id, reversal_of_id)
    where reversal_of_id is not null;
select tessera.protect('journal_entries');
select tessera.append_only('journal_entries');

-- One row for each line, for sums over accounts.
create table journal_lines (
    tenant_id uuid not null default tessera.current_tenant(),
    entry_id uuid not null,
    line_number integer not null,
    -- Null, and so refused, for a code that the chart lacks.
    ledger_account_id uuid not null,
    effective_date date not null,
    currency_code text not null,
    amount numeric not null,
    party_id uuid,
    -- One index for both: the lines of an account, and whether an account has any.
    primary key (tenant_id, ledger_account_id, entry_id, line_number)
);
select tessera.protect('journal_lines');
select tessera.append_only('journal_lines');

-- Postings share the chart of their tenant; whoever deletes an account has it alone. A foreign key would lock
-- the row of a much used account at each posting.
create function ledger_chart_lock(tenant uuid) returns bigint language sql immutable
    return hashtextextended('ledger chart of ' || tenant, 0);

create function journal_entries_project() returns trigger language plpgsql as $$
declare
    tenant uuid;
begin
    for tenant in select distinct tenant_id from posted loop
        perform pg_advisory_xact_lock_shared(ledger_chart_lock(tenant));
    end loop;
    -- A statement of its own, so that it sees what was committed while it waited for the lock.
    insert into journal_lines (
        tenant_id, entry_id, line_number, ledger_account_id, effective_date, currency_code, amount, party_id)
    select e.tenant_id, e.id, l.line_number, a.id, e.effective_date, e.currency_code,
        (l.line #>> '{amount,units}')::numeric + (l.line #>> '{amount,nanos}')::numeric * 0.000000001,
        (l.line ->> 'party_id')::uuid
    from posted e
    cross join jsonb_array_elements(e.lines) with ordinality as l (line, line_number)
    left join ledger_accounts a on a.tenant_id = e.tenant_id and a.code = l.line ->> 'account_code';
    return null;
end $$;
create trigger project after insert on journal_entries
    referencing new table as posted for each statement execute function journal_entries_project();

create function journal_lines_guard() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() < 2 then
        raise exception 'lines are written by their entries alone' using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger guard before insert on journal_lines for each statement execute function journal_lines_guard();

create function ledger_accounts_keep() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(ledger_chart_lock(old.tenant_id));
    if exists (select from journal_lines l where l.tenant_id = old.tenant_id and l.ledger_account_id = old.id) then
        raise exception 'update or delete of an account that was posted to' using
            errcode = 'foreign_key_violation', table = 'journal_lines',
            constraint = 'journal_lines_ledger_account_id_fkey';
    end if;
    return old;
end $$;
create trigger keep before delete on ledger_accounts for each row execute function ledger_accounts_keep();
