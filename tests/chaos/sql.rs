//! A session of another program, held for as long as its value lives.

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

pub(crate) struct Sql {
    // Before the runtime: dropping both closes the connection.
    client: Client,
    runtime: Runtime,
}

impl Sql {
    pub(crate) fn connect(url: &str) -> Result<Sql, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            Ok::<_, Error>(client)
        })?;
        Ok(Sql { client, runtime })
    }

    /// Runs statements; returns the first column of every row.
    pub(crate) fn run(&self, statements: &str) -> Result<Vec<String>, Error> {
        let messages = self
            .runtime
            .block_on(self.client.simple_query(statements))?;
        Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            })
            .collect())
    }

    /// The one value of a query that succeeds.
    pub(crate) fn value(&self, query: &str) -> String {
        self.run(query).unwrap().swap_remove(0)
    }

    pub(crate) fn count(&self, from: &str) -> u64 {
        self.value(&format!("select count(*) from {from}"))
            .parse()
            .unwrap()
    }
}
