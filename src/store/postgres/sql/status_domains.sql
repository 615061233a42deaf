-- status: $1 domains. One line for each, in their order.
with changed as (
    select domain, sum(rows)::bigint as pending, count(*) as groups, min(oldest) as oldest
    from (
        select domain, user_id, local_date, sum(rows) as rows, min(changed_at) as oldest
        from group_changes
        where domain = any($1)
        group by domain, user_id, local_date
    ) g
    group by domain
),
failures as (
    select
        domain,
        sum(rows)::bigint as failed,
        count(*) filter (where state = 'waiting') as waiting,
        count(*) filter (where state = 'dead') as dead
    from failed_groups
    where domain = any($1)
    group by domain
),
refused as (
    select domain, count(*) as rejected from rejected_rows where domain = any($1) group by domain
)
select
    coalesce(pending, 0) as pending,
    coalesce(failed, 0) as failed,
    coalesce(rejected, 0) as rejected,
    coalesce(groups, 0) as pending_groups,
    coalesce(waiting, 0) as waiting,
    coalesce(dead, 0) as dead,
    extract(epoch from now() - oldest)::bigint as oldest
from unnest($1::text[]) with ordinality as d (domain, place)
    left join changed using (domain)
    left join failures using (domain)
    left join refused using (domain)
order by place
