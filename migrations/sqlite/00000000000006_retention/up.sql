-- Groups whose raw rows were removed by retention: their aggregates stay as
-- they are, and rows that come later are rejected.
create table sealed_groups (
    user_id integer not null,
    domain text not null,
    local_date text not null,
    sealed_at text not null default (strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')),
    raw_rows integer not null,
    primary key (user_id, domain, local_date)
);
