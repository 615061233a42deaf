-- clock: hours since the last round, else since the newest arrival of a raw row
-- (arrivals: one query for each domain) or the newest seal.
select
    last.ran_at is not null as by_round,
    (extract(epoch from now() - coalesce(
        last.ran_at,
        greatest({arrivals}, (select max(sealed_at) from sealed_groups))
    )) / 3600)::float8 as hours
from (select max(ran_at) as ran_at from retention_runs) last
