-- Deletes the failure of a group: ?1 user, ?2 date.
delete from failed_groups
where user_id = ?1 and domain = '{domain}' and local_date = ?2
returning since, error
