-- lock_holders: $1 key of the migration lock, $2 of the lock of imports, $3 how
-- many waiting users are looked at. Who holds an advisory lock that vitalfold
-- takes, other than this session.
with waiting as (
    select domain, user_id from group_changes
    union
    select domain, user_id from failed_groups
    limit $3
),
keys (name, key) as (
    values ('runs', hashtextextended('vitalfold run', 0)), ('migrations', $1), ('imports', $2)
    union all
    select 'users', hashint8extended(user_id, hashtextextended('vitalfold ' || domain, 0)) from waiting
),
-- Locks of one 64-bit key, which the server shows in two halves.
held as (
    select pid, (classid::bigint << 32) | objid::bigint as key
    from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())
)
select name as lock, pid, coalesce(usename, '') as role, coalesce(application_name, '') as application,
    -- Null where this role may not see it.
    min(backend_start) as connected_at, count(*) as locks
from held join keys using (key) left join pg_stat_activity using (pid)
group by name, pid, usename, application_name
order by name, pid
