//! The command line: which command, and which exit code.

use clap::Parser;
use vitalfold::cli::Cli;
use vitalfold::commands::Exit;
use vitalfold::config::redact;
use vitalfold::telemetry::note;

/// Of the main thread, which the thread below stands in for.
const STACK: usize = 8 << 20;

fn main() {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => std::process::exit(explain(&error)),
    };
    // One thread, so that memory does not grow with the machine and its other
    // cores are the server's and the application's. About a hundred thousand
    // rows a second pass through it; more workers take more.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .expect("a thread can be started");
    // On that thread too: as the main thread's it would wake the other, and be
    // woken by it, for every batch.
    let ran = runtime
        .block_on(async { tokio::spawn(cli.run()).await })
        .unwrap_or_else(|error| Err(anyhow::anyhow!("ended in the middle: {error}")));
    let code = match ran {
        Ok(exit) => exit.code(),
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            note(&redact::message(&format!("error: {error:#}")));
            Exit::CouldNotRun.code()
        }
    };
    // Not a return: after a second signal groups may still be in flight, and
    // the runtime would wait for them.
    std::process::exit(code)
}

/// Prints help to stdout, or what is wrong with the command line to stderr;
/// returns the exit code. What was typed may hold a password.
fn explain(error: &clap::Error) -> i32 {
    if error.use_stderr() {
        note(&redact::message(&error.to_string()));
        return error.exit_code();
    }
    match error.print() {
        Err(failure) if failure.kind() != std::io::ErrorKind::BrokenPipe => {
            note(&format!("error: cannot write to stdout: {failure}"));
            Exit::CouldNotRun.code()
        }
        _ => error.exit_code(),
    }
}

/// The reader of our output left, as `head` does: nothing is wrong.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
