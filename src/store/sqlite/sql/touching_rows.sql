-- The raw rows that touch a day where the person was: ?1 user, ?2 and ?3 the times
-- between which they begin, ?4 the day.
select r.id
from {raw} r
where r.user_id = ?1 and r.{time} >= ?2 and r.{time} < ?3 and {first} <= ?4 and {last} >= ?4
