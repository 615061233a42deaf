create table raw_labs (
    user_id bigint not null,
    id bigint generated always as identity,
    code text,
    name text not null,
    category text,
    value text,
    unit text,
    reference_range text,
    interpretation text,
    collected_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was.
    local_date date not null generated always as ((((collected_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(collected_at), 'hex') || left(md5(
                quote_nullable(code)
                || quote_nullable(name)
                || quote_nullable(category)
                || quote_nullable(value)
                || quote_nullable(unit)
                || quote_nullable(reference_range)
                || quote_nullable(interpretation)
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(coalesce(code, name)))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (collected_at >= '0001-01-01 00:00:00+00' and collected_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_labs_identity on raw_labs (user_id, identity);
create index raw_labs_group on raw_labs (user_id, local_date);
create index raw_labs_pending on raw_labs (user_id, local_date) where status = 'pending';
create index raw_labs_refused on raw_labs (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_labs() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.collected_at));
    return new;
end
$$;
create trigger raw_labs_complete before insert on raw_labs
    for each row when (new.utc_offset_minutes is null) execute function vitalfold_complete_raw_labs();
create trigger raw_labs_edited after update of code, name, category, value, unit, reference_range, interpretation, collected_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_labs
    for each row when ((old.code, old.name, old.category, old.value, old.unit, old.reference_range, old.interpretation, old.collected_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.code, new.name, new.category, new.value, new.unit, new.reference_range, new.interpretation, new.collected_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('labs');
create trigger raw_labs_deleted after delete on raw_labs
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('labs');

create table lab_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    analyte text not null,
    unit text not null,
    "code" text,
    "name" text not null,
    "count" bigint not null,
    "numeric_count" bigint not null,
    "below_count" bigint not null,
    "above_count" bigint not null,
    "value_sum" double precision,
    "mean" double precision,
    "min" double precision,
    "max" double precision,
    "first" double precision,
    "last" double precision,
    "first_text" text not null,
    "last_text" text not null,
    "text_values" jsonb not null,
    "reference_low" double precision,
    "reference_high" double precision,
    "flag" text not null,
    "worst_flag" text not null,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, analyte, unit)
);
create view labs_daily as select * from lab_aggregates where period = 'day';
create view labs_monthly as select * from lab_aggregates where period = 'month';
create view labs_quarterly as select * from lab_aggregates where period = 'quarter';
create view labs_yearly as select * from lab_aggregates where period = 'year';
