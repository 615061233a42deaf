-- What only a comparator says is lost: bounds would be taken for values.
-- Every row is rewritten, which takes as long as it takes.
set local statement_timeout = 0;
drop view vitals_monthly;
drop view vitals_weekly;
drop view vitals_daily;
drop view vitals_hourly;
delete from vitals_aggregates where below_count > 0 or above_count > 0;
alter table vitals_aggregates
    drop column below_count,
    drop column above_count,
    drop column min_comparator,
    drop column max_comparator,
    drop column first_comparator,
    drop column last_comparator,
    alter column "mean" set not null,
    alter column "min" set not null,
    alter column "max" set not null,
    alter column "first" set not null,
    alter column "last" set not null;
create view vitals_hourly as select * from vitals_aggregates where period = 'hour';
create view vitals_daily as select * from vitals_aggregates where period = 'day';
create view vitals_weekly as select * from vitals_aggregates where period = 'week';
create view vitals_monthly as select * from vitals_aggregates where period = 'month';

drop trigger raw_vitals_edited on raw_vitals;
-- Marks their groups, to be folded without them.
delete from raw_vitals where comparator is not null;
alter table raw_vitals
    drop column identity,
    drop column comparator,
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
            ), 16)
        else
            md5('id' || quote_nullable(source) || quote_nullable(source_id) || quote_nullable(metric))
        end
    )::uuid) stored;
create unique index raw_vitals_identity on raw_vitals (user_id, identity);
create trigger raw_vitals_edited after update of metric, value, unit, started_at, ended_at, source, device, note, source_id, utc_offset_minutes, user_id on raw_vitals
    for each row when ((old.metric, old.value, old.unit, old.started_at, old.ended_at, old.source, old.device, old.note, old.source_id, old.utc_offset_minutes, old.user_id) is distinct from (new.metric, new.value, new.unit, new.started_at, new.ended_at, new.source, new.device, new.note, new.source_id, new.utc_offset_minutes, new.user_id))
    execute function vitalfold_mark_edited('vitals');
