-- The raw rows that lie on a day where the person was: $1 user, $2 and $3 the
-- times between which they begin, $4 and $5 the day's beginning and end, as if it
-- were in UTC. {columns} are those that a fold reads.
select r.id, ({too_long})::smallint as too_long, {offset} as utc_offset_minutes, {columns}
from {raw} r
where r.user_id = $1 and r.{time} >= $2 and r.{time} < $3
    and {touches}
order by r.{time}
