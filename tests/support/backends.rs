//! Declares tests that run on both backends.

/// Declares one test per backend and name: the functions get a database and its
/// store.
macro_rules! on_both {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        mod postgres {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let db = crate::database::Database::postgres();
                vitalfold::with_store!(db.store().await, store => super::$name(&db, store).await);
            })*
        }
        mod sqlite {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let db = crate::database::Database::sqlite();
                vitalfold::with_store!(db.store().await, store => super::$name(&db, store).await);
            })*
        }
    };
}
