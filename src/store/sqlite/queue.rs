//! Finding work.

mod pages;

use diesel::deserialize::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};

use super::SqliteStore;
use super::rows::{ago, at_most, bind_filter, date};
use super::texts::of_domain;
use crate::domain::{Domain, GroupKey, UserId};
use crate::store::sql::flat;
use crate::store::{
    GroupFilter, KnownGroup, Mark, Page, Place, Probe, Pull, Pulled, PulledGroup, Queue, Result,
    Which,
};

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
            pages::groups(c, domain, &within, which, from)
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
