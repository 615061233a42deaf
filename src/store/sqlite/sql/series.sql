-- The series of a user that have day aggregates: ?1 user, ?2 series at most. {label}
-- is the name that people know one by.
select {series} as series, {label} as label, unit, count(*) as days,
    min(local_date) as first_date, max(local_date) as last_date
from {aggregates}
where user_id = ?1 and period = 'day'
group by {series}, unit
order by {series}, unit
limit ?2
