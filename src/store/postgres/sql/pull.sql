-- The groups of the next changes, on one side of a user: $1 user, then $2 users,
-- $3 first date and $4 last date where {within} asks for them.
-- The limit and the age are parts of the text: of a bind the planner knows
-- nothing, so it would plan anew for each pull, which takes longer than the pull.
select user_id, local_date, sum(rows)::bigint as rows, count(*) as lines
from (
    select c.user_id, c.local_date, c.rows
    from group_changes c
    where c.domain = '{domain}' and c.user_id {side} $1
        and c.changed_at <= now() - make_interval(secs => {settle})
        and not exists (
            select from failed_groups f
            where f.user_id = c.user_id and f.domain = '{domain}' and f.local_date = c.local_date
                and f.state = 'waiting' and f.next_attempt_at > now()
        )
        {within}
    order by c.user_id, c.local_date, c.id
    limit {limit}
) as l
group by user_id, local_date
order by user_id, local_date
