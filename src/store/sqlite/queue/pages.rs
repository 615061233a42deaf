//! Groups that exist, a page at a time.

use chrono::{Days, NaiveDate, NaiveTime};
use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::super::rows::{bind_filter, date, parse_time, time_text};
use super::super::texts::of_domain;
use super::PlaceRow;
use crate::domain::{Domain, Fold, UserId};
use crate::store::queue::{self, PAGE_GROUPS, PAGE_ROWS, REACH_DAYS};
use crate::store::{GroupFilter, Page, Place, Which};
use crate::with_domain;

/// No raw row begins before it.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");

pub(super) fn groups(
    connection: &mut SqliteConnection,
    domain: Domain,
    within: &GroupFilter,
    which: Which,
    from: Option<Place>,
) -> QueryResult<Page> {
    // A row of the first day may touch the one before it.
    let from = from.unwrap_or((UserId::MIN, EARLIEST - Days::new(1)));
    match which {
        Which::All => {
            let raw = raw_page(connection, domain, within, from)?;
            let text = of_domain(include_str!("../sql/aggregate_page.sql"), domain);
            let others = places(connection, text, within, from)?;
            Ok(queue::page(domain, raw, others))
        }
        Which::Outdated => {
            let version = with_domain!(domain, F => F::ALGORITHM_VERSION);
            let text = of_domain(include_str!("../sql/outdated_page.sql"), domain)
                .replace("{version}", &version.to_string());
            let others = places(connection, text, within, from)?;
            Ok(queue::page(domain, (Vec::new(), None), others))
        }
    }
}

#[derive(QueryableByName)]
struct TouchedRow {
    #[diesel(sql_type = BigInt)]
    read: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_user: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    last_at: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    local_date: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    rows: Option<i64>,
}

impl TouchedRow {
    /// Where the rows behind the part begin to touch.
    fn end(&self) -> QueryResult<Option<Place>> {
        let Some((user, at)) = self.last_user.zip(self.last_at.as_deref()) else {
            return Ok(None);
        };
        let at = parse_time(at).map_err(Error::DeserializationError)?;
        Ok(Some(queue::raw_end((user, at))))
    }

    fn group(self) -> QueryResult<Option<(Place, u64)>> {
        let Some((user, day)) = self.user_id.zip(self.local_date) else {
            return Ok(None);
        };
        let rows = self.rows.unwrap_or(0).unsigned_abs();
        Ok(Some(((user, date(&day)?), rows)))
    }
}

type RawGroups = (Vec<(Place, u64)>, Option<Place>);

/// The dates that the next raw rows touch, and where those that were not read
/// begin to touch.
fn raw_page(
    connection: &mut SqliteConnection,
    domain: Domain,
    within: &GroupFilter,
    from: Place,
) -> QueryResult<RawGroups> {
    let text = of_domain(include_str!("../sql/raw_page.sql"), domain);
    let (user_id, date) = from;
    let begin = date.checked_sub_days(Days::new(REACH_DAYS));
    let begin = begin.unwrap_or(EARLIEST).max(EARLIEST);
    let mut most = PAGE_ROWS;
    loop {
        let rows: Vec<TouchedRow> = bind_filter!(diesel::sql_query(text.clone()), within)
            .bind::<BigInt, _>(user_id)
            .bind::<Text, _>(time_text(begin.and_time(NaiveTime::MIN).and_utc()))
            .bind::<BigInt, _>(most)
            .bind::<Text, _>(date.to_string())
            .load(connection)?;
        let end = match rows.as_slice() {
            [first, ..] if first.read >= most => first.end()?,
            _ => None,
        };
        // A day with more rows than a page: none of its end was seen.
        if end.is_some_and(|end| end <= from) {
            most *= 4;
            continue;
        }
        let groups = rows
            .into_iter()
            .filter_map(|row| row.group().transpose())
            .collect::<QueryResult<_>>()?;
        return Ok((groups, end));
    }
}

/// The next groups that a statement lists, and where those behind them begin.
fn places(
    connection: &mut SqliteConnection,
    text: String,
    within: &GroupFilter,
    (user_id, date): Place,
) -> QueryResult<(Vec<Place>, Option<Place>)> {
    let rows: Vec<PlaceRow> = bind_filter!(diesel::sql_query(text), within)
        .bind::<BigInt, _>(user_id)
        .bind::<Text, _>(date.to_string())
        .bind::<BigInt, _>(PAGE_GROUPS)
        .load(connection)?;
    let places: QueryResult<_> = rows.iter().map(PlaceRow::place).collect();
    Ok(queue::with_end(places?))
}
