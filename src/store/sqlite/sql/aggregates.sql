-- Aggregates of a user: ?1 user, ?2 kind of period, ?3 series or null, ?4 first and ?5
-- last date or null.
select period, local_date, period_start, {series} as series, unit, {columns}
from {aggregates}
where user_id = ?1 and period = ?2 and (?3 is null or {series} = ?3)
    and (?4 is null or local_date >= ?4) and (?5 is null or local_date <= ?5)
order by {series}, unit, local_date, period_start
