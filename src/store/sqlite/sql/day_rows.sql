-- A user's day aggregates: ?1 user, ?2 first and ?3 last date.
select period, local_date, period_start, {series} as series, unit, {columns}
from {aggregates}
where user_id = ?1 and period = 'day' and local_date between ?2 and ?3
