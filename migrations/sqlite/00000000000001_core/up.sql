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

-- The newest version that was seen of each FHIR resource and the rows that it
-- gave: an older version never takes its place, and a corrected one takes the
-- rows of the one before with it.
create table resource_versions (
    -- Type and id: 'Observation/o1'.
    resource text not null,
    -- The user that the import was told, 0 for none: ids are unique within it.
    scope integer not null,
    -- '' for a deletion that does not say which source it is of.
    source text not null,
    last_updated text,
    version integer,
    -- Has no rows until a newer version comes.
    retracted integer not null default 0,
    -- JSON: domain, user, source_id, key and time of each row; null where
    -- nothing was seen yet.
    rows text,
    primary key (resource, scope, source)
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
    activity text not null,
    -- The groups that the worker folds now: after an unclean end, the suspects.
    folding text not null default '[]'
);

-- What was done to the raw rows of a group since it was folded: a group with
-- lines is pending. Triggers of the raw tables append lines; a fold deletes
-- exactly those that it read.
create table group_changes (
    id integer primary key,
    user_id integer not null,
    domain text not null,
    local_date text not null,
    kind text not null check (kind in ('insert', 'edit', 'delete', 'refold')),
    -- Rows of the group that wait because of the line.
    rows integer not null,
    changed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'))
);
-- A pull reads the changes of a domain in the order of their groups.
create index group_changes_group on group_changes (domain, user_id, local_date);

-- Groups whose fold failed. Their lines were taken out of group_changes.
create table failed_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    -- A dead group has used up its attempts; a new line gives it another.
    state text not null check (state in ('waiting', 'dead')),
    attempts integer not null,
    next_attempt_at text not null,
    error text not null,
    error_class text not null,
    -- Of the lines that were taken.
    rows integer not null,
    -- Whether an edit or a delete was among the lines.
    emptied integer not null default 0 check (emptied in (0, 1)),
    -- When the oldest of the lines was written.
    since text not null,
    updated_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, domain, local_date)
);
create index failed_groups_due on failed_groups (domain, next_attempt_at) where state = 'waiting';

-- Raw rows that a fold left out, and why.
create table rejected_rows (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    row_id text not null,
    reason text not null,
    -- The row made its group fail until it was left out.
    poison integer not null default 0 check (poison in (0, 1)),
    rejected_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    primary key (user_id, domain, local_date, row_id)
) without rowid;

-- Groups whose raw rows were removed by retention: their aggregates stay as
-- they are, and rows that come later are rejected.
create table sealed_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    sealed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    raw_rows integer not null,
    primary key (user_id, domain, local_date)
);

-- What retention saw and did of each domain: the clock of its last round, the
-- share of the day, and why it was refused.
create table retention_runs (
    domain text primary key,
    -- The machine's clock at the last round that was not refused.
    ran_at text,
    refused text,
    refused_since text,
    -- Groups that were old at the first round of that day, how many of them
    -- may be sealed on that day, and how many were.
    waiting integer not null default 0,
    allowance integer not null default 0,
    removed integer not null default 0,
    -- Old groups that are dead and keep their raw rows.
    dead_groups integer not null default 0,
    oldest_dead text
);

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

-- Commits of this program, and an id of the database. A note beside the file
-- holds both as well: a file that has fewer lost its WAL.
create table file_commits (
    only integer primary key default 1 check (only = 1),
    id text not null default (lower(hex(randomblob(16)))),
    commits integer not null default 0
);
insert into file_commits default values;
