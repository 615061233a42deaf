-- The rejected rows of a group: ?1 user, ?2 date.
select cast(row_id as integer) as row_id, reason, poison
from rejected_rows
where user_id = ?1 and domain = '{domain}' and local_date = ?2
