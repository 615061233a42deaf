//! `vitalfold pause` and `vitalfold resume`

use super::{Exit, open, output};
use crate::config::Config;
use crate::store::Fleet;
use crate::with_store;

pub async fn run(config: &Config, paused: bool) -> anyhow::Result<Exit> {
    let any = open::ready(config, "pause").await?;
    with_store!(&any, store => store.set_paused(paused).await)?;
    output::print(if paused {
        "paused: every worker stops pulling within seconds; `vitalfold resume` lets them go on"
    } else {
        "resumed"
    })?;
    Ok(Exit::Done)
}
