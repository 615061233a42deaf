//! One function per way to break something.

mod locks;
mod network;
mod poison;
mod processes;
mod server;
mod shortage;
mod sqlite;
mod tenant;

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
    cell("server-crashed", server::restarted),
    cell("sessions-terminated", server::terminated),
    cell("server-away", server::away),
    cell("server-speaks-german", server::german),
    cell("no-connection-slots", server::no_slots),
    cell("network-black-hole", network::black_hole),
    cell("network-latency", network::latency),
    cell("locks-held", locks::held),
    cell("statements-too-slow", locks::too_slow),
    cell("poison", poison::poison),
    cell("hostile-tenant", tenant::hostile),
    cell("log-on-a-full-disk", shortage::log_on_a_full_disk),
    cell("file-descriptors-exhausted", shortage::file_descriptors),
    cell("clocks-apart", processes::clocks_apart),
    cell("pgbouncer-restarted", network::pooler_restarted),
    cell("sqlite-killed", sqlite::killed),
    cell("sqlite-disk-full", sqlite::disk_full),
];
