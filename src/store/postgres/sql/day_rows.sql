-- The day aggregates that coarser periods are folded from: $1 user, $2 first
-- date, $3 last date, $4 date, $5 domain. Whether the group is sealed is on every
-- line; without day aggregates it comes alone. {columns} are the measures.
select g.sealed, period, a.local_date, period_start, {series} as series, unit, {columns}
from (
    select exists (
        select from sealed_groups where user_id = $1 and domain = $5 and local_date = $4
    ) as sealed
) as g
    left join {aggregates} as a
        on user_id = $1 and period = 'day' and a.local_date between $2 and $3
