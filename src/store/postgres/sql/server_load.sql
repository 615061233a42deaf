-- server_load: how much of the server is taken, and by whom.
with sessions as (
    select a.pid, application_name as application, coalesce(usename, '') as role,
        -- What may not be looked into is null, the type of the backend included.
        state is null or state = 'disabled' as hidden,
        state = 'active' and (
            wait_event_type is null
            -- Waits for its client, for a lock, or sleeps: it does nothing.
            or wait_event_type not in ('Client', 'Lock') and wait_event <> 'PgSleep'
        ) or state_change > now() - interval '5 s' as at_work,
        -- Everybody sees who is in a transaction, by the lock on its id.
        (select l.virtualtransaction from pg_locks l
         where l.pid = a.pid and l.locktype = 'virtualxid' and l.granted
           and l.virtualxid = l.virtualtransaction) as transaction
    from pg_stat_activity a
    where datname = current_database() and usesysid is not null
      and (backend_type = 'client backend') is not false
      and application_name not like 'vitalfold%'
)
select (select sum(numbackends) from pg_stat_database)::bigint as connections,
    current_setting('max_connections')::bigint as max_connections,
    (select count(distinct pid) from pg_locks where not granted) as lock_waits,
    (select coalesce(jsonb_agg(jsonb_build_object(
        'pid', pid, 'application', application, 'role', role,
        'hidden_transaction', case when hidden then transaction end) order by pid), '[]')
     from sessions where case when hidden then transaction is not null else at_work end) as others,
    (select max(extract(epoch from replay_lag)) from pg_stat_replication)::float8 as replication_lag
