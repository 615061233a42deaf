-- Makes a failed group due with all its attempts: ?1 user, ?2 date.
update failed_groups
set state = 'waiting', attempts = 0, next_attempt_at = {now}, updated_at = {now}
where user_id = ?1 and domain = '{domain}' and local_date = ?2
