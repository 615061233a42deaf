-- check_limits: what bounds the connections that this role may still open.
select
    current_setting('max_connections')::integer as max_connections,
    current_setting('superuser_reserved_connections')::integer
        + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved,
    -- A plain role does not see what others do, but how many they are: with
    -- those who vacuum, who need no connection.
    case when pg_has_role('pg_read_all_stats', 'usage') then
        (select count(*) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid())
    else
        (select sum(numbackends) - 1 from pg_stat_database)
    end as others,
    (select rolconnlimit from pg_roles where rolname = current_user) as role_limit,
    (select datconnlimit from pg_database where datname = current_database()) as database_limit
