-- Whether a group waits for its next attempt, or is dead and has no changes: $1
-- user, $2 domain, $3 date.
select exists (
    select from failed_groups f
    where f.user_id = $1 and f.domain = $2 and f.local_date = $3
        and case f.state
            when 'dead' then not exists (
                select from group_changes c
                where c.user_id = $1 and c.domain = $2 and c.local_date = $3
            )
            else f.next_attempt_at > now()
        end
) as put_off
