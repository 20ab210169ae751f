//! The request maker: how each operation is called on each target. An operation that is not here fails the coverage test.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::Operation;
use super::people::Person;
use super::seed::{Own, World};
use crate::support::callers::fresh_key;

/// Whose rows are meant, as the caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Whatever there is: a list without a filter, or an operation that names nothing.
    All,
    /// The caller's own; for the site, those of its first partner.
    Own,
    /// Those of the other partner of the same site.
    Sibling,
    /// A test referral of its own.
    TestReferral,
    /// Those of the other site.
    Foreign,
    /// Nobody's.
    Unknown,
}

pub const TARGETS: [Target; 6] =
    [Target::All, Target::Own, Target::Sibling, Target::TestReferral, Target::Foreign, Target::Unknown];

/// What is sent: `None` when the operation takes no body, and the filter of a list.
enum Sent {
    Nothing,
    Body(Value),
    Filter(String),
    File(&'static str),
}

/// Whether the request maker knows an operation.
pub fn covers(operation: &str) -> bool {
    let nobody = Own::nobody();
    sent(operation, &nobody, &nobody, false).is_some()
}

/// The request of a cell; `None` where the operation has no such target.
pub fn prepare(operation: &Operation, person: &Person, target: Target, world: &World) -> Option<RequestBuilder> {
    let (half, other) = if person.away { (&world.away, &world.home) } else { (&world.home, &world.away) };
    let (own, sibling) = if person.is_sibling { (&half.sibling, &half.own) } else { (&half.own, &half.sibling) };
    let nobody = Own::nobody();
    let (meant, neighbour) = match target {
        Target::All | Target::Own | Target::TestReferral => (own, sibling),
        Target::Sibling => (sibling, own),
        Target::Foreign => (&other.own, &other.sibling),
        Target::Unknown => (&nobody, &nobody),
    };
    let id = &operation.id;
    let has_target = operation.path.contains("{id}")
        || matches!(
            id.as_str(),
            "create_route"
                | "create_referral"
                | "create_api_key"
                | "create_duplicate_review"
                | "check_language"
                | "create_bulk_action"
                | "preflight_route"
                | "list_routes"
                | "list_test_runs"
                | "list_refusals"
                | "list_queue"
                | "list_referrals"
                | "list_api_keys"
                | "list_duplicate_reviews"
                | "create_language_version"
                | "list_language_versions"
                | "get_current_language"
                | "get_sponsor_summary_report"
                | "get_feedback"
                | "create_acknowledgement"
                | "list_acknowledgements"
                | "create_approved_process"
                | "list_approved_processes"
        );
    let makes_one = ["create_referral", "create_test_referral"].contains(&id.as_str());
    let has_test = id.contains("referral") && !id.contains("import") && !makes_one || id == "correct_attribution";
    let applies = match target {
        Target::All => !has_target || id.starts_with("list_") && !operation.path.contains("{id}"),
        Target::TestReferral => has_test,
        _ => has_target,
    };
    if !applies {
        return None;
    }
    let segment = match operation.path.split('/').nth(2).unwrap_or_default() {
        "members" if id == "reactivate_member" => &meant.left_member_id,
        "members" => &meant.member_id,
        "studies" => &meant.study_id,
        "partners" => &meant.partner_id,
        "routes" => &meant.route_id,
        "api-keys" => &meant.key_id,
        "duplicate-reviews" => &meant.review_id,
        "alerts" => &meant.alert_id,
        "webhook-endpoints" => &meant.endpoint_id,
        "referral-imports" => &meant.import_id,
        "language-versions" => &meant.version_id,
        "approved-processes" => &meant.process_id,
        "test-runs" => &meant.test_run_id,
        // The first one waits for its partner, and so stays with it.
        "referrals" if id == "correct_attribution" && target != Target::TestReferral => &meant.unpaired_referral_id,
        "referrals" if target == Target::TestReferral => &meant.test_referral_id,
        "referrals" => &meant.referral_id,
        _ => "",
    };
    let mut path = operation
        .path
        .replace("{id}", segment)
        .replace("{window_id}", &meant.window_id)
        .replace("{code}", "materials_unclear")
        .replace("{review_id}", &meant.partner_review_id);
    let reference = if target == Target::TestReferral { &meant.test_reference } else { &meant.partner_reference };
    let named = Own { partner_reference: reference.clone(), ..meant.clone() };
    let sent = sent(id, &named, neighbour, person.is_partner()).expect("an operation of the request maker");
    if let (Sent::Filter(filter), true) = (&sent, target != Target::All) {
        path = format!("{path}?{filter}");
    }
    let mut request = person.caller.request(Method::from_bytes(operation.method.as_bytes()).unwrap(), &path);
    if operation.method == "POST" {
        request = request.header("Idempotency-Key", fresh_key());
    }
    if operation.needs_version {
        request = request.header("If-Match", "*");
    }
    Some(match sent {
        Sent::Body(body) => request.json(&body),
        Sent::File(text) => request.header("Content-Type", "text/csv").body(text),
        _ => request,
    })
}

/// What an operation sends about these rows. `neighbour` has a study that these rows' partner has no route for.
fn sent(operation: &str, meant: &Own, neighbour: &Own, is_partner: bool) -> Option<Sent> {
    Some(match operation {
        "healthz"
        | "readyz"
        | "get_site"
        | "get_api_key"
        | "list_members"
        | "get_member"
        | "reactivate_member"
        | "list_alerts"
        | "get_alert"
        | "confirm_alert"
        | "create_test_alert"
        | "get_alert_webhook"
        | "list_referral_imports"
        | "get_referral_import"
        | "list_import_rows"
        | "cancel_referral_import"
        | "list_webhook_endpoints"
        | "get_webhook_endpoint"
        | "delete_webhook_endpoint"
        | "create_webhook_test"
        | "list_webhook_deliveries"
        | "delete_alert_webhook"
        | "list_studies"
        | "list_partners"
        | "get_study"
        | "get_partner"
        | "get_route"
        | "get_referral"
        | "list_referral_actions"
        | "list_referral_events"
        | "unmark_referral_issue"
        | "get_queue_counts"
        | "list_events"
        | "get_source_quality_report"
        | "get_movement_report"
        | "get_blockers_report"
        | "get_next_actions_report"
        | "get_workflow_signal_report"
        | "list_audit_entries"
        | "get_duplicate_review"
        | "list_partner_reviews"
        | "get_partner_review"
        | "list_away_windows"
        | "get_away_window"
        | "delete_away_window"
        | "launch_route"
        | "get_launch_check"
        | "get_test_run"
        | "confirm_test_run"
        | "cancel_test_run"
        | "pause_route"
        | "resume_route"
        | "retire_route"
        | "withdraw_referral"
        | "delete_sealed_details"
        | "get_language_version"
        | "submit_language_version"
        | "approve_language_version"
        | "get_approved_process" => Sent::Nothing,
        "list_language_versions"
        | "list_acknowledgements"
        | "list_approved_processes"
        | "get_current_language"
        | "get_sponsor_summary_report" => Sent::Filter(format!("study={}", meant.study_code)),
        "get_feedback" => Sent::Filter(format!("partner={}", meant.partner_code)),
        "diff_language_versions" => Sent::Filter(format!("against={}", meant.version_id)),
        "create_language_version" => {
            let mut draft = crate::language::draft();
            draft["study"] = json!(meant.study_code);
            Sent::Body(draft)
        }
        "update_language_version" => Sent::Body(json!({"grace_days": 7})),
        "return_language_version" => Sent::Body(json!({"reason": "wording_unclear"})),
        "retire_language_version" => Sent::Body(json!({"reason": "study_ended"})),
        "create_acknowledgement" => Sent::Body(json!({"version_id": meant.current_version_id})),
        "create_approved_process" => Sent::Body(json!({
            "study": meant.study_code, "partner": meant.partner_code, "fields": ["age_band"], "purpose": "recruitment_plan",
            "approval_reference": "IRB-1", "valid_from": "2026-06-01", "valid_until": "2026-12-31",
        })),
        "revoke_approved_process" => Sent::Body(json!({"reason": "no_longer_needed"})),
        "list_api_keys" => Sent::Filter(format!("partner={}", meant.partner_code)),
        "list_queue" => Sent::Filter(format!("partner={}", meant.partner_code)),
        "read_sealed_details" => Sent::Body(json!({"purpose": "plan_visit"})),
        "mark_referral_issue" => Sent::Body(json!({"code": "expectation_payment"})),
        "list_duplicate_reviews" => Sent::Filter(format!("partner={}", meant.partner_code)),
        "create_duplicate_review" => Sent::Body(json!({"referral_ids": [meant.referral_id, meant.unpaired_referral_id]})),
        "resolve_duplicate_review" => Sent::Body(json!({"resolution": "different"})),
        "check_language" => Sent::Body(json!({"study": meant.study_code, "text": "You qualify."})),
        "create_api_key" => Sent::Body(json!({"name": "Fresh", "partner": meant.partner_code})),
        "create_referral_import" => Sent::File("row_key,partner,study,channel,contact_basis,contact_path\n"),
        "create_webhook_endpoint" => Sent::Body(json!({"url": "https://fresh.example/events"})),
        "update_webhook_endpoint" => Sent::Body(json!({"event_types": ["key.revoked"]})),
        "rotate_webhook_endpoint_secret" => Sent::Body(json!({"overlap_hours": 0})),
        "replay_webhook_events" => Sent::Body(json!({"after_position": 0})),
        "set_alert_webhook" => Sent::Body(json!({"url": "https://fresh.example/hook"})),
        "rotate_alert_webhook_secret" => Sent::Body(json!({"overlap_hours": 1})),
        "rotate_api_key" => Sent::Body(json!({"overlap_hours": 1})),
        "revoke_api_key" => Sent::Body(json!({"reason": "compromised"})),
        "list_routes" => Sent::Filter(format!("study={}", meant.study_code)),
        "list_referrals" => Sent::Filter(format!("partner_reference={}", meant.partner_reference)),
        "create_study" => Sent::Body(json!({
            "code": "fresh-study", "public_name": "Fresh", "short_description": "A fresh study.", "protocol_code": "F-1",
        })),
        "create_member" => Sent::Body(json!({"display_name": "Fresh", "email": "fresh@zq.example", "role": "viewer"})),
        "update_member" => Sent::Body(json!({"role": "coordinator"})),
        "deactivate_member" => Sent::Body(json!({"reassign_to": meant.owner_id})),
        "update_site" => Sent::Body(json!({"contact_due_hours": 48})),
        "update_study" => Sent::Body(json!({"short_description": "Another description."})),
        "transition_study" => Sent::Body(json!({"to": "paused"})),
        "create_partner" => Sent::Body(json!({
            "code": "fresh-partner", "name": "Fresh", "partner_type": "registry", "jurisdiction": "US-NY", "remuneration_basis": "none",
        })),
        "update_partner" => Sent::Body(json!({"jurisdiction": "US-NJ"})),
        "transition_partner" => Sent::Body(json!({"to": "paused"})),
        "create_route" => Sent::Body(json!({
            "partner": meant.partner_code, "study": neighbour.study_code, "source_tag": "fresh.tag",
            "channels": [{"channel": "secure_form", "instruction": "Give the code."}], "owner_id": meant.owner_id, "backup_owner_id": meant.backup_owner_id,
            "duplicate_policy": "review_all",
        })),
        "list_route_configurations" => Sent::Nothing,
        "create_test_referral" => Sent::Body(json!({"persona": "duplicate"})),
        "list_refusals" => Sent::Filter(format!("partner={}", meant.partner_code)),
        "check_guard" => Sent::Body(json!({"text": "Moved the call to Tuesday."})),
        "list_test_runs" => Sent::Filter(format!("route={}", meant.route_id)),
        "preflight_route" => {
            let mut body = json!({"study": meant.study_code, "channel": "secure_form"});
            if !is_partner {
                body["partner"] = json!(meant.partner_code);
            }
            Sent::Body(body)
        }
        "update_route" => Sent::Body(json!({"contact_due_hours": 48})),
        "create_referral" => {
            let mut body = json!({
                "study": meant.study_code, "channel": "secure_form", "contact_basis": "permission_to_contact",
                "contact_path": "person_uses_intake", "match": {"email": "somebody@mail.example"},
            });
            if !is_partner {
                body["partner"] = json!(meant.partner_code);
            }
            Sent::Body(body)
        }
        "create_partner_review" => Sent::Body(json!({"decision": "continue", "reason": "routine"})),
        "create_away_window" => Sent::Body(json!({"starts_at": "2026-08-03T12:00:00Z", "ends_at": "2026-08-10T12:00:00Z"})),
        "update_away_window" => Sent::Body(json!({"ends_at": "2026-07-17T12:00:00Z"})),
        "create_bulk_action" => Sent::Body(json!({
            "reassign": {"owner_id": meant.backup_owner_id, "reason": "absence"}, "referrals": [{"id": meant.referral_id}],
        })),
        "update_referral" => Sent::Body(json!({"next_action": "attempt_contact", "reason": "correction"})),
        "create_intake" => Sent::Body(json!({"study": meant.study_code, "external_ref": "fresh-record"})),
        "correct_attribution" => Sent::Body(json!({"partner": null, "reason": "credited_wrongly"})),
        "create_contact_withdrawal" | "create_erasure" => Sent::Body(json!({"match": {"email": "nobody@mail.example"}})),
        "transition_referral" => Sent::Body(json!({"to": "contacting"})),
        "complete_referral" => Sent::Body(json!({"source_tag": meant.source_tag})),
        _ => return None,
    })
}
