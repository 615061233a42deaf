-- Deletes exactly the changes that were read: $1 user, $2 domain, $3 date, $4 ids.
delete from group_changes
where user_id = $1 and domain = $2 and local_date = $3 and id = any($4::bigint[])
