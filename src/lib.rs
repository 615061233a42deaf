//! vitalfold folds raw vitals and lab results into aggregates that an
//! application can read at once, and never makes that application wait for it.
//!
//! - [`domain`]: what the numbers mean. Pure: no async, database, clock or log.
//! - [`store`]: the contract with a database and its two implementations.
//! - [`worker`]: pull, group, fold, commit, mark failed; and when to stop.
//! - [`import`]: files that people have, turned into raw rows.
//! - [`http`]: health, metrics and the page of a running worker.
//! - [`commands`]: one file per command of the command line.

pub mod backoff;
pub mod cli;
pub mod commands;
pub mod config;
pub mod domain;
pub mod http;
pub mod import;
pub mod sample;
pub mod store;
pub mod synthetic;
pub mod telemetry;
mod terminal;
pub mod worker;
