-- The bodies stay: they do the same as before, and the fences do no harm.
grant execute on function vitalfold_utc_offset(bigint, timestamptz),
    vitalfold_mark_edited(), vitalfold_mark_deleted(),
    vitalfold_complete_raw_vitals(), vitalfold_complete_raw_labs(),
    vitalfold_complete_raw_nutrition()
to public;
