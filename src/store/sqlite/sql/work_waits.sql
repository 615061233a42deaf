-- Whether there is work: ?1 domains as JSON, ?2 the age that changes must have
-- such as '-5.000 seconds'.
select exists (
    select 1 from group_changes c
    where c.domain in (select value from json_each(?1))
        and c.changed_at <= strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?2)
        and not exists (
            select 1 from failed_groups f
            where f.user_id = c.user_id and f.domain = c.domain and f.local_date = c.local_date
                and f.state = 'waiting' and f.next_attempt_at > strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')
        )
) or exists (
    select 1 from failed_groups
    where domain in (select value from json_each(?1)) and state = 'waiting'
        and next_attempt_at <= strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')
) as waits
