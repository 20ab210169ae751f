//! What the journal holds of one referral.

use diesel::{QueryableByName, RunQueryDsl as _};
use serde_json::Value;

use crate::support::App;

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

/// The audit entries of a referral that wait for their place, in order, `before` and `after` as JSON.
pub fn audit(app: &App, id: &str) -> Vec<Value> {
    let query = format!(
        "SELECT (to_jsonb(e) || jsonb_build_object('before', e.before::jsonb, 'after', e.after::jsonb))::text AS text
           FROM audit_entries e JOIN journal_queue q ON q.id = e.id WHERE subject_id = '{id}' ORDER BY q.number"
    );
    let rows: Vec<Text> = diesel::sql_query(query).load(&mut app.db.superuser()).unwrap();
    rows.into_iter().map(|row| serde_json::from_str(&row.text).unwrap()).collect()
}

/// The events of a referral in order: type and version.
pub fn events(app: &App, id: &str) -> Vec<(String, i32)> {
    let query = format!("SELECT event_type || ' ' || version AS text FROM events WHERE subject_id = '{id}' ORDER BY number");
    let rows: Vec<Text> = diesel::sql_query(query).load(&mut app.db.superuser()).unwrap();
    rows.into_iter()
        .map(|row| row.text.split_once(' ').map(|(kind, version)| (kind.to_owned(), version.parse().unwrap())).unwrap())
        .collect()
}
