-- Deletes what the periods of a group no longer have: $1 user, $2 periods, $3
-- dates, $4 to $8 keys that stay.
-- Sets are compared as sets: a join with them might be one of every row with
-- every row, because nothing is known of their size.
delete from {aggregates} as a
using (
    select a.period, a.local_date, a.period_start, a.{series} as series, a.unit
    from unnest($2::text[], $3::date[]) as p (period, local_date)
        join {aggregates} as a
            on a.user_id = $1 and a.period = p.period and a.local_date = p.local_date
    except all
    select {keys}
) as v
where a.user_id = $1 and a.period = v.period and a.local_date = v.local_date
    and a.period_start = v.period_start and a.{series} = v.series and a.unit = v.unit
