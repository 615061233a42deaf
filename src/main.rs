//! The command line: which command, and which exit code.

use clap::Parser;
use vitalfold::cli::Cli;

// One thread beside the scheduler's folds and answers, so that memory does not
// grow with the machine and its other cores are the server's and the
// application's. About a hundred thousand rows a second pass through it; more
// workers take more.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let cli = Cli::parse();
    let code = match cli.run().await {
        Ok(exit) => exit.code(),
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            eprintln!("error: {error:#}");
            vitalfold::commands::Exit::CouldNotRun.code()
        }
    };
    // Not a return: after a second signal groups may still be in flight, and
    // the runtime would wait for them.
    std::process::exit(code)
}

/// The reader of our output left, as `head` does: nothing is wrong.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
