-- Deletes raw rows that touch sealed days only: ?1 user, ?2 ids as JSON.
delete from {raw} as r
where r.user_id = ?1 and r.id in (select value from json_each(?2))
    and not exists (
        select 1
        from (select 0 as day union all select 1 union all select 2 union all select 3) d
        where date({first}, d.day || ' days') <= {last}
            and not exists (
                select 1 from sealed_groups s
                where s.user_id = ?1 and s.domain = '{domain}'
                    and s.local_date = date({first}, d.day || ' days')
            )
    )
