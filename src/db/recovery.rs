//! What is left to do on a server that was restored and has recovered.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Nullable, Timestamptz};
use diesel::{QueryResult, QueryableByName, RunQueryDsl as _, sql_query};

/// What it was restored with, and needs no longer.
const SETTINGS: [&str; 4] = ["restore_command", "recovery_target_action", "recovery_target_time", "hot_standby"];

#[derive(QueryableByName)]
struct Recovered {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last: Option<DateTime<Utc>>,
}

/// Drops the settings of the recovery, and says when the last transaction that came back was committed; `None`: none came after the base
/// backup. As superuser.
///
/// # Errors
/// When the server cannot be asked.
pub fn after_recovery(conn: &mut PgConnection) -> QueryResult<Option<DateTime<Utc>>> {
    for name in SETTINGS {
        sql_query(format!("ALTER SYSTEM RESET {name}")).execute(conn)?;
    }
    let recovered: Recovered = sql_query("SELECT pg_last_xact_replay_timestamp() AS last").get_result(conn)?;
    Ok(recovered.last)
}
