//! Which constraint is which enum. A constraint that is not here fails the test, and so does an enum without its constraint.

use std::collections::BTreeSet;

use diesel::PgConnection;
use handoff::domain::alerting::{AlertChannel, DeliveryError, DeliveryStatus, WebhookDisabledReason};
use handoff::domain::approved_process::{ProcessField, ProcessPurpose, ProcessRevocationReason};
use handoff::domain::boundaries::{PartnerMay, PartnerMayNot};
use handoff::domain::imports::{ImportDelimiter, ImportField, ImportFormat, ImportOutcome, ImportStatus, ImportStopReason};
use handoff::domain::journal::{ActorKind, EventType, Stream, SubjectKind};
use handoff::domain::language::{LanguageAudience, LanguageRetirementReason, LanguageReturnReason, LanguageStatus};
use handoff::domain::partner_review::{PartnerDecision, PartnerReviewReason};
use handoff::domain::reports::Basis;
use handoff::domain::test_run::{StepFailure, StepResult, TestPersona, TestRunStatus, TestStep};
use handoff::domain::vocabulary::{
    AlertKind, Attribution, Blocker, Channel, CloseReason, ContactBasis, ContactPath, DigestKind, DuplicatePolicy, Escalation,
    HandoffIssue, JobOutcome, LateReason, MatchGround, NextAction, PartnerStatus, PartnerType, QuarantineReason, ReferralStatus,
    RefusalCode, RemunerationBasis, ReopenReason, ReviewStatus, Role, RouteStatus, Scope, StudyStatus, SuspensionReason,
};
use handoff::domain::webhooks::EndpointDisabledReason;
use handoff::store::reports::Audience;

use crate::tenancy::texts;

/// The words of the code for each constraint.
pub fn words_of_code() -> Vec<(&'static str, Vec<&'static str>)> {
    macro_rules! all {
        ($kind:ident) => {
            $kind::ALL.iter().map(|word| word.as_str()).collect()
        };
    }
    vec![
        ("members_role_vocabulary", all!(Role)),
        ("studies_status_vocabulary", all!(StudyStatus)),
        ("partners_partner_type_vocabulary", all!(PartnerType)),
        ("partners_remuneration_basis_vocabulary", all!(RemunerationBasis)),
        ("partners_status_vocabulary", all!(PartnerStatus)),
        ("api_keys_scopes_vocabulary", all!(Scope)),
        ("handoff_routes_channels_vocabulary", all!(Channel)),
        ("handoff_routes_duplicate_policy_vocabulary", all!(DuplicatePolicy)),
        ("route_configurations_channels_vocabulary", all!(Channel)),
        ("route_configurations_duplicate_policy_vocabulary", all!(DuplicatePolicy)),
        ("route_configurations_actor_kind_vocabulary", all!(ActorKind)),
        ("handoff_routes_status_vocabulary", all!(RouteStatus)),
        ("handoff_routes_may_vocabulary", all!(PartnerMay)),
        ("handoff_routes_may_not_vocabulary", all!(PartnerMayNot)),
        ("language_versions_audience_vocabulary", all!(LanguageAudience)),
        ("language_versions_status_vocabulary", all!(LanguageStatus)),
        ("language_versions_return_reason_vocabulary", all!(LanguageReturnReason)),
        ("language_versions_retirement_reason_vocabulary", all!(LanguageRetirementReason)),
        ("approved_processes_fields_vocabulary", all!(ProcessField)),
        ("approved_processes_purpose_vocabulary", all!(ProcessPurpose)),
        ("approved_processes_revocation_reason_vocabulary", all!(ProcessRevocationReason)),
        ("sealed_details_fields_vocabulary", all!(ProcessField)),
        ("referrals_channel_vocabulary", all!(Channel)),
        ("referrals_attribution_vocabulary", all!(Attribution)),
        ("referrals_contact_basis_vocabulary", all!(ContactBasis)),
        ("referrals_contact_path_vocabulary", all!(ContactPath)),
        ("referrals_late_reason_vocabulary", all!(LateReason)),
        ("referrals_status_vocabulary", all!(ReferralStatus)),
        // What a hold returns to: every open state but the hold itself and the quarantine, which a person decides on first.
        (
            "referrals_held_status_vocabulary",
            ReferralStatus::ALL
                .iter()
                .filter(|status| !matches!(status, ReferralStatus::Quarantined | ReferralStatus::OnHold | ReferralStatus::Closed))
                .map(|word| word.as_str())
                .collect(),
        ),
        ("referrals_quarantine_reason_vocabulary", all!(QuarantineReason)),
        ("referrals_blocker_vocabulary", all!(Blocker)),
        ("referrals_close_reason_vocabulary", all!(CloseReason)),
        ("referrals_reopen_reason_vocabulary", all!(ReopenReason)),
        ("referrals_next_action_vocabulary", all!(NextAction)),
        ("referrals_handoff_issues_vocabulary", all!(HandoffIssue)),
        ("referrals_held_blocker_vocabulary", all!(Blocker)),
        ("referrals_escalation_vocabulary", all!(Escalation)),
        ("alerts_kind_vocabulary", all!(AlertKind)),
        ("members_alert_channels_vocabulary", all!(AlertChannel)),
        ("alert_channel_states_channel_vocabulary", all!(AlertChannel)),
        ("alert_deliveries_channel_vocabulary", all!(AlertChannel)),
        ("referral_imports_status_vocabulary", all!(ImportStatus)),
        ("referral_imports_stop_reason_vocabulary", all!(ImportStopReason)),
        ("referral_imports_format_vocabulary", all!(ImportFormat)),
        ("referral_imports_delimiter_vocabulary", all!(ImportDelimiter)),
        ("referral_imports_column_fields_vocabulary", ImportField::ALL.iter().map(|word| word.as_str()).chain([""]).collect()),
        ("referral_imports_actor_kind_vocabulary", vec![ActorKind::Staff.as_str(), ActorKind::SiteKey.as_str()]),
        ("referral_import_results_outcome_vocabulary", all!(ImportOutcome)),
        ("webhook_endpoints_event_types_vocabulary", all!(EventType)),
        ("webhook_endpoints_disabled_reason_vocabulary", all!(EndpointDisabledReason)),
        ("webhook_deliveries_event_type_vocabulary", all!(EventType)),
        ("webhook_deliveries_status_vocabulary", all!(DeliveryStatus)),
        // What can go wrong with a post, but for having nowhere to post to.
        (
            "webhook_deliveries_last_error_vocabulary",
            DeliveryError::ALL
                .iter()
                .map(|word| word.as_str())
                .filter(|word| word.starts_with("webhook_") && *word != "webhook_not_configured")
                .collect(),
        ),
        ("alert_deliveries_status_vocabulary", all!(DeliveryStatus)),
        ("alert_deliveries_last_error_vocabulary", all!(DeliveryError)),
        ("alert_webhooks_disabled_reason_vocabulary", all!(WebhookDisabledReason)),
        ("partners_suspension_reason_vocabulary", all!(SuspensionReason)),
        ("partner_reviews_decision_vocabulary", all!(PartnerDecision)),
        ("partner_reviews_reason_vocabulary", all!(PartnerReviewReason)),
        ("test_runs_persona_vocabulary", all!(TestPersona)),
        ("test_runs_status_vocabulary", all!(TestRunStatus)),
        ("test_run_steps_step_vocabulary", all!(TestStep)),
        ("test_run_steps_result_vocabulary", all!(StepResult)),
        ("test_run_steps_failure_vocabulary", all!(StepFailure)),
        ("duplicate_reviews_grounds_vocabulary", all!(MatchGround)),
        ("duplicate_reviews_status_vocabulary", all!(ReviewStatus)),
        ("referral_digests_kind_vocabulary", all!(DigestKind)),
        ("contact_withdrawals_kind_vocabulary", all!(DigestKind)),
        ("erased_digests_kind_vocabulary", all!(DigestKind)),
        ("job_leases_outcome_vocabulary", all!(JobOutcome)),
        ("refusals_code_vocabulary", all!(RefusalCode)),
        ("audit_entries_actor_kind_vocabulary", all!(ActorKind)),
        ("audit_entries_subject_kind_vocabulary", all!(SubjectKind)),
        ("events_event_type_vocabulary", all!(EventType)),
        ("journal_queue_stream_vocabulary", all!(Stream)),
        ("events_status_before_vocabulary", all!(ReferralStatus)),
        ("events_status_after_vocabulary", all!(ReferralStatus)),
        ("report_facts_channel_vocabulary", all!(Channel)),
        ("report_cells_channel_vocabulary", all!(Channel)),
        ("report_cells_basis_vocabulary", all!(Basis)),
        ("report_source_cells_basis_vocabulary", all!(Basis)),
        ("report_owner_cells_basis_vocabulary", all!(Basis)),
        ("report_channel_cells_basis_vocabulary", all!(Basis)),
        ("report_channel_cells_channel_vocabulary", all!(Channel)),
        ("report_late_cells_basis_vocabulary", all!(Basis)),
        ("report_releases_audience_vocabulary", all!(Audience)),
    ]
}

/// Where database and code differ, in sentences.
pub fn differences(conn: &mut PgConnection) -> Vec<String> {
    let code = words_of_code();
    let constraints = texts(
        conn,
        "SELECT k.conname || '|' || (SELECT string_agg(k.conrelid::regclass || '_' || a.attname, ',') FROM pg_attribute a
                  WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) || '|' || pg_get_constraintdef(k.oid) AS text
           FROM pg_constraint k WHERE k.contype = 'c' AND k.connamespace = 'public'::regnamespace AND k.conname LIKE '%\\_vocabulary'
          ORDER BY k.conname",
    );
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for constraint in &constraints {
        let mut parts = constraint.splitn(3, '|');
        let (name, about, definition) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        seen.insert(name);
        if name.strip_suffix("_vocabulary") != Some(about) {
            found.push(format!("{name}: is about {about}"));
        }
        let Some((_, words)) = code.iter().find(|(mapped, _)| *mapped == name) else {
            found.push(format!("{name}: not mapped to an enum; do so in vocabularies::words_of_code"));
            continue;
        };
        let code: BTreeSet<&str> = words.iter().copied().collect();
        // Every other piece between single quotes is a word.
        let database: BTreeSet<&str> = definition.split('\'').skip(1).step_by(2).collect();
        found.extend(code.difference(&database).map(|word| format!("{name}: the code also has {word}")));
        found.extend(database.difference(&code).map(|word| format!("{name}: the database also has {word}")));
    }
    found.extend(code.iter().filter(|(name, _)| !seen.contains(name)).map(|(name, _)| format!("{name}: not in the database")));
    found
}
