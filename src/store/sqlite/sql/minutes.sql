-- Sums over the batches of the last hour, by the minute in which they began.
select replace(substr(started_at, 1, 16), ' ', 'T') || ':00Z' as minute, domain,
    sum(rows_completed + rows_rejected) as "rows", sum(groups_ok) as groups_ok,
    sum(groups_failed) as groups_failed
from aggregation_batches
where started_at > strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', '-1 hour')
group by 1, 2
order by 1, 2
