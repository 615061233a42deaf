use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl Retention for PgStore {
    async fn clock(&self) -> Result<Clock> {
        todo!()
    }

    async fn retention(&self) -> Result<Vec<RetentionStatus>> {
        todo!()
    }

    async fn refuse_retention(&self, domain: Domain, reason: &str) -> Result<()> {
        todo!()
    }

    async fn forget_clock(&self) -> Result<()> {
        todo!()
    }

    async fn begin_retention(&self, domain: Domain, counted: Backlog) -> Result<()> {
        todo!()
    }

    async fn end_retention(&self, domain: Domain, first_kept: NaiveDate) -> Result<()> {
        todo!()
    }

    async fn first_kept(&self, keep: Duration) -> Result<NaiveDate> {
        todo!()
    }

    async fn oldest_rows(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        todo!()
    }

    async fn oldest_hours(&self, domain: Domain, from: UserId, limit: usize) -> Result<Vec<Place>> {
        todo!()
    }

    async fn delete_late(
        &self,
        domain: Domain,
        user_id: UserId,
        keep: Duration,
        limit: usize,
    ) -> Result<u64> {
        todo!()
    }

    async fn delete_hours(
        &self,
        domain: Domain,
        user_id: UserId,
        before: NaiveDate,
        days: u32,
    ) -> Result<u64> {
        todo!()
    }

    async fn count_sealed(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        todo!()
    }
}

pub(super) async fn first_kept(
    _: &mut diesel_async::AsyncPgConnection,
    _: Duration,
) -> diesel::QueryResult<NaiveDate> {
    todo!()
}

pub(super) async fn take_share(
    _: &mut diesel_async::AsyncPgConnection,
    _: Domain,
) -> diesel::QueryResult<bool> {
    todo!()
}
