-- prune_history: $1 seconds that are kept, $2 lines deleted of each kind at most.
with errors as (
    delete from aggregation_errors where (user_id, id) in (
        select user_id, id
        from aggregation_errors
        where failed_at < now() - make_interval(secs => $1)
        order by failed_at
        limit $2
    )
    returning 1
),
batches as (
    delete from aggregation_batches where id in (
        select id
        from aggregation_batches
        where started_at < now() - make_interval(secs => $1)
        order by started_at
        limit $2
    )
    returning 1
)
select greatest((select count(*) from errors), (select count(*) from batches)) as deleted
