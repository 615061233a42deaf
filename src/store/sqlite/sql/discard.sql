-- Rejects the raw rows that touch a group's day and came since it was folded last: ?1
-- user, ?2 and ?3 the times between which they begin, ?4 the day, ?5 when the first of
-- them came, ?6 reason. Rows that are rejected keep their reason.
insert into rejected_rows (user_id, domain, local_date, row_id, reason)
select r.user_id, '{domain}', ?4, r.id, ?6
from {raw} r
where r.user_id = ?1 and r.{time} >= ?2 and r.{time} < ?3 and r.created_at >= ?5
    and {first} <= ?4 and {last} >= ?4
on conflict (user_id, domain, local_date, row_id) do nothing
