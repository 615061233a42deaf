-- Gives a patient reference a user id above every one that has rows, whoever inserted
-- them: ?1 reference. One by one: SQLite takes no arrays.
insert into patient_users (reference, user_id)
select ?1, 1 + max(
    0,
    coalesce((select max(user_id) from patient_users), 0),
    coalesce((select max(user_id) from raw_vitals), 0),
    coalesce((select max(user_id) from raw_labs), 0),
    coalesce((select max(user_id) from raw_nutrition), 0)
)
where true
on conflict (reference) do nothing
