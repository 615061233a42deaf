-- Writes rejections of a group: $1 user, $2 domain, $3 date, then $4 row ids, $5
-- reasons and whether they are poison.
insert into rejected_rows as j (user_id, domain, local_date, row_id, reason, poison)
select $1, $2, $3, s.row_id::text, s.reason, s.poison
from unnest($4::bigint[], $5::text[], $6::boolean[]) as s (row_id, reason, poison)
on conflict (user_id, domain, local_date, row_id) do update
set reason = excluded.reason, poison = excluded.poison, rejected_at = excluded.rejected_at
