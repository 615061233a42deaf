-- The raw rows that touch a day where the person was: ?1 user, ?2 and ?3 the times
-- between which they begin, ?4 the day. {columns} are those that a fold reads.
select r.id, {too_long} as too_long, r.utc_offset_minutes, {columns}
from {raw} r
where r.user_id = ?1 and r.{time} >= ?2 and r.{time} < ?3 and {first} = ?4
