-- The rejected rows of a group: $1 user, $2 domain, $3 date.
select row_id::bigint as row_id, reason, poison
from rejected_rows
where user_id = $1 and domain = $2 and local_date = $3
