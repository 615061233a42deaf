-- The raw rows that touch a day where the person was: ?1 user, ?2 and ?3 the times
-- between which most of them begin, ?4 the day, ?5 the time at which the others
-- begin, which are long. {columns} are those that a fold reads.
select r.id, {too_long} as too_long, r.utc_offset_minutes, {columns}
from {raw} r
where r.user_id = ?1 and r.{time} >= ?2 and r.{time} < ?3 and {first} <= ?4 and {last} >= ?4
union all
select r.id, {too_long} as too_long, r.utc_offset_minutes, {columns}
from {raw} r
where r.user_id = ?1 and r.{time} >= ?5 and r.{time} < ?2
    and strftime('%s', r.{end}) - strftime('%s', r.{time}) >= 1800
    and {first} <= ?4 and {last} >= ?4
