create table raw_nutrition (
    user_id bigint not null,
    id bigint generated always as identity,
    nutrient text not null,
    amount double precision,
    unit text,
    -- Breakfast, lunch, … as the source calls it.
    meal text,
    eaten_at timestamptz not null,
    -- Minutes east of UTC; derived from the user's zone when not given.
    utc_offset_minutes smallint not null,
    -- The calendar day where the person was.
    local_date date not null generated always as ((((eaten_at at time zone 'UTC') + make_interval(mins => utc_offset_minutes))::date)) stored,
    source text not null default '',
    source_id text,
    device text,
    note text,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(eaten_at), 'hex') || left(md5(
                quote_nullable(nutrient)
                || coalesce(encode(float8send(amount), 'hex'), 'NULL')
                || quote_nullable(unit)
                || quote_nullable(meal)
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(nutrient))
        end
    )::uuid) stored,
    status text not null default 'pending' check (status in ('pending', 'completed', 'failed', 'rejected')),
    attempts integer not null default 0,
    error text,
    created_at timestamptz not null default now(),
    aggregated_at timestamptz,
    check (eaten_at >= '0001-01-01 00:00:00+00' and eaten_at < '9999-12-31 00:00:00+00'),
    primary key (user_id, id)
);
-- Finds a re-sent row. Without the date: a row sent again from another time
-- zone is still the same row.
create unique index raw_nutrition_identity on raw_nutrition (user_id, identity);
create index raw_nutrition_group on raw_nutrition (user_id, local_date);
create index raw_nutrition_pending on raw_nutrition (user_id, local_date) where status = 'pending';
create index raw_nutrition_refused on raw_nutrition (user_id, local_date) where status in ('failed', 'rejected');

create function vitalfold_complete_raw_nutrition() returns trigger
language plpgsql security definer set search_path from current as $$
begin
    new.utc_offset_minutes := coalesce(new.utc_offset_minutes, vitalfold_utc_offset(new.user_id, new.eaten_at));
    return new;
end
$$;
create trigger raw_nutrition_complete before insert on raw_nutrition
    for each row when (new.utc_offset_minutes is null) execute function vitalfold_complete_raw_nutrition();
create trigger raw_nutrition_edited after update of nutrient, amount, unit, meal, eaten_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_nutrition
    for each row when ((old.nutrient, old.amount, old.unit, old.meal, old.eaten_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.nutrient, new.amount, new.unit, new.meal, new.eaten_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('nutrition');
create trigger raw_nutrition_deleted after delete on raw_nutrition
    referencing old table as deleted
    for each statement execute function vitalfold_mark_deleted('nutrition');

create table nutrition_aggregates (
    user_id bigint not null,
    period text not null,
    local_date date not null,
    period_start timestamptz not null,
    nutrient text not null,
    unit text not null,
    "count" bigint not null,
    "total" double precision not null,
    "value_sum" double precision not null,
    "mean" double precision not null,
    "min" double precision not null,
    "max" double precision not null,
    "first" double precision not null,
    "last" double precision not null,
    "meals" jsonb not null,
    "days_covered" bigint,
    "sources" jsonb not null,
    "rejected_count" bigint not null,
    algorithm_version integer not null,
    updated_at timestamptz not null default now(),
    primary key (user_id, period, local_date, period_start, nutrient, unit)
);
create view nutrition_daily as select * from nutrition_aggregates where period = 'day';
create view nutrition_weekly as select * from nutrition_aggregates where period = 'week';
create view nutrition_monthly as select * from nutrition_aggregates where period = 'month';
