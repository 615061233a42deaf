-- Values of which only a bound is known: `<40`, or `HI` where a meter has no
-- number to show.
-- Every row is rewritten, which takes as long as it takes.
set local statement_timeout = 0;
drop trigger raw_vitals_edited on raw_vitals;
-- In one statement, so that the table is rewritten once: a generated column
-- cannot take another expression. Rows without a comparator keep their identity.
alter table raw_vitals
    add column comparator text check (comparator in ('<', '<=', '>', '>=')),
    drop column identity,
    -- What makes a re-sent row the same row. It begins with the time where
    -- that is part of it: a day's rows are neighbours in the index.
    add column identity uuid not null generated always as ((
        case when source_id is null then
            encode(timestamptz_send(started_at), 'hex') || left(md5(
                quote_nullable(metric)
                || coalesce(encode(float8send(value), 'hex'), 'NULL')
                || quote_nullable(unit)
                || encode(timestamptz_send(ended_at), 'hex')
                || quote_nullable(source)
                || quote_nullable(device)
                || quote_nullable(note)
                || coalesce('c' || quote_literal(comparator), '')
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(metric))
        end
    )::uuid) stored;
create unique index raw_vitals_identity on raw_vitals (user_id, identity);
create trigger raw_vitals_edited after update of metric, value, comparator, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
    for each row when ((old.metric, old.value, old.comparator, old.unit, old.started_at, old.ended_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.metric, new.value, new.comparator, new.unit, new.started_at, new.ended_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('vitals');

-- Where every sample is a bound there is no mean, and where a meter shows no
-- number there is no least, greatest, first or last one.
alter table vitals_aggregates
    alter column "mean" drop not null,
    alter column "min" drop not null,
    alter column "max" drop not null,
    alter column "first" drop not null,
    alter column "last" drop not null,
    add column below_count bigint not null default 0,
    add column above_count bigint not null default 0,
    add column min_comparator text,
    add column max_comparator text,
    add column first_comparator text,
    add column last_comparator text;
-- Replaced, so that grants on them stay.
create or replace view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create or replace view vitals_daily as select * from vitals_aggregates where period = 'day';
create or replace view vitals_weekly as select * from vitals_aggregates where period = 'week';
create or replace view vitals_monthly as select * from vitals_aggregates where period = 'month';
