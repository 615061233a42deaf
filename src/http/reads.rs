//! Requests at the database, few at a time, none of them cut off.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::problem::Problem;
use crate::store;

/// So many of the worker's connections at most.
pub(super) const AT_ONCE: usize = 2;

/// How long a request waits for its turn, and then for its answer.
const TURN: Duration = Duration::from_secs(3);
const ANSWER: Duration = Duration::from_secs(10);

pub(super) struct Reads(Arc<Semaphore>);

impl Default for Reads {
    fn default() -> Self {
        Reads(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Reads {
    /// Runs one piece of database work. It goes on to its end, and keeps its
    /// turn, when whoever asked has left or waits no longer: a future inside
    /// a database call must not be dropped.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = store::Result<T>> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = timeout(TURN, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::unavailable(
                "others ask the database through this page already; try again",
            ));
        };
        let task = tokio::spawn(async move {
            let _turn = turn;
            work.await
        });
        match timeout(ANSWER, task).await {
            Ok(Ok(answer)) => Ok(answer?),
            Ok(Err(_)) => Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the request ended in a panic, see the log",
            )),
            Err(_) => Err(Problem::unavailable(
                "the database did not answer within 10 seconds",
            )),
        }
    }
}
