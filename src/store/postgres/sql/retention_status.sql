-- retention: what retention saw and did of each domain.
select
    domain,
    extract(epoch from ran_at)::bigint as ran_at,
    coalesce((ran_at at time zone 'UTC')::date >= (now() at time zone 'UTC')::date, false) as ran_today,
    refused,
    extract(epoch from refused_since)::bigint as refused_since,
    waiting, allowance, removed, dead_groups,
    oldest_dead::text as oldest_dead
from retention_runs
order by domain
