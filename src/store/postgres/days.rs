//! Which local days a raw row touches, as the triggers of the raw tables know it.

use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::vitals::LONGEST_HOURS;
use crate::domain::vitals::registry::SLEEP_NAMES;
use crate::domain::{Domain, Tables};
use crate::store::sql::{flat, of_domain};

/// Puts a domain's names into a statement, and of a raw row `r`: `{offset}`,
/// the minutes east of UTC as the row says or else its user's zone; `{east}`, the
/// same as an interval, within what offsets there are; `{first}` and `{last}`,
/// the first and the last date that it touches; `{sealed_only}`, whether all of
/// them are sealed.
pub(super) fn with_days(text: &str, domain: Domain) -> String {
    let tables = domain.tables();
    let date = |at: &str| format!("(({at} at time zone 'UTC') + {{east}})::date");
    let last = match tables.end {
        None => date("r.{time}"),
        Some(_) => format!(
            "greatest({}, {} + case when {} then 1 else 0 end)",
            date(&end(tables)),
            date("r.{time}"),
            is_of_a_night()
        ),
    };
    let text = text
        .replace("{sealed_only}", &flat(include_str!("sql/sealed_only.sql")))
        .replace("{last}", &last)
        .replace("{first}", &date("r.{time}"))
        .replace(
            "{east}",
            &format!(
                "make_interval(mins => least(greatest({{offset}}, -{MAX_OFFSET_MINUTES}), {MAX_OFFSET_MINUTES}))"
            ),
        )
        .replace(
            "{offset}",
            "coalesce(r.utc_offset_minutes, vitalfold_utc_offset(r.user_id, r.{time}))::smallint",
        );
    of_domain(&text, domain)
}

/// Whether a row touches the day whose beginning and end, as if it were in UTC,
/// are bound as named.
pub(super) fn touches(domain: Domain, begin: &str, end_of_day: &str) -> String {
    let tables = domain.tables();
    let starts = format!("r.{{time}} + {{east}} < {end_of_day}");
    if tables.end.is_none() {
        return format!("{starts} and r.{{time}} + {{east}} >= {begin}");
    }
    format!(
        "{starts} and ({end} + {{east}} >= {begin} \
         or ({night} and r.{{time}} + {{east}} >= {begin} - interval '24 hours'))",
        end = end(tables),
        night = is_of_a_night(),
    )
}

/// Where a row ends, as far as it is believed.
fn end(tables: &Tables) -> String {
    match tables.end {
        None => "r.{time}".to_owned(),
        Some(end) => format!(
            "least(greatest(r.{end}, r.{{time}}), r.{{time}} + interval '{LONGEST_HOURS} hours')"
        ),
    }
}

fn is_of_a_night() -> String {
    let names: Vec<_> = SLEEP_NAMES.iter().map(|name| format!("'{name}'")).collect();
    format!("r.metric in ({})", names.join(", "))
}
