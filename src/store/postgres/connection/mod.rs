//! Connections: how they are opened, kept, checked and told apart when they fail.

pub(super) mod cached;
pub(super) mod classify;
pub(super) mod connect;
pub(super) mod pool;
pub(super) mod session;
pub(super) mod sqlstate;
pub(super) mod stream;
pub(super) mod target;
pub(super) mod tls;
