-- Groups whose raw rows were removed by retention: their aggregates stay as
-- they are, and rows that come later are rejected.
create table sealed_groups (
    user_id bigint not null,
    domain text not null,
    local_date date not null,
    sealed_at timestamptz not null default now(),
    raw_rows bigint not null,
    primary key (user_id, domain, local_date)
);
