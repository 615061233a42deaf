-- end_retention: $1 domain, $2 first date that is kept.
update retention_runs
set (dead_groups, oldest_dead) = (
    select count(*), min(local_date)
    from failed_groups
    where domain = $1 and state = 'dead' and local_date < $2
)
where domain = $1
