use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl View for PgStore {
    async fn status(&self, domains: &[Domain]) -> Result<Status> {
        todo!()
    }

    async fn history(&self, batches: i64) -> Result<History> {
        todo!()
    }

    async fn users(&self, domain: Domain, after: UserId, limit: i64) -> Result<Vec<UserId>> {
        todo!()
    }

    async fn series(&self, domain: Domain, user_id: UserId, limit: i64) -> Result<Vec<SeriesLine>> {
        todo!()
    }

    async fn aggregates<F: Fold>(
        &self,
        query: &AggregateQuery,
    ) -> Result<Vec<Aggregate<F::Measure>>> {
        todo!()
    }
}
