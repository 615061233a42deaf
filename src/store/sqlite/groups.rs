use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl Groups for SqliteStore {
    async fn fold(&self, key: GroupKey) -> Result<GroupOutcome> {
        todo!()
    }

    async fn fold_without(&self, key: GroupKey, isolation: &Isolation) -> Result<GroupOutcome> {
        todo!()
    }

    async fn row_ids(&self, key: GroupKey) -> Result<Vec<i64>> {
        todo!()
    }

    async fn check(&self, key: GroupKey) -> Result<GroupCheck> {
        todo!()
    }

    async fn seal(&self, key: GroupKey, of_share: bool) -> Result<Seal> {
        todo!()
    }
}
