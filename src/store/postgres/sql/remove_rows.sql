-- Deletes raw rows that touch sealed days only: $1 user, $2 ids.
delete from {raw} r
where r.user_id = $1 and r.id = any($2) and {sealed_only}
