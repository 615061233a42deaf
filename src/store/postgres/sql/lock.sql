-- Tries the user lock, and reads the changes of a group and its failure: $1
-- domain, $2 user, $3 date.
-- The changes may be older than the rows that are read behind the lock: one that
-- is missed here stays and folds the group again, one that is gone by then
-- deletes nothing.
select pg_try_advisory_xact_lock(hashint8extended($2, hashtextextended('vitalfold ' || $1, 0))) as taken,
    coalesce(c.ids, '{}') as ids,
    coalesce(c.rows, 0) + coalesce(f.rows, 0) as rows,
    coalesce(c.not_only_inserts, false) as not_only_inserts,
    coalesce(c.may_be_empty, false) or coalesce(f.emptied, false) as may_be_empty,
    case
        when f.state = 'dead' then 'dead'
        when f.next_attempt_at > now() then 'put_off'
        when f.state = 'waiting' then 'due'
    end as standing
from (
    select array_agg(id) as ids, sum(rows) as rows, bool_or(kind <> 'insert') as not_only_inserts,
        bool_or(kind in ('delete', 'edit')) as may_be_empty
    from group_changes
    where user_id = $2 and domain = $1 and local_date = $3
) as c
    left join failed_groups f on f.user_id = $2 and f.domain = $1 and f.local_date = $3
