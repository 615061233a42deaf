//! What a fold costs, and what the application beside it notices: every figure
//! is a ratio to a baseline that ran in the same minutes on the same
//! throw-away PostgreSQL, or to a limit that is promised.
//!
//! `scripts/bench [--quick] [--json FILE] [--compare FILE] [--binary FILE] [FIGURE…]`
#![expect(clippy::print_stdout, reason = "the table is what this program prints")]

mod api;
mod arguments;
#[path = "../../tests/support/cluster.rs"]
#[expect(dead_code, reason = "shared with the tests")]
mod cluster;
mod compare;
mod figures;
mod line;
mod process;
mod program;
#[path = "../../tests/chaos/proxy.rs"]
#[expect(dead_code, reason = "shared with the chaos suite")]
mod proxy;
mod report;
mod sampler;
mod server;
#[path = "../../tests/chaos/sql.rs"]
#[expect(dead_code, reason = "shared with the chaos suite")]
mod sql;
mod worker;
mod workload;

use std::time::Instant;

use arguments::Arguments;
use line::Report;
use server::Server;

fn main() {
    let arguments = Arguments::read(std::env::args().skip(1)).unwrap_or_else(|error| fail(&error));
    let size = if arguments.quick { "quick" } else { "full" };
    let committed = arguments
        .compare
        .as_deref()
        .map(|file| compare::read(file, size).unwrap_or_else(|error| fail(&error)));
    let mut report = Report::default();
    let server = Server::start();
    let started = Instant::now();
    for figure in figures::ALL.iter().filter(|f| arguments.wants(f)) {
        let begun = Instant::now();
        eprintln!("bench {} …", figure.name);
        (figure.run)(&server, &arguments, &mut report);
        let seconds = begun.elapsed().as_secs_f64();
        eprintln!("bench {} … {seconds:.0} s", figure.name);
    }
    print!("\n{}", report::render(&report));
    let seconds = started.elapsed().as_secs_f64();
    println!("\n{size}, {seconds:.0} s");
    if let Some(file) = &arguments.json {
        std::fs::write(file, report::json(&report, size, seconds))
            .unwrap_or_else(|error| fail(&format!("cannot write {file}: {error}")));
    }
    let Some(committed) = committed else {
        return;
    };
    let worse = compare::worse(&report, &committed);
    print!("\n{}", compare::render(&worse));
    // The server does not outlive this program.
    drop(server);
    std::process::exit(i32::from(!worse.is_empty()));
}

fn fail(error: &str) -> ! {
    eprintln!("error: {error}");
    std::process::exit(2);
}
