-- Deletes the changes that this transaction's own deletes made: $1 user, $2
-- domain, $3 date. Rows of a day touch few other days; those are sealed too.
delete from group_changes
where user_id = $1 and domain = $2 and local_date between $3 - 4 and $3 + 4
    and kind = 'delete' and changed_at = now()
