-- Records a round: ?1 old groups, ?2 how many of them may be sealed today. Another
-- worker may have begun the day meanwhile: then its count stays.
insert into retention_runs as r (domain, ran_at, waiting, allowance)
values ('{domain}', {now}, ?1, ?2)
on conflict (domain) do update
set ran_at = excluded.ran_at, refused = null, refused_since = null,
    (waiting, allowance, removed) = (
        select r.waiting, r.allowance, r.removed
        where coalesce(date(r.ran_at) >= date('now'), false)
        union all
        select excluded.waiting, excluded.allowance, 0
        where not coalesce(date(r.ran_at) >= date('now'), false)
    )
