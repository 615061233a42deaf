//! `vitalfold completions` and `vitalfold man`

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::{Exit, output};
use crate::cli::Cli;

pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vitalfold", &mut text);
    output::print_data(&String::from_utf8(text)?)?;
    Ok(Exit::Done)
}

/// A page for the program and one for each command.
pub fn pages(folder: &Path) -> anyhow::Result<Exit> {
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write manual pages into {}", folder.display()))?;
    Ok(Exit::Done)
}
