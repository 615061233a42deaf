-- The aggregates of one period: ?1 user, ?2 kind of period, ?3 its first date. {more}
-- columns begin with a comma.
select period, local_date, period_start, {series} as series, unit{more}
from {aggregates}
where user_id = ?1 and period = ?2 and local_date = ?3
