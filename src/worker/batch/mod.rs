//! One batch of one domain: found, run, reported.

mod find;
mod report;
mod run;

pub use find::{Batch, any_work, find};
pub use report::BatchReport;
pub use run::BatchRun;
