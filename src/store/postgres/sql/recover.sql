-- Forgets a failure: $1 user, $2 domain, $3 date.
delete from failed_groups where user_id = $1 and domain = $2 and local_date = $3
