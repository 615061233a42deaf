-- A function that runs with its owner's rights finds nothing by a name that
-- whoever calls it could put in front: the path is fixed, `pg_temp` is its end,
-- and every table, function and operator is that of a named schema.
do $migration$
declare
    -- Where the tables are. Only what the owner sees now counts.
    home constant name := (
        select n.nspname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.oid = 'aggregation_groups'::pg_catalog.regclass
    );
    domain record;
begin
    execute format($create$
        create or replace function %1$I.vitalfold_utc_offset(p_user_id bigint, p_at timestamptz) returns smallint
        language sql stable set search_path = pg_catalog, pg_temp as $$
            select (extract(epoch from (p_at at time zone zone.name) - (p_at at time zone 'UTC')) / 60)::smallint
            from (
                select coalesce(
                    (select z.time_zone from %1$I.user_time_zones z where z.user_id = p_user_id),
                    (select c.default_time_zone from %1$I.worker_control c)
                ) as name
            ) as zone
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_mark_edited() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            insert into %1$I.aggregation_groups as g (user_id, domain, local_date)
            select distinct k.user_id, tg_argv[0], k.local_date
            from (values (old.user_id, old.local_date), (new.user_id, new.local_date)) as k (user_id, local_date)
            order by k.user_id, k.local_date
            on conflict (user_id, domain, local_date) do update set
                version = greatest(g.version + 1, excluded.version),
                state = 'due',
                attempts = case g.state when 'dead' then 0 else g.attempts end,
                next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
                updated_at = excluded.updated_at;
            return null;
        end
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_mark_deleted() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            -- `deleted` is the trigger's transition table, which comes before
            -- any other of that name.
            insert into %1$I.aggregation_groups as g (user_id, domain, local_date)
            select distinct deleted.user_id, tg_argv[0], deleted.local_date
            from deleted
            order by deleted.user_id, deleted.local_date
            on conflict (user_id, domain, local_date) do update set
                version = greatest(g.version + 1, excluded.version),
                state = 'due',
                attempts = case g.state when 'dead' then 0 else g.attempts end,
                next_attempt_at = case g.state when 'dead' then excluded.next_attempt_at else g.next_attempt_at end,
                updated_at = excluded.updated_at;
            return null;
        end
        $$
    $create$, home);
    execute format($create$
        create or replace function %1$I.vitalfold_complete_raw_vitals() returns trigger
        language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
        begin
            new.ended_at := coalesce(new.ended_at, new.started_at);
            new.utc_offset_minutes := coalesce(new.utc_offset_minutes, %1$I.vitalfold_utc_offset(new.user_id, new.started_at));
            return new;
        end
        $$
    $create$, home);
    for domain in
        select * from (values ('raw_labs', 'collected_at'), ('raw_nutrition', 'eaten_at')) as d (raw, instant)
    loop
        execute format($create$
            create or replace function %1$I.%2$I() returns trigger
            language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
            begin
                new.utc_offset_minutes := coalesce(new.utc_offset_minutes, %1$I.vitalfold_utc_offset(new.user_id, new.%3$I));
                return new;
            end
            $$
        $create$, home, 'vitalfold_complete_' || domain.raw, domain.instant);
    end loop;
    -- A trigger needs no right to run its function; who creates one does. On a
    -- table of somebody else's, such a function would run that table's types
    -- and casts as the owner of these tables.
    execute format($revoke$
        revoke execute on function %1$I.vitalfold_utc_offset(bigint, timestamptz),
            %1$I.vitalfold_mark_edited(), %1$I.vitalfold_mark_deleted(),
            %1$I.vitalfold_complete_raw_vitals(), %1$I.vitalfold_complete_raw_labs(),
            %1$I.vitalfold_complete_raw_nutrition()
        from public
    $revoke$, home);
end
$migration$;
