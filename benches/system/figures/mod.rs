//! Each figure in a file of its own.

mod recorded;
mod replay;
mod set_based;
mod throughput;

use crate::arguments::Arguments;
use crate::line::Report;
use crate::server::Server;

pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Server, &Arguments, &mut Report),
}

pub(crate) const ALL: &[Figure] = &[Figure {
    name: "throughput",
    run: throughput::run,
}];
