-- Hours from the last round of retention to now, or from the newest row of each
-- table. By its id, which costs no scan: SQLite has no index of arrival either.
select last.ran_at is not null as by_round,
    (julianday('now') - coalesce(julianday(last.ran_at), (
        select max(julianday(at)) from (
            select at from (select created_at as at from raw_vitals order by id desc limit 1)
            union all
            select at from (select created_at as at from raw_labs order by id desc limit 1)
            union all
            select at from (select created_at as at from raw_nutrition order by id desc limit 1)
            union all
            select max(sealed_at) from sealed_groups
        )
    ))) * 24 as hours
from (select max(ran_at) as ran_at from retention_runs) last
