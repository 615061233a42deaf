-- What the application would have without vitalfold: the same rows with their
-- key and an index for the time.
create table bare (
    user_id bigint not null,
    id bigint generated always as identity,
    metric text not null,
    value double precision,
    unit text,
    started_at timestamptz not null,
    ended_at timestamptz,
    utc_offset_minutes smallint,
    source text not null default '',
    source_id text,
    device text,
    note text,
    created_at timestamptz not null default now(),
    primary key (user_id, id)
);
create index bare_time on bare (user_id, started_at);
insert into bare (user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, source, source_id, device, note)
select user_id, metric, value, unit, started_at, ended_at, utc_offset_minutes, source, source_id, device, note
from raw_vitals order by user_id, id;
