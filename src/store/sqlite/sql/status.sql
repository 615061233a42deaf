-- What waits and what failed of a domain.
select c.pending, c.oldest, f.failed, j.rejected, f.due, f.dead
from (
    select coalesce(sum(rows), 0) as pending,
        cast(round((julianday('now') - julianday(min(changed_at))) * 86400) as integer) as oldest
    from group_changes
    where domain = '{domain}'
) c, (
    select coalesce(sum(rows), 0) as failed, count(*) filter (where state = 'waiting') as due,
        count(*) filter (where state = 'dead') as dead
    from failed_groups
    where domain = '{domain}'
) f, (
    select count(*) as rejected from rejected_rows where domain = '{domain}'
) j
