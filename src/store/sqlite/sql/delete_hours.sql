-- Deletes the hour aggregates of a user's oldest days: ?1 user, ?2 the date before
-- which they are, ?3 days at most. Days that will be folded again keep theirs.
delete from {aggregates}
where user_id = ?1 and period = 'hour' and local_date in (
    select distinct local_date
    from {aggregates} a
    where user_id = ?1 and period = 'hour' and local_date < ?2
        and not exists (
            select 1 from group_changes c
            where c.user_id = ?1 and c.domain = '{domain}' and c.local_date = a.local_date
        )
        and not exists (
            select 1 from failed_groups f
            where f.user_id = ?1 and f.domain = '{domain}' and f.local_date = a.local_date
        )
    order by local_date
    limit ?3
)
