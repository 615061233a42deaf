-- Zones of users whose rows arrive without an offset.
create table user_time_zones (
    user_id bigint primary key,
    -- The server refuses a name that it does not know.
    time_zone text not null check (timezone(time_zone, timestamp '2000-01-01') is not null)
);

-- Patient references of imported files and the user ids they stand for.
create table patient_users (
    reference text primary key,
    user_id bigint not null
);

-- One row: what every worker obeys.
create table worker_control (
    id smallint primary key default 1 check (id = 1),
    paused boolean not null default false,
    paused_at timestamptz,
    default_time_zone text not null default 'UTC'
);
insert into worker_control default values;

-- Who runs. Nothing but status depends on it.
create table worker_heartbeats (
    worker text primary key,
    mode text not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    activity text not null
);

-- A row exists only while a group must be folded again (due) or has used up
-- its attempts (dead).
create table aggregation_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    state text not null default 'due' check (state in ('due', 'dead')),
    -- Rises with every mark. Begins at the clock's microseconds, so that a mark
    -- set after another was deleted is never taken for it.
    version bigint not null default (extract(epoch from now()) * 1000000)::bigint,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    error text,
    error_class text,
    updated_at timestamptz not null default now(),
    primary key (user_id, domain, local_date)
);
create index aggregation_groups_due on aggregation_groups (domain, next_attempt_at) where state = 'due';

-- Run history.
create table aggregation_batches (
    id uuid primary key,
    worker text not null,
    domain text not null,
    started_at timestamptz not null,
    duration_ms bigint not null,
    rows_pulled bigint not null,
    rows_completed bigint not null,
    rows_rejected bigint not null,
    groups_ok bigint not null,
    groups_failed bigint not null,
    groups_skipped bigint not null,
    pool_before jsonb not null,
    pool_after jsonb not null
);
create index aggregation_batches_started_at on aggregation_batches (started_at);

-- Minutes east of UTC at an instant, in the user's zone, else the default one.
create function vitalfold_utc_offset(p_user_id bigint, p_at timestamptz) returns smallint
language sql stable as $$
    select (extract(epoch from (p_at at time zone zone.name) - (p_at at time zone 'UTC')) / 60)::smallint
    from (
        select coalesce(
            (select time_zone from user_time_zones where user_id = p_user_id),
            (select default_time_zone from worker_control)
        ) as name
    ) as zone
$$;

-- Marks the group of an edited raw row, where it was and where it is now. A
-- waiting retry keeps its time; a dead group gets a new chance.
create function vitalfold_mark_edited() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into aggregation_groups as g (user_id, domain, local_date)
    select distinct k.user_id, tg_argv[0], k.local_date
    from (values (old.user_id, old.local_date), (new.user_id, new.local_date)) as k (user_id, local_date)
    order by k.user_id, k.local_date
    on conflict (user_id, domain, local_date) do update set
        version = greatest(g.version + 1, excluded.version),
        state = 'due',
        attempts = case g.state when 'dead' then 0 else g.attempts end,
        next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
        updated_at = excluded.updated_at;
    return null;
end
$$;

-- Marks the groups of deleted raw rows, once per statement and group.
create function vitalfold_mark_deleted() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    insert into aggregation_groups as g (user_id, domain, local_date)
    select distinct deleted.user_id, tg_argv[0], deleted.local_date
    from deleted
    order by deleted.user_id, deleted.local_date
    on conflict (user_id, domain, local_date) do update set
        version = greatest(g.version + 1, excluded.version),
        state = 'due',
        attempts = case g.state when 'dead' then 0 else g.attempts end,
        next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
        updated_at = excluded.updated_at;
    return null;
end
$$;
