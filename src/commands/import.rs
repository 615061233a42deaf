use super::Exit;
use crate::config::Config;
#[derive(Debug, clap::Args)]
pub struct Args {}
pub async fn run(_config: &Config, _args: Args) -> anyhow::Result<Exit> {
    Ok(Exit::Done)
}
