-- Rejects the raw rows that touch a group's day and came since it was folded last:
-- $1 user, $2 and $3 the times between which they begin, $4 and $5 the day's
-- beginning and end, as if it were in UTC, $6 domain, $7 date, $8 when the first of
-- them came, $9 reason.
insert into rejected_rows (user_id, domain, local_date, row_id, reason)
select r.user_id, $6, $7, r.id::text, $9
from {raw} r
where r.user_id = $1 and r.{time} >= $2 and r.{time} < $3 and r.created_at >= $8 and {touches}
on conflict do nothing
