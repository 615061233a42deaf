-- Zones of users whose rows arrive without an offset.
create table user_time_zones (
    user_id integer primary key,
    time_zone text not null
);

-- Patient references of imported files and the user ids they stand for.
create table patient_users (
    reference text primary key,
    user_id integer not null
);

-- One row: what every worker obeys.
create table worker_control (
    id integer primary key default 1 check (id = 1),
    paused integer not null default 0,
    paused_at text,
    default_time_zone text not null default 'UTC'
);
insert into worker_control default values;

-- Who runs. Nothing but status depends on it.
create table worker_heartbeats (
    worker text primary key,
    mode text not null,
    started_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    seen_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    activity text not null
);

-- A row exists only while a group must be folded again (due) or has used up
-- its attempts (dead).
create table aggregation_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    state text not null default 'due' check (state in ('due', 'dead')),
    version integer not null default 1,
    attempts integer not null default 0,
    next_attempt_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    error text,
    error_class text,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, domain, local_date)
);
create index aggregation_groups_due on aggregation_groups (domain, next_attempt_at) where state = 'due';

-- Run history.
create table aggregation_batches (
    id text primary key,
    worker text not null,
    domain text not null,
    started_at text not null,
    duration_ms integer not null,
    rows_pulled integer not null,
    rows_completed integer not null,
    rows_rejected integer not null,
    groups_ok integer not null,
    groups_failed integer not null,
    groups_skipped integer not null,
    pool_before text not null,
    pool_after text not null
);
create index aggregation_batches_started_at on aggregation_batches (started_at);
