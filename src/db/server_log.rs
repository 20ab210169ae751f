//! What a database server that is not ours writes to its log: errors and statements may quote the values of a row. The embedded server
//! has these settings fixed (`embedded::cluster`); of another one only its administrator may change them, and we say which.

use diesel::pg::PgConnection;
use diesel::{QueryResult, RunQueryDsl as _, sql_query};

use super::Finding;

/// One sentence for each setting, as it is for this role and this database, under which a value of a record may get into the log.
const CHECKS: &str = "
SELECT format('PostgreSQL''s log may show values of records: %s is %s; set %s', name, current_setting(name), advice) AS sentence
  FROM (VALUES
    ('log_min_messages', '^(log|fatal|panic)$', 'it to log: the text of an error may quote a value'),
    ('log_min_error_statement', '^(log|fatal|panic)$', 'it to panic: the statement of an error may hold one'),
    ('log_statement', '^(none|ddl)$', 'it to none'),
    ('log_parameter_max_length', '^0$', 'it to 0'),
    ('log_parameter_max_length_on_error', '^0$', 'it to 0'),
    ('auto_explain.log_parameter_max_length', '^0$', 'it to 0'),
    ('pgaudit.log_parameter', '^off$', 'it to off')
  ) AS setting (name, harmless, advice)
 WHERE current_setting(name, true) IS NOT NULL AND current_setting(name, true) !~ harmless
UNION ALL
SELECT format('PostgreSQL''s log may show values of records: log_error_verbosity is %s; set it to terse: the detail of an error quotes the row',
    current_setting('log_error_verbosity'))
 WHERE current_setting('log_error_verbosity') <> 'terse'";

/// What in the server's settings lets a value of a record into its log; empty when nothing does.
///
/// # Errors
/// When the settings cannot be read.
pub fn inspect_server_log(conn: &mut PgConnection) -> QueryResult<Vec<Finding>> {
    sql_query(CHECKS).load(conn)
}
