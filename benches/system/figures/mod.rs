//! Each figure in a file of its own.

mod crowd;
mod freshness;
mod hour;
mod idle;
mod insert;
mod neighbour;
mod recorded;
mod replay;
mod row_by_row;
mod scale;
mod set_based;
mod throughput;
mod trickle;
mod wal;

use crate::arguments::Arguments;
use crate::line::Report;
use crate::server::Server;

pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Server, &Arguments, &mut Report),
    /// Takes longer than all the others.
    pub(crate) only_by_name: bool,
}

pub(crate) const ALL: &[Figure] = &[
    Figure {
        name: "throughput",
        run: throughput::run,
        only_by_name: false,
    },
    Figure {
        name: "wal",
        run: wal::run,
        only_by_name: false,
    },
    Figure {
        name: "insert",
        run: insert::run,
        only_by_name: false,
    },
    Figure {
        name: "neighbour",
        run: neighbour::run,
        only_by_name: false,
    },
    Figure {
        name: "scale",
        run: scale::run,
        only_by_name: false,
    },
    Figure {
        name: "trickle",
        run: trickle::run,
        only_by_name: false,
    },
    Figure {
        name: "freshness",
        run: freshness::run,
        only_by_name: false,
    },
    Figure {
        name: "idle",
        run: idle::run,
        only_by_name: false,
    },
    Figure {
        name: "crowd",
        run: crowd::run,
        only_by_name: false,
    },
    Figure {
        name: "hour",
        run: hour::run,
        only_by_name: true,
    },
];
