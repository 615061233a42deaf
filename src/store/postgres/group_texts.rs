//! The statements of a group's transaction, built once for each domain.

use std::sync::LazyLock;

use super::rows;
use crate::domain::table::Columns;
use crate::domain::{Domain, Fold};
use crate::store::sql::{aggregate_key, list, measure_columns, place_of_too_long, raw_columns};
use crate::store::stored_group::POISON;
use crate::with_domain;

/// The advisory lock of (domain, user): $1 domain, $2 user.
pub(super) const LOCK_KEY: &str = "hashint8extended($2, hashtextextended('vitalfold ' || $1, 0))";

/// $1 user, $2 domain, $3 date, $4 version.
pub(super) const UNMARK: &str = "delete from aggregation_groups \
     where user_id = $1 and domain = $2 and local_date = $3 and version = $4";

pub(super) struct Texts {
    /// $1 domain, $2 user, $3 date.
    pub(super) lock: String,
    /// $1 user, $2 date.
    pub(super) raw_rows: String,
    /// $1 user, $2 first date, $3 last date, $4 date, $5 domain. Whether the
    /// group is sealed is on every row; where there is no day row, on a row of
    /// nulls.
    pub(super) day_rows: String,
    /// Inserts rows, replaces others except where they are as they were (their
    /// `updated_at` stays and nothing is written), and completes raw rows: in
    /// one statement, because each costs an answer of its own.
    ///
    /// $1 user, $2 version, $3 ids to complete, then keys and measures to
    /// insert, then those to replace.
    pub(super) write: String,
    /// $1 user, $2 periods, $3 dates, $4 to $8 keys that stay.
    pub(super) delete_vanished: String,
    /// $1 user, $2 ids, $3 reasons.
    pub(super) reject: String,
}

impl Texts {
    pub(super) fn of<F: Fold>() -> &'static Texts {
        static TEXTS: LazyLock<Vec<Texts>> = LazyLock::new(|| {
            let texts = |&domain: &Domain| with_domain!(domain, F => Texts::build::<F>());
            Domain::ALL.iter().map(texts).collect()
        });
        // `Domain::ALL` is in the order of its variants.
        &TEXTS[F::DOMAIN as usize]
    }

    fn build<F: Fold>() -> Texts {
        let columns = F::Measure::COLUMNS;
        let names = measure_columns::<F>();
        let (raw, aggregates) = (F::RAW_TABLE, F::AGGREGATE_TABLE);
        let selected: String = columns
            .iter()
            .map(|column| format!(", {}", rows::from_array("s", column)))
            .collect();
        let set: Vec<_> = names
            .iter()
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        // Of arrays that are bound from this parameter on.
        let insert = |first: usize| {
            let measures: String = (first + KEYS.len()..)
                .zip(columns)
                .map(|(bind, column)| {
                    let ty = rows::array_type(column.ty);
                    format!(", unnest(${bind}::{ty}) as \"{}\"", column.name)
                })
                .collect();
            format!(
                "insert into {aggregates} as a ({key}, algorithm_version, {names}) \
                 select $1, s.period, s.local_date, s.period_start, s.series, s.unit, $2{selected} \
                 from (select {keys}{measures}) as s",
                keys = unnest_keys(first),
                key = aggregate_key::<F>(),
                names = list("", &names),
            )
        };
        let write = format!(
            "with inserted as ({insert}), replaced as ( \
               {replace} on conflict ({key}) do update set {set}, \
                 algorithm_version = excluded.algorithm_version, updated_at = excluded.updated_at \
               where (a.algorithm_version, {old}) is distinct from (excluded.algorithm_version, {new})) \
             update {raw} set status = 'completed', error = null, aggregated_at = now() \
             where user_id = $1 and id = any($3::bigint[]) \
               and (status <> 'completed' or error is not null)",
            insert = insert(4),
            replace = insert(4 + KEYS.len() + columns.len()),
            key = aggregate_key::<F>(),
            set = set.join(", "),
            old = list("a.", &names),
            new = list("excluded.", &names),
        );
        Texts {
            lock: format!(
                "select pg_try_advisory_xact_lock({LOCK_KEY}) as taken, g.version, \
                   coalesce(g.state = 'dead' or g.next_attempt_at > now(), false) as put_off \
                 from (values (1)) one left join aggregation_groups g \
                   on g.user_id = $2 and g.domain = $1 and g.local_date = $3"
            ),
            raw_rows: format!(
                "select id, status, \
                   (status = 'rejected' and starts_with(coalesce(error, ''), '{POISON}')) as poison, \
                   ({too_long})::smallint as too_long, utc_offset_minutes, {columns} \
                 from {raw} where user_id = $1 and local_date = $2 order by {time}, id",
                too_long = place_of_too_long::<F>(),
                columns = raw_columns::<F>(),
                time = F::TIME_COLUMN,
            ),
            day_rows: format!(
                "select g.sealed, period, a.local_date, period_start, {series} as series, unit, \
                   {columns} \
                 from (select exists (select from sealed_groups \
                     where user_id = $1 and domain = $5 and local_date = $4) as sealed) as g \
                   left join {aggregates} as a \
                     on user_id = $1 and period = 'day' and a.local_date between $2 and $3",
                series = F::SERIES_COLUMN,
                columns = rows::select_list::<F::Measure>(),
            ),
            write,
            // Sets are compared as sets: a join with them might be one of every
            // row with every row, because nothing is known of their size.
            delete_vanished: format!(
                "delete from {aggregates} as a using ( \
                   select a.period, a.local_date, a.period_start, a.{series} as series, a.unit \
                   from unnest($2::text[], $3::date[]) as p (period, local_date) \
                     join {aggregates} as a \
                       on a.user_id = $1 and a.period = p.period and a.local_date = p.local_date \
                   except all select {keys}) as v \
                 where a.user_id = $1 and a.period = v.period and a.local_date = v.local_date \
                   and a.period_start = v.period_start and a.{series} = v.series \
                   and a.unit = v.unit",
                series = F::SERIES_COLUMN,
                keys = unnest_keys(4),
            ),
            reject: format!(
                "update {raw} as r set status = 'rejected', error = s.error, \
                   aggregated_at = now() \
                 from unnest($2::bigint[], $3::text[]) as s (id, error) \
                 where r.user_id = $1 and r.id = s.id \
                   and (r.status, r.error) is distinct from ('rejected', s.error)"
            ),
        }
    }
}

/// The columns of aggregates' keys, out of five arrays that are bound from this
/// parameter on.
///
/// Arrays are taken apart in the select list: the same in `from` fills a store
/// of its own for each of them, which took an eighth of the server's time.
fn unnest_keys(first: usize) -> String {
    let unnest = |(bind, (name, ty))| format!("unnest(${bind}::{ty}[]) as {name}");
    let unnested: Vec<_> = (first..).zip(KEYS).map(unnest).collect();
    unnested.join(", ")
}

const KEYS: [(&str, &str); 5] = [
    ("period", "text"),
    ("local_date", "date"),
    ("period_start", "timestamptz"),
    ("series", "text"),
    ("unit", "text"),
];
