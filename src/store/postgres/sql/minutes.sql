-- history: sums over the batches of each minute of the last hour.
select
    to_char(minute at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI":00Z"') as minute,
    domain,
    sum(rows_completed + rows_rejected)::bigint as rows,
    sum(groups_ok)::bigint as groups_ok,
    sum(groups_failed)::bigint as groups_failed
from (
    select date_trunc('minute', started_at) as minute, domain, rows_completed, rows_rejected, groups_ok, groups_failed
    from aggregation_batches
    where started_at > now() - interval '1 hour'
) b
group by b.minute, domain
order by b.minute, domain
