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
        count(*) filter (where state = 'dead') as dead,
        -- A group that changed meanwhile is counted there.
        count(*) filter (where state = 'waiting' and not exists (
            select from group_changes c
            where c.user_id = f.user_id and c.domain = f.domain and c.local_date = f.local_date
        )) as waiting
    from failed_groups f
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
    coalesce(groups, 0) + coalesce(waiting, 0) as due,
    coalesce(dead, 0) as dead,
    extract(epoch from now() - oldest)::bigint as oldest
from unnest($1::text[]) with ordinality as d (domain, place)
    left join changed using (domain)
    left join failures using (domain)
    left join refused using (domain)
order by place
