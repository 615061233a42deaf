-- examine_sessions: $1 seconds idle in transaction, $2 seconds of an open
-- transaction, from which on a session is told.
with others as (
    select state, state_change, xact_start, backend_xmin, backend_xid
    from pg_stat_activity
    -- Of another role's session only the role is shown; autovacuum has none.
    where datname = current_database() and usesysid is not null and pid <> pg_backend_pid()
),
idle as (
    select clock_timestamp() - state_change as age
    from others
    where state like 'idle in transaction%' and clock_timestamp() - state_change >= make_interval(secs => $1)
),
-- What holds back vacuum: a snapshot or an id of a transaction, or one that
-- was prepared and never finished.
pinning as (
    select clock_timestamp() - xact_start as age, greatest(age(backend_xmin), age(backend_xid)) as xmin_age
    from others
    where xact_start is not null and (backend_xmin is not null or backend_xid is not null)
    union all
    select clock_timestamp() - prepared, age(transaction)
    from pg_prepared_xacts
    where database = current_database()
),
long as (
    select * from pinning where age >= make_interval(secs => $2)
)
select
    (select count(*) from idle) as idle,
    (select coalesce(extract(epoch from max(age)), 0)::bigint from idle) as longest_idle_seconds,
    (select count(*) from long) as pinning,
    (select coalesce(extract(epoch from max(age)), 0)::bigint from long) as longest_pinning_seconds,
    (select coalesce(max(xmin_age), 0)::bigint from long) as xmin_age,
    (select count(*) from others where state is null) as hidden
