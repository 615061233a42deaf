//! The driver against a store in memory, and the parsers against real files
//! and garbage.

mod driver;
mod garbage;
mod real;
mod store;
