//! The statements of a group's transaction, built once for each domain.

use std::sync::LazyLock;

use crate::domain::table::Columns;
use crate::domain::{Domain, Fold};
use crate::store::postgres::days::{touches, with_days};
use crate::store::postgres::rows;
use crate::store::sql::{
    aggregate_key, flat, list, measure_columns, of_domain, place_of_too_long, raw_columns,
};
use crate::with_domain;

/// See the files in `sql` of the same names.
pub(super) struct Texts {
    pub(super) lock: String,
    pub(super) rejections: String,
    pub(super) reject: String,
    pub(super) accept: String,
    pub(super) settle: String,
    pub(super) recover: String,
    /// See `sql/read_instants.sql` and `sql/read_intervals.sql`.
    pub(super) raw_rows: String,
    pub(super) day_rows: String,
    pub(super) insert: String,
    pub(super) replace: String,
    pub(super) write: String,
    pub(super) delete_vanished: String,
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
        let domain = F::DOMAIN;
        let names = measure_columns::<F>();
        let set: Vec<_> = names
            .iter()
            .map(|name| format!("{name} = excluded.{name}"))
            .collect();
        let raw_rows = match domain.tables().end {
            None => include_str!("../sql/read_instants.sql"),
            Some(_) => include_str!("../sql/read_intervals.sql"),
        };
        let raw_rows = raw_rows
            .replace("{touches}", &touches(domain, "$4", "$5"))
            .replace("{too_long}", &place_of_too_long::<F>())
            .replace("{columns}", &raw_columns::<F>());
        let day_rows = include_str!("../sql/day_rows.sql")
            .replace("{columns}", &rows::select_list::<F::Measure>());
        let replace = |first| {
            flat(include_str!("../sql/replace.sql"))
                .replace("{insert}", &insert::<F>(first))
                .replace("{key}", &aggregate_key::<F>())
                .replace("{set}", &set.join(", "))
                .replace("{old}", &list("a.", &names))
                .replace("{new}", &list("excluded.", &names))
        };
        let others = 3 + KEYS.len() + F::Measure::COLUMNS.len();
        let write = flat(include_str!("../sql/write.sql"))
            .replace("{insert}", &insert::<F>(3))
            .replace("{replace}", &replace(others));
        let delete_vanished =
            include_str!("../sql/delete_vanished.sql").replace("{keys}", &unnest_keys(4));
        Texts {
            lock: flat(include_str!("../sql/lock.sql")),
            rejections: flat(include_str!("../sql/rejections.sql")),
            reject: flat(include_str!("../sql/reject.sql")),
            accept: flat(include_str!("../sql/accept.sql")),
            settle: flat(include_str!("../sql/settle.sql")),
            recover: flat(include_str!("../sql/recover.sql")),
            raw_rows: with_days(&raw_rows, domain),
            day_rows: of_domain(&day_rows, domain),
            insert: insert::<F>(3),
            replace: replace(3),
            write,
            delete_vanished: of_domain(&delete_vanished, domain),
        }
    }
}

/// The insert of arrays that are bound from this parameter on.
fn insert<F: Fold>(first: usize) -> String {
    let columns = F::Measure::COLUMNS;
    let selected: String = columns
        .iter()
        .map(|column| format!(", {}", rows::from_array("s", column)))
        .collect();
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
        aggregates = F::DOMAIN.tables().aggregates,
        keys = unnest_keys(first),
        key = aggregate_key::<F>(),
        names = list("", &measure_columns::<F>()),
    )
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
