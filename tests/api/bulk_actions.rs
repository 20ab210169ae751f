//! One action on many referrals: each decides for itself, as it would alone, and all of it is one transaction.

mod moves;
mod races;
mod refusals;
mod rows;

use serde_json::{Value, json};

use crate::support::App;
use crate::support::callers::{Answer, Person};
use crate::support::make;
use crate::tenancy::texts;

const PATH: &str = "/v1/bulk-actions";

/// Gives these referrals to a member.
fn reassign(owner: impl std::fmt::Display, referrals: &[Value]) -> Value {
    json!({"reassign": {"owner_id": owner.to_string(), "reason": "absence"}, "referrals": referrals})
}

/// Moves these referrals.
fn transition(to: Value, referrals: &[Value]) -> Value {
    json!({"transition": to, "referrals": referrals})
}

fn all(ids: &[String]) -> Vec<Value> {
    ids.iter().map(|id| json!({"id": id})).collect()
}

/// The results in order, as `outcome version code allowed_actions`.
fn results(answer: &Answer) -> Vec<String> {
    let result = |one: &Value| {
        let word = |field: &str| one[field].as_str().map(|word| format!(" {word}")).unwrap_or_default();
        let allowed: Vec<&str> = one["allowed_actions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let allowed = if allowed.is_empty() { String::new() } else { format!(" [{}]", allowed.join(" ")) };
        let version = one["version"].as_i64().map(|version| format!(" v{version}")).unwrap_or_default();
        assert_eq!(one["code"].is_null(), one["outcome"] == "done");
        assert_eq!(one["detail"].is_null(), one["outcome"] == "done");
        format!("{}{version}{}{allowed}", one["outcome"].as_str().unwrap(), word("code"))
    };
    let results: Vec<String> = answer.body["results"].as_array().unwrap().iter().map(result).collect();
    for (field, outcome) in [("done", "done"), ("refused", "refused")] {
        let count = results.iter().filter(|result| result.starts_with(outcome)).count();
        assert_eq!(answer.body[field].as_u64(), Some(count as u64), "{field}");
    }
    results
}

async fn go(person: &Person, id: &str, body: Value) -> Answer {
    person.post_on(&format!("/v1/referrals/{id}/transitions"), "*", &body).await.expect(200)
}

async fn sent(app: &App, count: usize) -> Vec<String> {
    let partner = app.partner();
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(make::sent(&partner).await.id());
    }
    ids
}

/// Everything that is kept of referrals, and what was recorded of them.
fn kept(app: &App) -> Vec<String> {
    let tables = ["referrals", "audit_entries", "events", "journal_queue", "contact_withdrawals", "idempotency_keys"];
    let all = tables.map(|table| format!("SELECT '{table} ' || t::text AS text FROM {table} t")).join(" UNION ALL ");
    texts(&mut app.db.superuser(), &format!("{all} ORDER BY 1"))
}

/// Status, owner and version of a referral.
fn stand(app: &App, id: &str) -> String {
    let sql = format!("SELECT status || ' ' || owner_id || ' v' || version AS text FROM referrals WHERE id = '{id}'");
    texts(&mut app.db.superuser(), &sql).remove(0)
}
