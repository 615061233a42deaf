//! Each figure in a file of its own.

mod crowd;
mod freshness;
mod idle;
mod neighbour;
mod recorded;
mod replay;
mod row_by_row;
mod scale;
mod set_based;
mod throughput;
mod trickle;

use crate::arguments::Arguments;
use crate::line::Report;
use crate::server::Server;

pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Server, &Arguments, &mut Report),
}

pub(crate) const ALL: &[Figure] = &[
    Figure {
        name: "throughput",
        run: throughput::run,
    },
    Figure {
        name: "neighbour",
        run: neighbour::run,
    },
    Figure {
        name: "scale",
        run: scale::run,
    },
    Figure {
        name: "trickle",
        run: trickle::run,
    },
    Figure {
        name: "freshness",
        run: freshness::run,
    },
    Figure {
        name: "idle",
        run: idle::run,
    },
    Figure {
        name: "crowd",
        run: crowd::run,
    },
];
