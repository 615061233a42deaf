//! One empty database for one test, on either backend.

use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use vitalfold::config::Config;
use vitalfold::store::postgres::PgStore;
use vitalfold::store::sqlite::SqliteStore;
use vitalfold::store::{AnyStore, Server};
use vitalfold::with_store;

use crate::cluster;

pub(crate) enum Database {
    Postgres {
        url: String,
        name: String,
    },
    Sqlite {
        url: String,
        _dir: tempfile::TempDir,
    },
}

impl Database {
    pub(crate) fn postgres() -> Database {
        let url = cluster::shared().database();
        let name = url.rsplit('/').next().unwrap().to_owned();
        Database::Postgres { url, name }
    }

    pub(crate) fn sqlite() -> Database {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("t.db").display());
        Database::Sqlite { url, _dir: dir }
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Database::Postgres { url, .. } | Database::Sqlite { url, .. } => url,
        }
    }

    /// A store on this database with its schema in place.
    pub(crate) async fn store(&self) -> AnyStore {
        let mut config = Config::default();
        self.url().clone_into(&mut config.database.url);
        let store = match self {
            Database::Postgres { .. } => {
                AnyStore::Postgres(PgStore::new(&config, "vitalfold test").unwrap())
            }
            Database::Sqlite { .. } => AnyStore::Sqlite(SqliteStore::new(&config).unwrap()),
        };
        with_store!(&store, s => s.migrate().await).unwrap();
        store
    }

    /// A store on this PostgreSQL database for another role.
    pub(crate) fn store_as(&self, role: &str) -> PgStore {
        let mut config = Config::default();
        let owner = "postgres://postgres@";
        config.database.url = self.url().replace(owner, &format!("postgres://{role}@"));
        PgStore::new(&config, "vitalfold test").unwrap()
    }

    /// Runs statements as another program would.
    pub(crate) fn execute(&self, statements: &str) {
        match self {
            Database::Postgres { name, .. } => {
                cluster::shared().psql(name, statements);
            }
            Database::Sqlite { .. } => self.sqlite_connection().batch_execute(statements).unwrap(),
        }
    }

    /// The text of one value, such as `(select count(*) from raw_vitals)`.
    pub(crate) fn value(&self, expression: &str) -> String {
        match self {
            Database::Postgres { name, .. } => {
                cluster::shared().psql(name, &format!("select ({expression})::text"))
            }
            Database::Sqlite { .. } => {
                let text = format!("select cast(({expression}) as text) as value");
                let row: Value = diesel::sql_query(text)
                    .get_result(&mut self.sqlite_connection())
                    .unwrap();
                row.value.unwrap_or_default()
            }
        }
    }

    /// A session of the application, held open between statements.
    pub(crate) fn session(&self) -> cluster::Session {
        match self {
            Database::Postgres { name, .. } => cluster::shared().session(name),
            Database::Sqlite { .. } => panic!("SQLite has no sessions"),
        }
    }

    fn sqlite_connection(&self) -> SqliteConnection {
        let path = self.url().strip_prefix("sqlite://").unwrap();
        let mut connection = SqliteConnection::establish(path).unwrap();
        connection
            .batch_execute("pragma busy_timeout = 10000")
            .unwrap();
        connection
    }
}

#[derive(diesel::QueryableByName)]
struct Value {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    value: Option<String>,
}
