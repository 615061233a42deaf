-- delete_hours: $1 user, $2 first date that is kept, $3 days at most. Days that
-- are to be folded again keep their hours until they are.
with old as (
    select distinct local_date
    from {aggregates} a
    where user_id = $1 and period = 'hour' and local_date < $2
        and not exists (
            select from group_changes c
            where c.user_id = $1 and c.domain = '{domain}' and c.local_date = a.local_date
        )
        and not exists (
            select from failed_groups f
            where f.user_id = $1 and f.domain = '{domain}' and f.local_date = a.local_date
        )
    order by local_date
    limit $3
)
delete from {aggregates}
where user_id = $1 and period = 'hour' and local_date in (select local_date from old)
