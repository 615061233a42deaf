-- The groups of the next changes, on one side of a user: ?1 users as JSON, ?2
-- first and ?3 last date, ?4 user, ?5 the age that changes must have such as
-- '-5.000 seconds', ?6 changes at most.
select user_id, local_date, sum(rows) as rows, count(*) as lines
from (
    select c.user_id, c.local_date, c.rows
    from group_changes c
    where c.domain = '{domain}' and c.user_id {side} ?4
        and c.changed_at <= strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?5)
        and not exists (
            select 1 from failed_groups f
            where f.user_id = c.user_id and f.domain = '{domain}' and f.local_date = c.local_date
                and f.state = 'waiting' and f.next_attempt_at > {now}
        )
        and {within}
    order by c.user_id, c.local_date, c.id
    limit ?6
)
group by user_id, local_date
order by user_id, local_date
