//! The best that SQL alone does: one statement per period over the whole
//! backlog, in one transaction, as a scheduled job would run it. It takes its work
//! from the same changes as vitalfold and writes no raw row either.

use crate::line::Cost;
use crate::process;
use crate::server::Server;
use crate::workload::Workload;

const VITALS: &str = include_str!("set_based_vitals.sql");
const LABS: &str = include_str!("set_based_labs.sql");

pub(super) fn text(domain: &str) -> &'static str {
    if domain == "labs" { LABS } else { VITALS }
}

pub(super) fn fold(workload: &Workload, template: &str, server: &Server) -> Cost {
    server.copy(template, "run");
    let mut psql = server.client("psql", "run");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c"])
        .arg(text(workload.domain));
    let cost = process::measure(server, psql);
    workload.assert_folded(server, "run");
    cost
}
