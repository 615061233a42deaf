-- insert_raw: $1 users, $2 offsets, $3 sources, $4 source ids, $5 devices, $6
-- notes, from $7 on an array for each payload column. names: those columns;
-- arrays: their parameters; values: their values as the table takes them; old
-- and new: what a correction may change; set: its assignments.
with given as (
    select *
    from unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], {arrays})
        with ordinality
        as g (user_id, utc_offset_minutes, source, source_id, device, note, {names}, position)
),
-- One statement cannot touch a row twice: of rows that are the same the last
-- one counts. Rows without a source_id are all new.
last as (
    select max(position) as position
    from given
    group by user_id, source, source_id, {key}, {time}, case when source_id is null then position end
),
stored as (
    insert into {raw} as r (user_id, utc_offset_minutes, source, source_id, device, note, {names})
    select user_id, utc_offset_minutes, source, source_id, device, note, {values}
    from given join last using (position)
    order by position
    on conflict (user_id, source, source_id, ({key}), {time}) where source_id is not null
        do update set {set} where ({old}) is distinct from ({new})
    -- A row that was there keeps its time of arrival. Partitioned tables and views
    -- do not show xmax.
    returning r.created_at >= now() as inserted
)
select count(*) filter (where inserted) as inserted, count(*) filter (where not inserted) as corrected
from stored
