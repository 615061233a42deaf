-- check_limits: what bounds the connections that this role may still open.
select
    current_setting('max_connections')::integer as max_connections,
    current_setting('superuser_reserved_connections')::integer
        + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved,
    (select count(*) from pg_stat_activity
     where backend_type = 'client backend' and pid <> pg_backend_pid()) as others,
    (select rolconnlimit from pg_roles where rolname = current_user) as role_limit,
    (select datconnlimit from pg_database where datname = current_database()) as database_limit
