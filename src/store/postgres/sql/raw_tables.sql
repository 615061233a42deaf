-- examine_tables: $1 tables, $2 the events of each that triggers of ours follow,
-- as bits of pg_trigger.tgtype, $3 how many triggers follow each event. What would
-- hide a change or a row from a worker, one line for each.
with recursive
events (bit, event) as (
    values (4, 'insert'), (16, 'update'), (8, 'delete'), (32, 'truncate')
),
-- What holds the rows of a table: itself, what a view of its name reads, and
-- partitions. as_role: as whom it is read; top: of a partition the whole.
holders (name, bits, triggers, oid, top, part, as_role) as (
    select name, bits, triggers, c.oid, c.oid, false, current_user::regrole::oid
    from unnest($1::text[], $2::integer[], $3::integer[]) as n (name, bits, triggers)
        join pg_class c on c.oid = to_regclass(name)
    union
    select h.name, h.bits, h.triggers, b.oid, case when b.part then h.top else b.oid end, h.part or b.part, b.as_role
    from holders h cross join lateral (
        select inhrelid as oid, true as part, h.as_role from pg_inherits where inhparent = h.oid
        union all
        select d.refobjid, false,
            case when v.reloptions::text ~ 'security_invoker=(true|on|1)' then h.as_role else v.relowner end
        from pg_class v
            join pg_rewrite w on w.ev_class = v.oid
            join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                and d.refclassid = 'pg_class'::regclass and d.refobjid <> v.oid
        where v.oid = h.oid and v.relkind = 'v'
    ) b
),
tables as (
    select h.*, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity
    from holders h join pg_class c using (oid)
    where c.relkind in ('r', 'p', 'f', 'm')
),
-- Triggers that append to group_changes.
marking as (
    select t.tgrelid, t.tgtype, t.tgenabled in ('O', 'A') as fires
    from pg_trigger t join pg_proc p on p.oid = t.tgfoid
    where not t.tgisinternal and t.tgtype & 64 = 0
        and (p.proname like 'vitalfold%' or p.prosrc like '%group_changes%')
),
-- Of the tables that a view reads those count that have such a trigger.
followed as (
    select *, bool_or(has_any) over (partition by name) as one_has
    from (select t.*, exists (select from marking m where m.tgrelid = t.top) as has_any from tables t) t
    where bits > 0
)
select distinct 'triggers' as trouble, f.oid::regclass::text || ': ' || e.event as found
from followed f join events e on f.bits & e.bit <> 0
where (has_any or not one_has)
    and f.triggers > (
        select count(*) from marking m where m.tgrelid = f.oid and m.fires and m.tgtype & e.bit <> 0
    )
union all
select distinct 'subscriptions', f.oid::regclass::text
from followed f join pg_subscription_rel s on s.srrelid = f.oid
union all
select distinct 'row security', t.oid::regclass::text
from tables t join pg_roles r on r.oid = t.as_role
where not t.part and t.relrowsecurity and not r.rolsuper and not r.rolbypassrls
    and (t.relforcerowsecurity or not pg_has_role(r.oid, t.relowner, 'usage'))
order by 1, 2
