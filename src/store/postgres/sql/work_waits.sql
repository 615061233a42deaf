-- A condition: {domains} is a list of names, {settle} the seconds that changes
-- must be old.
exists (
    select from group_changes c
    where c.domain in ({domains}) and c.changed_at <= now() - make_interval(secs => {settle})
        and not exists (
            select from failed_groups f
            where f.user_id = c.user_id and f.domain = c.domain and f.local_date = c.local_date
                and f.state = 'waiting' and f.next_attempt_at > now()
        )
)
or exists (
    select from failed_groups
    where domain in ({domains}) and state = 'waiting' and next_attempt_at <= now()
)
