use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl Queue for SqliteStore {
    async fn pending_users(&self, domain: Domain) -> Result<Option<(UserId, UserId)>> {
        todo!()
    }

    async fn pull(&self, pull: &Pull) -> Result<Pulled> {
        todo!()
    }

    async fn due(
        &self,
        domain: Domain,
        within: &GroupFilter,
        limit: usize,
    ) -> Result<Vec<GroupKey>> {
        todo!()
    }

    async fn work_waits(&self, probe: &Probe) -> Result<bool> {
        todo!()
    }

    async fn count_due(&self, domain: Domain, within: &GroupFilter) -> Result<u64> {
        todo!()
    }

    async fn groups(
        &self,
        domain: Domain,
        within: &GroupFilter,
        which: Which,
        from: Option<Place>,
    ) -> Result<Page> {
        todo!()
    }

    async fn mark(&self, domain: Domain, groups: &[KnownGroup], why: Mark) -> Result<()> {
        todo!()
    }
}
