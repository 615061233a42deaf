//! Finding work.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::PgStore;
use super::connection::cached::Cached;
use super::connection::pool;
use super::days::with_days;
use crate::domain::{Domain, Fold, GroupKey, UserId};
use crate::store::queue::{self, PAGE_GROUPS, PAGE_ROWS, REACH_DAYS};
use crate::store::sql::{flat, of_domain};
use crate::store::{
    GroupFilter, KnownGroup, Mark, Page, Place, Probe, Pull, Pulled, PulledGroup, Queue, Result,
    Which,
};
use crate::with_domain;

impl Queue for PgStore {
    async fn pending_users(&self, domain: Domain) -> Result<Option<(UserId, UserId)>> {
        on_connection!(self, "find pending users", c => pending_users(c, domain))
    }

    async fn pull(&self, pull: &Pull) -> Result<Pulled> {
        on_connection!(self, "pull", c => pull_groups(c, pull))
    }

    async fn due(
        &self,
        domain: Domain,
        within: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<GroupKey>> {
        on_connection!(self, "read due groups", c => due(c, domain, within, limit))
    }

    async fn work_waits(&self, probe: &Probe) -> Result<bool> {
        on_connection!(self, "look for work", c => work_waits(c, probe))
    }

    async fn count_due(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        on_connection!(self, "count due groups", c => count_due(c, domain, within))
    }

    async fn groups(
        &self,
        domain: Domain,
        within: &GroupFilter,
        which: Which,
        from: Option<Place>,
    ) -> Result<Page> {
        on_connection!(self, "list groups", c => groups(c, domain, within, which, from))
    }

    async fn mark(&self, domain: Domain, groups: &[KnownGroup], why: Mark) -> Result<()> {
        on_connection!(self, "mark groups", c => mark(c, domain, groups, why))
    }
}

#[derive(diesel::QueryableByName)]
struct UserRange {
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    highest: Option<i64>,
}

async fn pending_users(
    connection: &mut AsyncPgConnection,
    domain: Domain,
) -> QueryResult<Option<(UserId, UserId)>> {
    let range: UserRange = diesel::sql_query(
        "select min(user_id) as lowest, max(user_id) as highest from group_changes \
         where domain = $1",
    )
    .bind::<Text, _>(domain.name())
    .get_result(connection)
    .await?;
    Ok(range.lowest.zip(range.highest))
}

#[derive(diesel::QueryableByName)]
struct PulledRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Date)]
    local_date: NaiveDate,
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = BigInt)]
    lines: i64,
}

/// Of the lines that a batch may take, those that are read first: as a rule a line
/// tells of several rows.
const FIRST_LINES: usize = 8;

async fn pull_groups(connection: &mut AsyncPgConnection, pull: &Pull) -> QueryResult<Pulled> {
    let mut pulled = Pulled::default();
    // From the lowest user on lie the entries of all that was done: they are
    // read only where there is nothing else.
    for side in [">", "<="] {
        let few = pull.limit.div_ceil(FIRST_LINES);
        let mut found = lap(connection, side, pull, few).await?;
        let lines: usize = found.iter().map(|(_, lines)| lines).sum();
        let rows: usize = found.iter().map(|(group, _)| group.rows).sum();
        if lines == few && rows < pull.limit {
            found = lap(connection, side, pull, pull.limit).await?;
        }
        pulled.add(found, pull.limit);
        if pulled.full {
            break;
        }
    }
    Ok(pulled)
}

/// A keyset scan of at most so many changes on one side of a user: groups and how
/// many lines each has.
async fn lap(
    connection: &mut AsyncPgConnection,
    side: &str,
    pull: &Pull,
    lines: usize,
) -> QueryResult<Vec<(PulledGroup, usize)>> {
    let is_everything = pull.within == GroupFilter::default();
    let within = if is_everything {
        ""
    } else {
        "and (cardinality($2::bigint[]) = 0 or c.user_id = any($2)) \
         and ($3::date is null or c.local_date >= $3) and ($4::date is null or c.local_date <= $4)"
    };
    let text = of_domain(include_str!("sql/pull.sql"), pull.domain)
        .replace("{side}", side)
        .replace("{settle}", &pull.settle.as_secs_f64().to_string())
        .replace("{limit}", &lines.to_string())
        .replace("{within}", within);
    let query = diesel::sql_query(text)
        .into_boxed()
        .bind::<BigInt, _>(pull.after);
    let query = if is_everything {
        query
    } else {
        query
            .bind::<Array<BigInt>, _>(pull.within.users.clone())
            .bind::<Nullable<Date>, _>(pull.within.from)
            .bind::<Nullable<Date>, _>(pull.within.to)
    };
    let rows: Vec<PulledRow> = Cached(query).load(connection).await?;
    let group = |row: PulledRow| {
        let group = PulledGroup {
            key: GroupKey {
                domain: pull.domain,
                user_id: row.user_id,
                local_date: row.local_date,
            },
            rows: usize::try_from(row.rows).unwrap_or(0),
        };
        (group, usize::try_from(row.lines).unwrap_or(0))
    };
    Ok(rows.into_iter().map(group).collect())
}

/// Conditions on `user_id` and `local_date`; binds $1 to $3.
pub(super) const WITHIN: &str = "(cardinality($1::bigint[]) = 0 or user_id = any($1)) \
     and ($2::date is null or local_date >= $2) and ($3::date is null or local_date <= $3)";

macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind::<Array<BigInt>, _>($filter.users.clone())
            .bind::<Nullable<Date>, _>($filter.from)
            .bind::<Nullable<Date>, _>($filter.to)
    };
}
pub(super) use bind_filter;

#[derive(diesel::QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
    #[diesel(sql_type = Date)]
    local_date: NaiveDate,
}

async fn due(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    within: &GroupFilter,
    limit: usize,
) -> QueryResult<Vec<GroupKey>> {
    let query = diesel::sql_query(format!(
        "select user_id, local_date from failed_groups \
         where domain = $4 and state = 'waiting' and next_attempt_at <= now() and {WITHIN} \
         order by next_attempt_at, user_id, local_date limit $5"
    ));
    let rows: Vec<PlaceRow> = Cached(
        bind_filter!(query, within)
            .bind::<Text, _>(domain.name())
            .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX)),
    )
    .load(connection)
    .await?;
    let key = |row: PlaceRow| GroupKey {
        domain,
        user_id: row.user_id,
        local_date: row.local_date,
    };
    Ok(rows.into_iter().map(key).collect())
}

/// A condition; `settle` are the seconds that changes must be old, or their bind.
pub(super) fn work_waits_condition(domains: &[Domain], settle: &str) -> String {
    let names: Vec<_> = domains
        .iter()
        .map(|domain| format!("'{}'", domain.name()))
        .collect();
    flat(include_str!("sql/work_waits.sql"))
        .replace("{domains}", &names.join(", "))
        .replace("{settle}", settle)
}

#[derive(diesel::QueryableByName)]
struct Waits {
    #[diesel(sql_type = Bool)]
    waits: bool,
}

async fn work_waits(connection: &mut AsyncPgConnection, probe: &Probe) -> QueryResult<bool> {
    let condition = work_waits_condition(&probe.domains, "$1");
    let waits: Waits = Cached(
        diesel::sql_query(format!("select {condition} as waits"))
            .bind::<diesel::sql_types::Double, _>(probe.settle.as_secs_f64()),
    )
    .get_result(connection)
    .await?;
    Ok(waits.waits)
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count_due(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    within: &GroupFilter,
) -> QueryResult<u64> {
    let query = diesel::sql_query(format!(
        "select count(*) as count from ( \
           select user_id, local_date from group_changes where domain = $4 and {WITHIN} \
           union \
           select user_id, local_date from failed_groups \
           where domain = $4 and state = 'waiting' and {WITHIN}) g"
    ));
    let count: Count = bind_filter!(query, within)
        .bind::<Text, _>(domain.name())
        .get_result(connection)
        .await?;
    Ok(count.count.unsigned_abs())
}

async fn groups(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    within: &GroupFilter,
    which: Which,
    from: Option<Place>,
) -> QueryResult<Page> {
    let from = from.unwrap_or((UserId::MIN, EARLIEST));
    match which {
        Which::All => {
            let raw = raw_page(connection, domain, within, from).await?;
            let text = of_domain(include_str!("sql/aggregate_page.sql"), domain);
            let others = places(connection, text, within, from).await?;
            Ok(queue::page(domain, raw, others))
        }
        Which::Outdated => {
            let version = with_domain!(domain, F => F::ALGORITHM_VERSION);
            let text = of_domain(include_str!("sql/outdated_page.sql"), domain)
                .replace("{version}", &version.to_string());
            let others = places(connection, text, within, from).await?;
            Ok(queue::page(domain, (Vec::new(), None), others))
        }
    }
}

/// No raw row begins before it.
const EARLIEST: NaiveDate = NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");

#[derive(diesel::QueryableByName)]
struct TouchedRow {
    #[diesel(sql_type = BigInt)]
    read: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last_user: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Nullable<Date>)]
    local_date: Option<NaiveDate>,
    #[diesel(sql_type = Nullable<BigInt>)]
    rows: Option<i64>,
}

type RawGroups = (Vec<(Place, u64)>, Option<Place>);

/// The dates that the next raw rows touch, and where those that were not read
/// begin to touch.
async fn raw_page(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    within: &GroupFilter,
    from: Place,
) -> QueryResult<RawGroups> {
    let text = with_days(include_str!("sql/raw_page.sql"), domain);
    let (user_id, date) = from;
    let begin = date
        .checked_sub_days(Days::new(REACH_DAYS))
        .unwrap_or(EARLIEST)
        .max(EARLIEST)
        .and_time(NaiveTime::MIN)
        .and_utc();
    let mut most = PAGE_ROWS;
    loop {
        let query = diesel::sql_query(text.clone());
        let rows: Vec<TouchedRow> = bind_filter!(query, within)
            .bind::<BigInt, _>(user_id)
            .bind::<Timestamptz, _>(begin)
            .bind::<BigInt, _>(most)
            .bind::<BigInt, _>(user_id)
            .bind::<Date, _>(date)
            .load(connection)
            .await?;
        let end = rows
            .as_slice()
            .first()
            .filter(|row| row.read >= most)
            .and_then(|row| row.last_user.zip(row.last_at))
            .map(queue::raw_end);
        // A day with more rows than a page: none of its end was seen.
        if end.is_some_and(|end| end <= from) {
            most *= 4;
            continue;
        }
        let place = |row: TouchedRow| {
            let place = row.user_id.zip(row.local_date)?;
            Some((place, row.rows.unwrap_or(0).unsigned_abs()))
        };
        return Ok((rows.into_iter().filter_map(place).collect(), end));
    }
}

/// The next groups that a statement lists, and where those behind them begin.
async fn places(
    connection: &mut AsyncPgConnection,
    text: String,
    within: &GroupFilter,
    (user_id, date): Place,
) -> QueryResult<(Vec<Place>, Option<Place>)> {
    let query = diesel::sql_query(text);
    let rows: Vec<PlaceRow> = bind_filter!(query, within)
        .bind::<BigInt, _>(user_id)
        .bind::<Date, _>(date)
        .bind::<BigInt, _>(PAGE_GROUPS)
        .load(connection)
        .await?;
    let places: Vec<_> = rows
        .into_iter()
        .map(|row| (row.user_id, row.local_date))
        .collect();
    Ok(queue::with_end(places))
}

async fn mark(
    connection: &mut AsyncPgConnection,
    domain: Domain,
    groups: &[KnownGroup],
    why: Mark,
) -> QueryResult<()> {
    let rows = |group: &KnownGroup| i32::try_from(group.rows).unwrap_or(i32::MAX);
    let users: Vec<_> = groups.iter().map(|group| group.key.user_id).collect();
    let dates: Vec<_> = groups.iter().map(|group| group.key.local_date).collect();
    diesel::sql_query(flat(include_str!("sql/mark.sql")))
        .bind::<Text, _>(domain.name())
        .bind::<Text, _>(why.kind())
        .bind::<Array<BigInt>, _>(users)
        .bind::<Array<Date>, _>(dates)
        .bind::<Array<Integer>, _>(groups.iter().map(rows).collect::<Vec<_>>())
        .execute(connection)
        .await
        .map(|_| ())
}
