-- What retention saw and did of each domain.
select domain, cast(strftime('%s', ran_at) as integer) as ran_at,
    coalesce(date(ran_at) >= date('now'), false) as ran_today,
    refused, cast(strftime('%s', refused_since) as integer) as refused_since,
    waiting, allowance, removed, dead_groups, oldest_dead
from retention_runs
order by domain
