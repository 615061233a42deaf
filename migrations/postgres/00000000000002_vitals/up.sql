create table raw_vitals (
    user_id bigint not null,
    id bigint generated always as identity,
    metric text not null,
    value double precision,
    unit text,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was; sleep from 18:00 on counts to the next.
    local_date date not null generated always as ((((started_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes + case when metric in (
        'sleep', 'sleep_core', 'sleep_deep', 'sleep_rem', 'sleep_awake', 'sleep_in_bed',
        'HKCategoryTypeIdentifierSleepAnalysis', 'HKCategoryValueSleepAnalysisInBed',
        'HKCategoryValueSleepAnalysisAsleep', 'HKCategoryValueSleepAnalysisAsleepUnspecified',
        'HKCategoryValueSleepAnalysisAsleepCore', 'HKCategoryValueSleepAnalysisAsleepDeep',
        'HKCategoryValueSleepAnalysisAsleepREM', 'HKCategoryValueSleepAnalysisAwake',
        '93832-4', '93831-6', '93830-8', '93829-0'
    ) then 360 else 0 end))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(started_at), 'hex') || left(md5(
                quote_nullable(metric)
                || coalesce(encode(float8send(value), 'hex'), 'NULL')
                || quote_nullable(unit)
                || encode(timestamptz_send(ended_at), 'hex')
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(metric))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (started_at >= '0001-01-01 00:00:00+00' and started_at < '9999-12-31 00:00:00+00'),
    check (ended_at >= '0001-01-01 00:00:00+00' and ended_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_vitals_identity on raw_vitals (user_id, identity);
create index raw_vitals_group on raw_vitals (user_id, local_date);
create index raw_vitals_pending on raw_vitals (user_id, local_date) where status = 'pending';
create index raw_vitals_refused on raw_vitals (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_vitals() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.ended_at := coalesce(new.ended_at, new.started_at);
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.started_at));
    return new;
end
$$;
create trigger raw_vitals_complete before insert on raw_vitals
    for each row when (new.utc_offset_minutes is null or new.ended_at is null) execute function vitalfold_complete_raw_vitals();
create trigger raw_vitals_edited after update of metric, value, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
    for each row when ((old.metric, old.value, old.unit, old.started_at, old.ended_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.metric, new.value, new.unit, new.started_at, new.ended_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('vitals');
create trigger raw_vitals_deleted after delete on raw_vitals
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('vitals');

create table vitals_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    metric text not null,
    unit text not null,
    "count" bigint not null,
    "total" double precision,
    "value_sum" double precision not null,
    "mean" double precision not null,
    "min" double precision not null,
    "max" double precision not null,
    "first" double precision not null,
    "last" double precision not null,
    "hours_covered" bigint,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, metric, unit)
);
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';
