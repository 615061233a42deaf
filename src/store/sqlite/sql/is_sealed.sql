-- Whether a group is sealed: ?1 user, ?2 date.
select exists (
    select 1 from sealed_groups where user_id = ?1 and domain = '{domain}' and local_date = ?2
) as found
