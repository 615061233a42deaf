-- resolve_users: $1 references. New ids lie above every user that has rows,
-- whoever inserted them.
insert into patient_users (reference, user_id)
select reference, h.highest + row_number() over (order by position)
from (
    select reference, min(position) as position
    from unnest($1::text[]) with ordinality as r (reference, position)
    where not exists (select from patient_users p where p.reference = r.reference)
    group by reference
) n,
(
    select greatest(
        0,
        (select max(user_id) from patient_users),
        (select max(user_id) from raw_vitals),
        (select max(user_id) from raw_labs),
        (select max(user_id) from raw_nutrition)
    ) as highest
) h
