-- aggregates: $1 user, $2 period, $3 series, $4 first and $5 last date, each null
-- for any. columns: those of the measure.
select period, local_date, period_start, {series} as series, unit, {columns}
from {aggregates}
where user_id = $1 and period = $2
    and ($3::text is null or {series} = $3)
    and ($4::date is null or local_date >= $4)
    and ($5::date is null or local_date <= $5)
order by {series}, unit, local_date, period_start
