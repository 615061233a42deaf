//! `vitalfold migrate`

use super::{Exit, open, output};
use crate::config::{Config, redact};
use crate::store::Server;
use crate::with_store;

pub async fn run(config: &Config) -> anyhow::Result<Exit> {
    let any = open::connected(config, "migrate").await?;
    let applied = with_store!(&any, store => {
        let applied = store.migrate().await?;
        open::set_default_time_zone(config, store).await?;
        applied
    });
    let shown = redact::url(&config.database.url);
    for name in &applied {
        output::print(&format!("applied {name}"))?;
    }
    output::print(&format!("{shown}: the schema is up to date"))?;
    Ok(Exit::Done)
}
