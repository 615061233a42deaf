//! The file: how it is opened, and what tells that it was replaced or damaged.

pub(super) mod classify;
pub(super) mod commits;
pub(super) mod connect;
pub(super) mod file;
pub(super) mod mount;
