-- Whether a group has changes: ?1 user, ?2 date.
select exists (
    select 1 from group_changes where user_id = ?1 and domain = '{domain}' and local_date = ?2
) as found
