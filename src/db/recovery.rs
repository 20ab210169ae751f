//! Waiting until a restored server has recovered.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Nullable, Timestamptz};
use diesel::{QueryResult, QueryableByName, RunQueryDsl as _, sql_query};

/// How often it is asked.
const GLANCE: Duration = Duration::from_millis(100);

/// What a backup was restored with, which the server needs no longer.
const SETTINGS: [&str; 3] = ["restore_command", "recovery_target_action", "recovery_target_time"];

#[derive(QueryableByName)]
struct Recovery {
    #[diesel(sql_type = Bool)]
    recovers: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

/// Waits until the server takes writes, drops the settings of its recovery, and says when the last transaction that came back was
/// committed; `None`: none came after the base backup. As superuser. Blocks for as long as the write-ahead log is long.
///
/// # Errors
/// When the server ends meanwhile: it cannot recover.
pub fn await_recovery(conn: &mut PgConnection) -> QueryResult<Option<DateTime<Utc>>> {
    let last = loop {
        let query = "SELECT pg_is_in_recovery() AS recovers, pg_last_xact_replay_timestamp() AS last";
        let now: Recovery = sql_query(query).get_result(conn)?;
        if !now.recovers {
            break now.last;
        }
        std::thread::sleep(GLANCE);
    };
    for name in SETTINGS {
        sql_query(format!("ALTER SYSTEM RESET {name}")).execute(conn)?;
    }
    Ok(last)
}
