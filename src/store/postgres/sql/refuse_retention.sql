-- refuse_retention: $1 domain, $2 reason.
insert into retention_runs as r (domain, refused, refused_since)
values ($1, $2, now())
on conflict (domain) do update set
    refused = excluded.refused,
    refused_since = coalesce(r.refused_since, excluded.refused_since)
