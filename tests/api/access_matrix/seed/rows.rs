//! Every row as it was sown, to be put back after a call that changed some.

use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, RunQueryDsl as _};

use super::Text;
use crate::support::db::Database;

/// The rows as they were when the walk began: a write that worked is taken back, so that every cell meets the same state.
pub struct Rows {
    conn: PgConnection,
    restore: String,
}

impl Rows {
    pub fn keep(db: &Database) -> Self {
        let mut conn = db.superuser();
        let tables: Vec<Text> = diesel::sql_query(
            "SELECT quote_ident(tablename) AS text FROM pg_tables WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations' ORDER BY 1",
        )
        .load(&mut conn)
        .unwrap();
        // Without triggers: foreign keys are whole again at the end, and the directory is as it was.
        conn.batch_execute("SET session_replication_role = replica; CREATE SCHEMA kept").unwrap();
        let mut restore = String::from("BEGIN;");
        for Text { text: table } in tables {
            conn.batch_execute(&format!("CREATE TABLE kept.{table} AS TABLE public.{table}")).unwrap();
            restore +=
                &format!("DELETE FROM public.{table}; INSERT INTO public.{table} OVERRIDING SYSTEM VALUE TABLE kept.{table};");
        }
        Self { conn, restore: restore + "COMMIT" }
    }

    pub fn restore(&mut self) {
        self.conn.batch_execute(&self.restore).unwrap();
    }
}
