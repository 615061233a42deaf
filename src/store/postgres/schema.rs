//! The tables that all domains share, as diesel knows them.

diesel::table! {
    user_time_zones (user_id) {
        user_id -> BigInt,
        time_zone -> Text,
    }
}

diesel::table! {
    worker_control (id) {
        id -> SmallInt,
        paused -> Bool,
        paused_at -> Nullable<Timestamptz>,
        default_time_zone -> Text,
    }
}

diesel::table! {
    worker_heartbeats (worker) {
        worker -> Text,
        mode -> Text,
        started_at -> Timestamptz,
        seen_at -> Timestamptz,
        activity -> Text,
        folding -> Jsonb,
    }
}

diesel::table! {
    failed_groups (user_id, domain, local_date) {
        user_id -> BigInt,
        domain -> Text,
        local_date -> Date,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamptz,
        error -> Text,
        error_class -> Text,
        rows -> Integer,
        emptied -> Bool,
        since -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    aggregation_batches (id) {
        id -> Uuid,
        worker -> Text,
        domain -> Text,
        started_at -> Timestamptz,
        duration_ms -> BigInt,
        rows_pulled -> BigInt,
        rows_completed -> BigInt,
        rows_rejected -> BigInt,
        groups_ok -> BigInt,
        groups_failed -> BigInt,
        groups_skipped -> BigInt,
        pool_before -> Jsonb,
        pool_after -> Jsonb,
    }
}

diesel::table! {
    aggregation_errors (user_id, id) {
        user_id -> BigInt,
        id -> BigInt,
        domain -> Text,
        local_date -> Date,
        failed_at -> Timestamptz,
        attempts -> Integer,
        error_class -> Text,
        error -> Text,
        worker -> Text,
    }
}
