-- Adds a batch to the run history: ?1 id, ?2 worker, ?3 domain, ?4 how long before now
-- it began such as '-1.500 seconds', ?5 the same in milliseconds, then ?6 to ?11 the
-- counts and ?12 and ?13 the pool as JSON.
insert into aggregation_batches (
    id, worker, domain, started_at, duration_ms, rows_pulled, rows_completed, rows_rejected,
    groups_ok, groups_failed, groups_skipped, pool_before, pool_after
)
values (
    ?1, ?2, ?3, strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now', ?4), ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
)
