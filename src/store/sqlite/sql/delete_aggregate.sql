-- Deletes an aggregate: ?1 user, ?2 kind of period, ?3 its first date, ?4 its start,
-- ?5 series, ?6 unit. One by one: SQLite takes no arrays.
delete from {aggregates}
where user_id = ?1 and period = ?2 and local_date = ?3 and period_start = ?4 and {series} = ?5
    and unit = ?6
