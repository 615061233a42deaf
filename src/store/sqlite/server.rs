use super::*;
use crate::domain::{Aggregate, Domain, Fold, GroupKey, UserId};

impl Server for SqliteStore {
    fn pool_stats(&self) -> PoolStats {
        todo!()
    }

    fn reset_pool(&self) -> usize {
        todo!()
    }

    async fn server_load(&self) -> Result<ServerLoad> {
        todo!()
    }

    async fn ping(&self) -> Result<()> {
        todo!()
    }

    fn max_concurrency(&self) -> usize {
        todo!()
    }

    fn lost(&self) -> Option<String> {
        None
    }
    async fn migrate(&self) -> Result<Vec<String>> {
        todo!()
    }

    async fn pending_migrations(&self) -> Result<Vec<String>> {
        todo!()
    }

    async fn check_limits(&self) -> Result<()> {
        todo!()
    }

    async fn set_default_time_zone(&self, zone: &str) -> Result<()> {
        todo!()
    }

    async fn default_time_zone(&self) -> Result<String> {
        todo!()
    }

    async fn time_zone_names(&self, limit: usize) -> Result<Vec<String>> {
        todo!()
    }
}

pub(super) fn is_sound(_: &mut SqliteConnection) -> QueryResult<bool> {
    todo!()
}
