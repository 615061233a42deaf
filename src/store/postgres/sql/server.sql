-- examine_server: the server itself.
select
    current_setting('server_version') as version,
    current_setting('server_version_num')::integer as version_number,
    current_setting('server_encoding') as encoding,
    (
        select rolname::text
        from pg_class c join pg_roles r on r.oid = relowner
        where c.oid = to_regclass('raw_vitals') and rolsuper
    ) as superuser_owner,
    current_setting('transaction_read_only')::boolean as read_only,
    clock_timestamp() as clock
