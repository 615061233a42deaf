-- The raw rows that touch a day where the person was: $1 user, $2 and $3 the times
-- between which they begin, $4 and $5 the day's beginning and end, as if it were in
-- UTC.
select r.id
from {raw} r
where r.user_id = $1 and r.{time} >= $2 and r.{time} < $3 and {touches}
