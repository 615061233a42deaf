-- The groups that each worker folds now: after an unclean end, the suspects.
alter table worker_heartbeats add column folding jsonb not null default '[]';

-- Every failed attempt, those of groups that succeeded later included.
create table aggregation_errors (
    user_id bigint not null,
    id bigint generated always as identity,
    domain text not null,
    local_date date not null,
    failed_at timestamptz not null default now(),
    -- Attempts counted against the group by then.
    attempts integer not null,
    error_class text not null,
    error text not null,
    worker text not null,
    primary key (user_id, id)
);
create index aggregation_errors_group on aggregation_errors (user_id, domain, local_date);
create index aggregation_errors_failed_at on aggregation_errors (failed_at);
