-- Whether a raw row r touches sealed days only.
not exists (
    select 1
    from (select 0 as day union all select 1 union all select 2 union all select 3) d
    where date({first}, d.day || ' days') <= {last}
        and not exists (
            select 1 from sealed_groups s
            where s.user_id = r.user_id and s.domain = '{domain}'
                and s.local_date = date({first}, d.day || ' days')
        )
)
