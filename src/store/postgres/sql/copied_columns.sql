-- copied_columns: $1 table. Its columns but for generated ones, in their order.
select attname::text as name, format_type(atttypid, null) as ty
from pg_attribute
where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = ''
order by attnum
