-- What waits and what failed of a domain.
select c.pending, c.oldest, f.failed, j.rejected, d.due, f.dead
from (
    select coalesce(sum(rows), 0) as pending,
        cast(round((julianday('now') - julianday(min(changed_at))) * 86400) as integer) as oldest
    from group_changes
    where domain = '{domain}'
) c, (
    select coalesce(sum(rows), 0) as failed, count(*) filter (where state = 'dead') as dead
    from failed_groups
    where domain = '{domain}'
) f, (
    select count(*) as due
    from (
        select user_id, local_date from group_changes where domain = '{domain}'
        union
        select user_id, local_date from failed_groups where domain = '{domain}' and state = 'waiting'
    )
) d, (
    select count(*) as rejected from rejected_rows where domain = '{domain}'
) j
