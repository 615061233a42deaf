-- begin_retention: $1 domain, $2 groups that wait, $3 how many of them may go
-- today. Another worker may have begun the day meanwhile: then its count stays.
insert into retention_runs as r (domain, ran_at, waiting, allowance)
values ($1, now(), $2, $3)
on conflict (domain) do update set
    ran_at = excluded.ran_at,
    refused = null,
    refused_since = null,
    (waiting, allowance, removed) = (
        select
            case when today then r.waiting else excluded.waiting end,
            case when today then r.allowance else excluded.allowance end,
            case when today then r.removed else 0 end
        from (
            select coalesce((r.ran_at at time zone 'UTC')::date >= (now() at time zone 'UTC')::date, false) as today
        ) t
    )
