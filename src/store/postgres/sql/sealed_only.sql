-- Whether a raw row r of user $1 touches sealed days only.
not exists (
    select from generate_series(0, {last} - {first}) as days
    where not exists (
        select from sealed_groups s
        where s.user_id = $1 and s.domain = '{domain}' and s.local_date = {first} + days
    )
)
