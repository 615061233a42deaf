//! Finding work.

use chrono::{Days, NaiveDate, NaiveTime};
use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::SqliteStore;
use super::rows::{ago, at_most, bind_filter, date, parse_time, time_text};
use super::texts::of_domain;
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::queue::{self, PAGE_GROUPS, PAGE_ROWS, REACH_DAYS};
use crate::store::sql::flat;
use crate::store::{
    GroupFilter, KnownGroup, Mark, Page, Place, Probe, Pull, Pulled, PulledGroup, Queue, Result,
    Which,
};
use crate::with_domain;

impl Queue for SqliteStore {
    async fn pending_users(&self, domain: Domain) -> Result<Option<(UserId, UserId)>> {
        self.call("find pending users", move |c| pending_users(c, domain))
            .await
    }

    async fn pull(&self, pull: &Pull) -> Result<Pulled> {
        let pull = pull.clone();
        self.call("pull", move |c| pull_groups(c, &pull)).await
    }

    async fn due(
        &self,
        domain: Domain,
        within: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<GroupKey>> {
        let within = within.clone();
        self.call("read due groups", move |c| due(c, domain, &within, limit))
            .await
    }

    async fn work_waits(&self, probe: &Probe) -> Result<bool> {
        let probe = probe.clone();
        self.call("look for work", move |c| work_waits(c, &probe))
            .await
    }

    async fn count_due(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        let within = within.clone();
        self.call("count due groups", move |c| count_due(c, domain, &within))
            .await
    }

    async fn groups(
        &self,
        domain: Domain,
        within: &GroupFilter,
        which: Which,
        from: Option<Place>,
    ) -> Result<Page> {
        let within = within.clone();
        self.call("list groups", move |c| {
            groups(c, domain, &within, which, from)
        })
        .await
    }

    async fn mark(&self, domain: Domain, groups: &[KnownGroup], why: Mark) -> Result<()> {
        let groups = groups.to_vec();
        self.write("mark groups", move |c| mark(c, domain, &groups, why))
            .await
    }
}

#[derive(QueryableByName)]
struct UserRange {
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    highest: Option<i64>,
}

fn pending_users(
    connection: &mut SqliteConnection,
    domain: Domain,
) -> QueryResult<Option<(UserId, UserId)>> {
    let text = of_domain(include_str!("sql/pending_users.sql"), domain);
    let range: UserRange = diesel::sql_query(text).get_result(connection)?;
    Ok(range.lowest.zip(range.highest))
}

#[derive(QueryableByName)]
struct PulledRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    local_date: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = BigInt)]
    lines: i64,
}

fn pull_groups(connection: &mut SqliteConnection, pull: &Pull) -> QueryResult<Pulled> {
    let mut pulled = Pulled::cut(lap(connection, ">", pull)?, pull.limit);
    if !pulled.full {
        pulled.add(lap(connection, "<=", pull)?, pull.limit);
    }
    Ok(pulled)
}

/// A keyset scan of the changes on one side of a user: groups and how many lines
/// each has.
fn lap(
    connection: &mut SqliteConnection,
    side: &str,
    pull: &Pull,
) -> QueryResult<Vec<(PulledGroup, usize)>> {
    let text = of_domain(include_str!("sql/pull.sql"), pull.domain).replace("{side}", side);
    let rows: Vec<PulledRow> = bind_filter!(diesel::sql_query(text), pull.within)
        .bind::<BigInt, _>(pull.after)
        .bind::<Text, _>(ago(pull.settle))
        .bind::<BigInt, _>(at_most(pull.limit))
        .load(connection)?;
    let group = |row: PulledRow| {
        let key = GroupKey {
            domain: pull.domain,
            user_id: row.user_id,
            local_date: date(&row.local_date)?,
        };
        let rows = usize::try_from(row.rows).unwrap_or(0);
        Ok((
            PulledGroup { key, rows },
            usize::try_from(row.lines).unwrap_or(0),
        ))
    };
    rows.into_iter().map(group).collect()
}

#[derive(QueryableByName)]
pub(super) struct PlaceRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Text)]
    local_date: String,
}

impl PlaceRow {
    pub(super) fn place(&self) -> QueryResult<Place> {
        Ok((self.user_id, date(&self.local_date)?))
    }
}

fn due(
    connection: &mut SqliteConnection,
    domain: Domain,
    within: &GroupFilter,
    limit: usize,
) -> QueryResult<Vec<GroupKey>> {
    let text = of_domain(include_str!("sql/due.sql"), domain);
    let rows: Vec<PlaceRow> = bind_filter!(diesel::sql_query(text), within)
        .bind::<BigInt, _>(at_most(limit))
        .load(connection)?;
    let key = |row: PlaceRow| {
        let (user_id, local_date) = row.place()?;
        Ok(GroupKey {
            domain,
            user_id,
            local_date,
        })
    };
    rows.into_iter().map(key).collect()
}

#[derive(QueryableByName)]
struct Waits {
    #[diesel(sql_type = Bool)]
    waits: bool,
}

pub(super) fn work_waits(connection: &mut SqliteConnection, probe: &Probe) -> QueryResult<bool> {
    let names: Vec<_> = probe.domains.iter().map(|domain| domain.name()).collect();
    let waits: Waits = diesel::sql_query(flat(include_str!("sql/work_waits.sql")))
        .bind::<Text, _>(serde_json::json!(names).to_string())
        .bind::<Text, _>(ago(probe.settle))
        .get_result(connection)?;
    Ok(waits.waits)
}

#[derive(QueryableByName)]
pub(super) struct Count {
    #[diesel(sql_type = BigInt)]
    pub(super) count: i64,
}

fn count_due(
    connection: &mut SqliteConnection,
    domain: Domain,
    within: &GroupFilter,
) -> QueryResult<u64> {
    let text = of_domain(include_str!("sql/count_due.sql"), domain);
    let count: Count = bind_filter!(diesel::sql_query(text), within).get_result(connection)?;
    Ok(count.count.unsigned_abs())
}

/// No raw row begins before it.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");

fn groups(
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
            let text = of_domain(include_str!("sql/aggregate_page.sql"), domain);
            let others = places(connection, text, within, from)?;
            Ok(queue::page(domain, raw, others))
        }
        Which::Outdated => {
            let version = with_domain!(domain, F => F::ALGORITHM_VERSION);
            let text = of_domain(include_str!("sql/outdated_page.sql"), domain)
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
    let text = of_domain(include_str!("sql/raw_page.sql"), domain);
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

fn mark(
    connection: &mut SqliteConnection,
    domain: Domain,
    groups: &[KnownGroup],
    why: Mark,
) -> QueryResult<()> {
    let group = |group: &KnownGroup| (group.key.user_id, group.key.local_date, group.rows);
    let groups = serde_json::json!(groups.iter().map(group).collect::<Vec<_>>()).to_string();
    diesel::sql_query(of_domain(include_str!("sql/mark.sql"), domain))
        .bind::<Text, _>(why.kind())
        .bind::<Text, _>(&groups)
        .execute(connection)?;
    diesel::sql_query(of_domain(include_str!("sql/mark_again.sql"), domain))
        .bind::<Text, _>(&groups)
        .execute(connection)
        .map(|_| ())
}
