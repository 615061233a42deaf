//! The integration tests: real databases, the real binary, real signals.

mod cluster;
mod database;
mod program;

mod conformance;
mod docs;
mod labs_oracle;
mod modes;
mod real_data;
mod units;
