-- Deletes the changes of a group: ?1 user, ?2 date.
delete from group_changes where user_id = ?1 and domain = '{domain}' and local_date = ?2
