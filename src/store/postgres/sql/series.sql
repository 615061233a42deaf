-- series: $1 user, $2 how many. label: the name that people know a series by.
select
    {series} as series, {label} as label, unit, count(*) as days,
    min(local_date)::text as first_date, max(local_date)::text as last_date
from {aggregates}
where user_id = $1 and period = 'day'
group by {series}, unit
order by {series}, unit
limit $2
