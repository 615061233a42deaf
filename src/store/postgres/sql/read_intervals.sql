-- The raw rows that touch a day where the person was: $1 user, $2 and $3 the times
-- between which most of them begin, $4 and $5 the day's beginning and end, as if
-- it were in UTC, $6 the time at which the others begin, which are long. {columns}
-- are those that a fold reads.
select r.id, ({too_long})::smallint as too_long, {offset} as utc_offset_minutes, {columns}
from {raw} r
where r.user_id = $1 and r.{time} >= $2 and r.{time} < $3 and {touches}
union all
select r.id, ({too_long})::smallint as too_long, {offset} as utc_offset_minutes, {columns}
from {raw} r
where r.user_id = $1 and r.{time} >= $6 and r.{time} < $2
    and r.{end} - r.{time} > interval '30 minutes' and {touches}
