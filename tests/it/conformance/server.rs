//! The door of whoever opens a database or watches it.

use vitalfold::store::Store;

use super::{DAY, at_ten, give};
use crate::database::Database;

on_both! {
    migrating_twice_changes_nothing,
    the_default_zone_is_what_was_last_told,
    zone_names_are_listed_each_once,
    a_pool_that_is_reset_serves_on,
}

async fn migrating_twice_changes_nothing<S: Store>(_: &Database, store: S) {
    assert_eq!(store.migrate().await.unwrap(), Vec::<String>::new());
    assert_eq!(
        store.pending_migrations().await.unwrap(),
        Vec::<String>::new()
    );
}

async fn the_default_zone_is_what_was_last_told<S: Store>(_: &Database, store: S) {
    assert_eq!(store.default_time_zone().await.unwrap(), "UTC");
    store.set_default_time_zone("Asia/Tokyo").await.unwrap();
    assert_eq!(store.default_time_zone().await.unwrap(), "Asia/Tokyo");
}

async fn zone_names_are_listed_each_once<S: Store>(db: &Database, store: S) {
    db.execute(
        "insert into user_time_zones values (1, 'Asia/Tokyo'), (2, 'UTC'), (3, 'Asia/Tokyo'), \
         (4, 'Europe/Berlin')",
    );
    let names = async |limit| store.time_zone_names(limit).await.unwrap();
    assert_eq!(names(10).await, ["Asia/Tokyo", "Europe/Berlin", "UTC"]);
    assert_eq!(names(1).await, ["Asia/Tokyo"]);
}

async fn a_pool_that_is_reset_serves_on<S: Store>(_: &Database, store: S) {
    store.ping().await.unwrap();
    store.check_limits().await.unwrap();
    store.server_load().await.unwrap();
    assert!(store.max_concurrency() > 0);
    assert_eq!(store.lost(), None);
    assert_eq!(store.pool_stats().checked_out, 0);
    assert!(store.reset_pool() > 0);
    give(&store, [at_ten(1, DAY)]).await;
    assert!(store.pool_stats().max > 0);
}
