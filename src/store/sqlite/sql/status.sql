-- What waits and what failed of a domain.
select c.pending, g.pending_groups, c.oldest, f.failed, j.rejected, f.waiting, f.dead
from (
    select coalesce(sum(rows), 0) as pending,
        cast(round((julianday('now') - julianday(min(changed_at))) * 86400) as integer) as oldest
    from group_changes
    where domain = '{domain}'
) c, (
    select count(*) as pending_groups
    from (select distinct user_id, local_date from group_changes where domain = '{domain}')
) g, (
    select coalesce(sum(rows), 0) as failed, count(*) filter (where state = 'waiting') as waiting,
        count(*) filter (where state = 'dead') as dead
    from failed_groups
    where domain = '{domain}'
) f, (
    select count(*) as rejected from rejected_rows where domain = '{domain}'
) j
