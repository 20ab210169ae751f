//! The permission table of PRODUCT.md §3 ("Who may do what"), by hand. It is not derived from `auth::permission`, so that a
//! wrong row there turns the matrix red.

use super::people::Person;
use super::requests::Target;
use crate::support::callers::Answer;

/// Who may, by what a caller carries: a role, the scope of a site key, or `partner`; `anybody` needs no credentials.
/// A coordinator plans its own absences; the matrix names those of somebody else.
/// A partner's own routes are shown with the study and the partner that they join: nothing else of the configuration.
pub const TABLE: &[(&str, &[&str])] = &[
    ("healthz", &["anybody"]),
    ("readyz", &["anybody"]),
    ("get_site", &["admin", "coordinator", "config:read"]),
    ("update_site", &["admin"]),
    ("create_api_key", &["admin"]),
    ("list_api_keys", &["admin"]),
    ("get_api_key", &["admin"]),
    ("rotate_api_key", &["admin"]),
    ("revoke_api_key", &["admin"]),
    ("create_member", &["admin"]),
    ("list_members", &["admin", "coordinator"]),
    ("get_member", &["admin", "coordinator"]),
    ("update_member", &["admin"]),
    ("deactivate_member", &["admin"]),
    ("reactivate_member", &["admin"]),
    ("list_alerts", &["admin", "coordinator"]),
    ("get_alert", &["admin", "coordinator"]),
    ("confirm_alert", &["admin", "coordinator"]),
    // To itself a coordinator may; the members of this matrix are others.
    ("create_test_alert", &["admin"]),
    ("create_webhook_endpoint", &["admin", "webhooks:manage"]),
    ("list_webhook_endpoints", &["admin", "webhooks:manage"]),
    ("get_webhook_endpoint", &["admin", "webhooks:manage"]),
    ("update_webhook_endpoint", &["admin", "webhooks:manage"]),
    ("delete_webhook_endpoint", &["admin", "webhooks:manage"]),
    ("rotate_webhook_endpoint_secret", &["admin", "webhooks:manage"]),
    ("replay_webhook_events", &["admin", "webhooks:manage"]),
    ("create_webhook_test", &["admin", "webhooks:manage"]),
    ("list_webhook_deliveries", &["admin", "webhooks:manage"]),
    ("create_referral_import", &["admin", "coordinator", "import:write"]),
    ("list_referral_imports", &["admin", "coordinator", "import:write"]),
    ("get_referral_import", &["admin", "coordinator", "import:write"]),
    ("list_import_rows", &["admin", "coordinator", "import:write"]),
    ("cancel_referral_import", &["admin", "coordinator", "import:write"]),
    ("get_alert_webhook", &["admin"]),
    ("set_alert_webhook", &["admin"]),
    ("delete_alert_webhook", &["admin"]),
    ("rotate_alert_webhook_secret", &["admin"]),
    ("create_away_window", &["admin"]),
    ("list_away_windows", &["admin", "coordinator"]),
    ("get_away_window", &["admin", "coordinator"]),
    ("update_away_window", &["admin"]),
    ("delete_away_window", &["admin"]),
    ("create_study", &["admin"]),
    ("list_studies", &["admin", "coordinator", "config:read", "partner"]),
    ("get_study", &["admin", "coordinator", "config:read", "partner"]),
    ("update_study", &["admin"]),
    ("transition_study", &["admin"]),
    ("create_partner", &["admin"]),
    ("list_partners", &["admin", "coordinator", "config:read", "partner"]),
    ("get_partner", &["admin", "coordinator", "config:read", "partner"]),
    ("update_partner", &["admin"]),
    ("transition_partner", &["admin"]),
    ("create_partner_review", &["admin"]),
    ("list_partner_reviews", &["admin", "coordinator"]),
    ("get_partner_review", &["admin", "coordinator"]),
    ("create_route", &["admin"]),
    ("list_routes", &["admin", "coordinator", "config:read", "partner"]),
    ("get_route", &["admin", "coordinator", "config:read", "partner"]),
    ("update_route", &["admin"]),
    ("launch_route", &["admin"]),
    ("pause_route", &["admin"]),
    ("resume_route", &["admin"]),
    ("retire_route", &["admin"]),
    ("get_launch_check", &["admin", "coordinator", "config:read"]),
    ("create_test_referral", &["admin", "coordinator"]),
    ("list_test_runs", &["admin", "coordinator", "config:read", "partner"]),
    ("get_test_run", &["admin", "coordinator", "config:read", "partner"]),
    ("confirm_test_run", &["admin", "coordinator"]),
    ("cancel_test_run", &["admin", "coordinator"]),
    ("list_route_configurations", &["admin", "coordinator", "config:read"]),
    ("preflight_route", &["admin", "coordinator", "referrals:write", "partner"]),
    ("create_language_version", &["admin", "coordinator"]),
    ("list_language_versions", &["admin", "coordinator", "config:read"]),
    ("get_language_version", &["admin", "coordinator", "config:read"]),
    ("update_language_version", &["admin", "coordinator"]),
    ("diff_language_versions", &["admin", "coordinator", "config:read"]),
    ("submit_language_version", &["admin", "coordinator"]),
    ("return_language_version", &["admin", "coordinator"]),
    ("approve_language_version", &["admin"]),
    ("retire_language_version", &["admin"]),
    ("get_current_language", &["admin", "coordinator", "config:read", "partner"]),
    ("create_acknowledgement", &["partner"]),
    ("list_acknowledgements", &["admin", "coordinator", "config:read", "partner"]),
    ("create_approved_process", &["admin"]),
    ("list_approved_processes", &["admin", "coordinator", "config:read"]),
    ("get_approved_process", &["admin", "coordinator", "config:read"]),
    ("revoke_approved_process", &["admin"]),
    ("create_referral", &["admin", "coordinator", "referrals:write", "partner"]),
    ("list_referrals", &["admin", "coordinator", "referrals:read", "partner"]),
    ("get_referral", &["admin", "coordinator", "referrals:read", "partner"]),
    ("update_referral", &["admin", "coordinator", "referrals:write"]),
    ("list_referral_actions", &["admin", "coordinator", "referrals:read"]),
    ("transition_referral", &["admin", "coordinator", "referrals:write"]),
    ("create_bulk_action", &["admin", "coordinator", "referrals:write"]),
    ("read_sealed_details", &["admin", "coordinator", "details:read"]),
    ("delete_sealed_details", &["admin"]),
    ("mark_referral_issue", &["admin", "coordinator", "referrals:write"]),
    ("unmark_referral_issue", &["admin", "coordinator", "referrals:write"]),
    ("list_queue", &["admin", "coordinator", "referrals:read"]),
    ("get_queue_counts", &["admin", "coordinator", "referrals:read"]),
    ("list_referral_events", &["admin", "coordinator", "referrals:read"]),
    ("list_events", &["admin", "events:read"]),
    ("list_audit_entries", &["admin"]),
    ("complete_referral", &["partner"]),
    ("withdraw_referral", &["partner"]),
    ("list_duplicate_reviews", &["admin", "coordinator"]),
    ("get_duplicate_review", &["admin", "coordinator"]),
    ("create_duplicate_review", &["admin", "coordinator"]),
    ("resolve_duplicate_review", &["admin", "coordinator"]),
    ("check_language", &["admin", "coordinator", "partner"]),
    ("create_intake", &["admin", "coordinator", "intake:write"]),
    ("correct_attribution", &["admin", "coordinator"]),
    ("get_source_quality_report", &["admin", "coordinator", "referrals:read"]),
    ("get_movement_report", &["admin", "coordinator", "referrals:read"]),
    ("get_blockers_report", &["admin", "coordinator", "referrals:read"]),
    ("get_next_actions_report", &["admin", "coordinator", "referrals:read"]),
    ("get_workflow_signal_report", &["admin", "coordinator", "referrals:read"]),
    ("get_sponsor_summary_report", &["admin", "coordinator", "viewer"]),
    ("get_feedback", &["admin", "coordinator", "partner"]),
    ("list_refusals", &["admin", "coordinator", "config:read"]),
    ("check_guard", &["admin", "coordinator"]),
    ("create_contact_withdrawal", &["admin", "coordinator", "referrals:write"]),
    ("create_erasure", &["admin"]),
];

/// Lists that belong to one resource: without it there is no empty list either.
const OF_ONE: [&str; 7] = [
    "list_referral_actions",
    "list_referral_events",
    "list_away_windows",
    "list_route_configurations",
    "list_partner_reviews",
    "list_webhook_deliveries",
    "list_import_rows",
];

/// What a cell must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It is done; or the state alone stands against it (409), which only a caller who may do it learns.
    Done(&'static [u16]),
    /// An empty page.
    Nothing,
    /// Exactly this status and code.
    Refused(u16, &'static str),
    /// 403, by role or kind (`forbidden`) or by scope (`insufficient_scope`).
    NotPermitted,
}

impl Expected {
    pub fn admits(self, answer: &Answer) -> bool {
        match self {
            Self::Done(statuses) => {
                statuses.contains(&answer.status)
                    && (answer.status != 409 || matches!(answer.code(), "illegal_transition" | "version_not_draft"))
            }
            Self::Nothing => answer.status == 200 && answer.body["data"].as_array().is_some_and(Vec::is_empty),
            Self::Refused(status, code) => (answer.status, answer.code()) == (status, code),
            Self::NotPermitted => answer.status == 403 && matches!(answer.code(), "forbidden" | "insufficient_scope"),
        }
    }
}

/// Who may call an operation; `None` when the table does not know it.
pub fn may(operation: &str) -> Option<&'static [&'static str]> {
    TABLE.iter().find(|(id, _)| *id == operation).map(|(_, may)| *may)
}

/// What this caller must be answered.
pub fn expected(operation: &str, person: &Person, target: Target) -> Expected {
    let may = may(operation).expect("an operation of the table");
    if !may.contains(&"anybody") {
        if let Some(code) = person.refused {
            return Expected::Refused(401, code);
        }
        if !person.carries.iter().any(|carried| may.contains(carried)) {
            return Expected::NotPermitted;
        }
    }
    if operation == "create_referral" && person.is_test && person.is_partner() && target == Target::Own {
        // A run of its route is open.
        return Expected::Done(&[201]);
    }
    if ["create_referral", "preflight_route"].contains(&operation) && person.is_test {
        // Without an open run a test key can do nothing, whatever it names.
        return Expected::Refused(403, "no_open_test_run");
    }
    if operation == "create_acknowledgement" && person.is_test {
        // A test key stands for nobody, whatever it names.
        return Expected::NotPermitted;
    }
    if person.is_test && (operation.ends_with("_report") || operation == "get_feedback") {
        // Test referrals reach no report.
        return Expected::NotPermitted;
    }
    let about_referrals = operation.contains("referral") && operation != "create_test_referral";
    let visible = match target {
        Target::All => true,
        Target::Own => !(about_referrals && person.is_test),
        Target::Sibling => !(person.is_partner() || about_referrals && person.is_test),
        Target::TestReferral => person.is_test,
        Target::Foreign | Target::Unknown => false,
    };
    match (visible, operation) {
        // The version that the matrix names is in review, and another one was acknowledged before.
        (true, "submit_language_version" | "update_language_version") => Expected::Done(&[409]),
        (true, "create_acknowledgement") => Expected::Done(&[200]),
        // The viewers of the matrix are assigned to no study.
        (true, "get_sponsor_summary_report") if person.carries.contains(&"viewer") => Expected::Refused(404, "not_found"),
        // What is made is new, whatever it is.
        // Each row of it answers for itself, as it would alone.
        (true, "create_bulk_action") => Expected::Done(&[200]),
        (true, "delete_away_window" | "delete_alert_webhook" | "delete_sealed_details" | "delete_webhook_endpoint") => {
            Expected::Done(&[204])
        }
        // The coordinator's alerts: an admin sees them, and cannot say in its place that they arrived.
        (true, "confirm_alert") if person.carries.contains(&"admin") => Expected::Done(&[403]),
        (true, id) if id.starts_with("create_") || id == "rotate_api_key" => Expected::Done(&[201]),
        (true, "launch_route" | "resume_route") => Expected::Done(&[409]),
        (true, _) => Expected::Done(&[200]),
        (
            false,
            "create_route"
            | "create_language_version"
            | "create_acknowledgement"
            | "create_approved_process"
            | "create_referral"
            | "create_api_key"
            | "create_duplicate_review"
            | "create_bulk_action"
            | "check_language"
            | "preflight_route",
        ) => Expected::Refused(422, "invalid_body"),
        (false, id) if id.starts_with("list_") && !OF_ONE.contains(&id) => Expected::Nothing,
        (false, _) => Expected::Refused(404, "not_found"),
    }
}
