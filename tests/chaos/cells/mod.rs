//! One function per way to break something.

mod processes;

use crate::arena::Setting;
use crate::table::Outcome;

pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&Setting) -> Outcome,
}

const fn cell(name: &'static str, run: fn(&Setting) -> Outcome) -> Cell {
    Cell { name, run }
}

pub(crate) const CELLS: &[Cell] = &[
    cell("workers-killed", processes::killed),
    cell("worker-stopped-in-transaction", processes::stopped),
    cell("clocks-apart", processes::clocks_apart),
];
