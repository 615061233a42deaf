//! Statement texts with their places filled.

use super::rows::NOW;
use crate::domain::Domain;
use crate::domain::period::MAX_OFFSET_MINUTES;
use crate::domain::vitals::LONGEST_HOURS;
use crate::domain::vitals::registry::SLEEP_NAMES;
use crate::store::sql;

/// Conditions on `user_id` and `local_date`: ?1 users as JSON, ?2 first and ?3
/// last date.
const WITHIN: &str = "(?1 = '[]' or user_id in (select value from json_each(?1))) \
     and (?2 is null or local_date >= ?2) and (?3 is null or local_date <= ?3)";

/// Puts a domain's names into a statement, and `{now}`, `{within}`, and of a raw
/// row `r` `{first}` and `{last}`: the first and the last date that it touches,
/// as the triggers of the raw tables know them; `{sealed_only}`, whether all of
/// them are sealed.
pub(super) fn of_domain(text: &str, domain: Domain) -> String {
    let last = match domain.tables().end {
        None => "{first}".to_owned(),
        Some(_) => last(),
    };
    let text = text
        .replace(
            "{sealed_only}",
            &sql::flat(include_str!("sql/sealed_only.sql")),
        )
        .replace("{last}", &last)
        .replace("{first}", "date(substr(r.{time}, 1, 19), {shift})")
        .replace(
            "{shift}",
            &format!(
                "max(-{MAX_OFFSET_MINUTES}, min({MAX_OFFSET_MINUTES}, r.utc_offset_minutes)) || ' minutes'"
            ),
        )
        .replace("{within}", WITHIN)
        .replace("{now}", NOW);
    sql::of_domain(&text, domain)
}

fn last() -> String {
    let names: Vec<_> = SLEEP_NAMES.iter().map(|name| format!("'{name}'")).collect();
    format!(
        "coalesce(date(substr(max(r.{{time}}, min(coalesce(r.{{end}}, r.{{time}}), \
           strftime('%Y-%m-%d %H:%M:%S', substr(r.{{time}}, 1, 19), '+{LONGEST_HOURS} hours') \
         )), 1, 19), {{shift}}, case when r.metric in ({}) then '1 day' else '0 days' end), \
         '9999-12-31')",
        names.join(", ")
    )
}
