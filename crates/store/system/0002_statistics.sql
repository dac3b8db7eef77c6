-- A table without statistics is taken for a tiny one: a select by id may then walk through every row of its tenant,
-- by whichever index begins with tenant_id. The server itself looks once a minute at the most, which is a long
-- time for a table that is being filled. Tells how many tables were looked at.
create function tessera.analyze_new() returns integer language plpgsql security definer
    set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
    tbl regclass;
    looked_at integer := 0;
begin
    for tbl in
        select relid from pg_stat_user_tables
        where last_analyze is null and last_autoanalyze is null and n_mod_since_analyze >= 20
    loop
        execute format('analyze %s', tbl);
        looked_at := looked_at + 1;
    end loop;
    return looked_at;
end $$;
revoke execute on function tessera.analyze_new() from public;
do $$ begin
    execute format('grant execute on function tessera.analyze_new() to %I', tessera.login_role() || '_system');
end $$;
