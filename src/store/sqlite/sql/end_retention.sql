-- Counts the dead groups that are old: ?1 first date that is kept.
update retention_runs
set (dead_groups, oldest_dead) = (
    select count(*), min(local_date) from failed_groups
    where domain = '{domain}' and state = 'dead' and local_date < ?1
)
where domain = '{domain}'
