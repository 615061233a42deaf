//! What can go wrong around a worker, done to real processes and real servers.
//!
//! `cargo test --test chaos -- [--full] [--seed N] [--json FILE] [CELL…]`
//!
//! Each cell breaks something while workers fold a backlog and an application
//! edits it. The workers then drain it by themselves, and every aggregate is
//! compared with two oracles: a plain SQL group-by, and a fresh database that
//! was folded in one quiet run.
#![expect(clippy::print_stdout, reason = "the table is what this program prints")]

mod application;
mod arena;
mod cells;
#[path = "../support/cluster.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod cluster;
mod oracle;
#[path = "../support/pooler.rs"]
mod pooler;
#[path = "../support/program.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod program;
mod proxy;
mod sql;
#[path = "../support/states.rs"]
mod states;
mod table;
mod workers;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

use arena::Setting;
use cells::{CELLS, Cell};
use table::{Line, Outcome};

/// Short cells run side by side; full ones have the machine to themselves.
const SIDE_BY_SIDE: usize = 2;

struct Arguments {
    full: bool,
    seed: u64,
    json: Option<String>,
    cells: Vec<String>,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let clock = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let mut arguments = Arguments {
            full: false,
            seed: clock % 100_000,
            json: None,
            cells: Vec::new(),
        };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or(format!("{argument} needs a value"));
            match &*argument {
                "--full" => arguments.full = true,
                "--seed" => {
                    let value = value()?;
                    arguments.seed = value
                        .parse()
                        .map_err(|_| format!("--seed {value}: not a number from 0 up"))?;
                }
                "--json" => arguments.json = Some(value()?),
                // What `cargo test -- OPTION` gives every test binary.
                "--nocapture" | "--no-capture" | "--quiet" | "-q" => {}
                option if option.starts_with("--test-threads=") => {}
                option if option.starts_with('-') => {
                    return Err(format!(
                        "{option} is not known; use --full, --seed N, --json FILE, or parts of \
                         cell names"
                    ));
                }
                name => arguments.cells.push(name.to_owned()),
            }
        }
        Ok(arguments)
    }

    fn wants(&self, cell: &Cell) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|part| cell.name.contains(part))
    }
}

fn main() {
    let arguments = Arguments::read(std::env::args().skip(1)).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        std::process::exit(2);
    });
    let queue: Mutex<VecDeque<_>> =
        Mutex::new(CELLS.iter().filter(|cell| arguments.wants(cell)).collect());
    let lines = Mutex::new(Vec::new());
    let side_by_side = if arguments.full { 1 } else { SIDE_BY_SIDE };
    std::thread::scope(|scope| {
        for _ in 0..side_by_side {
            scope.spawn(|| {
                loop {
                    let Some(cell) = queue.lock().unwrap().pop_front() else {
                        break;
                    };
                    lines.lock().unwrap().push(run(cell, &arguments));
                }
            });
        }
    });
    let mut lines = lines.into_inner().unwrap();
    lines.sort_by_key(|line: &Line| CELLS.iter().position(|cell| cell.name == line.cell));
    let size = if arguments.full { "full" } else { "short" };
    println!("\nchaos, {size}, seed {}\n", arguments.seed);
    print!("{}", table::render(&lines));
    if let Some(file) = &arguments.json {
        let json = table::json(&lines, size, arguments.seed);
        std::fs::write(file, json).unwrap_or_else(|error| {
            eprintln!("error: cannot write {file}: {error}");
            std::process::exit(2);
        });
    }
    let failed = lines.iter().filter(|line| line.outcome.is_err()).count();
    println!("\n{} passed, {failed} failed", lines.len() - failed);
    std::process::exit(i32::from(failed > 0));
}

fn run(cell: &Cell, arguments: &Arguments) -> Line {
    let setting = Setting {
        full: arguments.full,
        seed: arguments.seed,
    };
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (cell.run)(&setting))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "panicked".to_owned())
    });
    let line = Line {
        cell: cell.name,
        seconds: started.elapsed().as_secs_f64(),
        outcome: outcome.and_then(Outcome::sound),
    };
    let word = if line.outcome.is_ok() { "ok" } else { "FAILED" };
    eprintln!("chaos {} … {word} ({:.1} s)", line.cell, line.seconds);
    line
}
