-- The groups that each worker folds now: after an unclean end, the suspects.
alter table worker_heartbeats add column folding text not null default '[]';

-- Every failed attempt, those of groups that succeeded later included.
create table aggregation_errors (
    id integer primary key,
    user_id integer not null,
    domain text not null,
    local_date text not null,
    failed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    -- Attempts counted against the group by then.
    attempts integer not null,
    error_class text not null,
    error text not null,
    worker text not null
);
create index aggregation_errors_group on aggregation_errors (user_id, domain, local_date);
create index aggregation_errors_failed_at on aggregation_errors (failed_at);
