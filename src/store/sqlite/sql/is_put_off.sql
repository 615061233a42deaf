-- Whether no attempt is to be made at a group now: ?1 user, ?2 date.
select exists (
    select 1 from failed_groups f
    where user_id = ?1 and domain = '{domain}' and local_date = ?2
        and case state
            when 'waiting' then next_attempt_at > {now}
            else not exists (
                select 1 from group_changes c
                where c.user_id = f.user_id and c.domain = f.domain and c.local_date = f.local_date
            )
        end
) as put_off
