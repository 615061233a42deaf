use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl Failures for PgStore {
    async fn mark_failed(&self, key: GroupKey, failure: &Failure) -> Result<Option<GroupState>> {
        todo!()
    }

    async fn failed_groups(
        &self,
        domain: Domain,
        filter: &FailedFilter,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<FailedGroup>> {
        todo!()
    }

    async fn past_failures(&self, key: GroupKey, limit: usize) -> Result<Vec<PastFailure>> {
        todo!()
    }

    async fn is_put_off(&self, key: GroupKey) -> Result<bool> {
        todo!()
    }

    async fn retry_failed(&self, key: GroupKey) -> Result<bool> {
        todo!()
    }

    async fn discard_failed(&self, key: GroupKey) -> Result<bool> {
        todo!()
    }
}
