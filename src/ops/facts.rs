//! What the audit trail may hold of each resource. Codes, ids, times and numbers stand as they are; what a person wrote, and
//! what could point at a person, is tagged: of it only the change is told.

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::journal::Facts;
use crate::domain::test_run::StepResult;
use crate::domain::vocabulary::DigestKind;
use crate::store::api_keys::ApiKeyRow;
use crate::store::approved_processes::ApprovedProcessRow;
use crate::store::away_windows::AwayWindowRow;
use crate::store::duplicates::ReviewRow;
use crate::store::language_versions::LanguageVersionRow;
use crate::store::members::MemberContext;
use crate::store::partner_reviews::PartnerReviewRow;
use crate::store::partners::PartnerRow;
use crate::store::referral_imports::ImportRow;
use crate::store::referrals::ReferralRow;
use crate::store::routes::RouteRow;
use crate::store::sites::SiteRow;
use crate::store::studies::StudyRow;
use crate::store::test_runs::TestRun;

pub(super) fn of_site(site: &SiteRow) -> Facts {
    Facts::new()
        .tagged("name", site.name.as_str())
        .tagged("time_zone", site.time_zone.as_str())
        .slug("default_phone_region", site.default_phone_region.as_str())
        .tagged("intake_url", site.intake_url.as_str())
        .number("acknowledge_due_hours", site.acknowledge_due_hours)
        .number("contact_due_hours", site.contact_due_hours)
        .number("follow_up_due_hours", site.follow_up_due_hours)
        .number("suppression_threshold", site.suppression_threshold)
        .slugs("business_hours", site.business_hours.0.iter().map(|period| period.as_str()))
        .slugs("holidays", site.holidays.0.iter().map(|date| date.as_str()))
        .number("escalation_hours", site.escalation_hours)
        .number("sealed_details_retention_days", site.sealed_details_retention_days)
        .number("contact_digests_retention_days", site.contact_digests_retention_days)
}

pub(super) fn of_member(context: &MemberContext) -> Facts {
    let member = &context.member;
    let facts = Facts::new()
        .tagged("display_name", member.display_name.as_str())
        .tagged("email", member.email.as_str())
        .tagged("issuer", member.issuer.as_ref().map(|issuer| issuer.as_str()))
        .tagged("subject", member.subject.as_ref().map(|subject| subject.as_str()))
        .code("role", member.role.as_str())
        .flag("is_site_lead", member.is_site_lead)
        .flag("active", member.active)
        .codes("alert_channels", member.alert_channels.0.iter().map(|channel| channel.as_str()));
    if context.studies.is_empty() { facts } else { facts.ids("studies", context.studies.iter().map(|(id, _)| id.0)) }
}

pub(super) fn of_away_window(window: &AwayWindowRow) -> Facts {
    Facts::new().id("member_id", window.member_id.0).time("starts_at", window.starts_at).time("ends_at", window.ends_at)
}

pub(super) fn of_api_key(key: &ApiKeyRow) -> Facts {
    Facts::new()
        .id("principal_id", key.principal_id.0)
        .tagged("name", key.name.as_str())
        .id("partner_id", key.partner_id.map(|partner| partner.0))
        .codes("scopes", key.scopes.0.iter().map(|scope| scope.as_str()))
        .flag("is_test", key.is_test)
        .time("expires_at", key.expires_at)
        .time("revoked_at", key.revoked_at)
        .id("rotated_to_id", key.rotated_to_id.map(|key| key.0))
}

pub(super) fn of_study(study: &StudyRow) -> Facts {
    Facts::new()
        .slug("code", study.code.as_str())
        .tagged("public_name", study.public_name.as_str())
        .tagged("short_description", study.short_description.as_str())
        .tagged("protocol_code", study.protocol_code.as_str())
        .tagged("registry_id", study.registry_id.as_ref().map(|id| id.as_str()))
        .code("status", study.status.as_str())
}

pub(super) fn of_partner(partner: &PartnerRow) -> Facts {
    Facts::new()
        .slug("code", partner.code.as_str())
        .tagged("name", partner.name.as_str())
        .code("partner_type", partner.partner_type.as_str())
        .slug("jurisdiction", partner.jurisdiction.as_str())
        .code("remuneration_basis", partner.remuneration_basis.as_str())
        .code("status", partner.status.as_str())
        .code("suspension_reason", partner.suspension_reason.map(|reason| reason.as_str()))
}

pub(super) fn of_route(route: &RouteRow) -> Facts {
    Facts::new()
        .id("partner_id", route.partner_id.0)
        .id("study_id", route.study_id.0)
        .codes("channels", route.channels.0.iter().map(|channel| channel.as_str()))
        .slug("source_tag", route.source_tag.as_str())
        .tagged("intake_url", route.intake_url.as_ref().map(|url| url.as_str()))
        .tagged("instruction", instructions(route).as_str())
        .id("owner_id", route.owner_id.0)
        .id("backup_owner_id", route.backup_owner_id.0)
        .code("duplicate_policy", route.duplicate_policy.as_str())
        .tagged("approval_reference", route.approval_reference.as_ref().map(|reference| reference.as_str()))
        .number("acknowledge_due_hours", route.acknowledge_due_hours)
        .number("contact_due_hours", route.contact_due_hours)
        .number("follow_up_due_hours", route.follow_up_due_hours)
        .number("monthly_capacity", route.monthly_capacity)
        .codes("may", route.may.0.iter().map(|word| word.as_str()))
        .codes("may_not", route.may_not.0.iter().map(|word| word.as_str()))
        .code("status", route.status.as_str())
}

/// What is said on each channel, as one text to compare.
fn instructions(route: &RouteRow) -> String {
    route.route_channels().iter().map(|one| format!("{}\n{}\n", one.channel, one.instruction.as_str())).collect()
}

/// Since when it waits and when its escalation goes on follow from the rest. References are codes, but somebody outside may know whose they are; so is the code that the person was given.
pub(super) fn of_referral(referral: &ReferralRow) -> Facts {
    Facts::new()
        .id("partner_id", referral.partner_id.map(|partner| partner.0))
        .id("study_id", referral.study_id.0)
        .id("route_id", referral.route_id.map(|route| route.0))
        .code("channel", referral.channel.as_str())
        .tagged("source_tag", referral.source_tag.as_ref().map(|tag| tag.as_str()))
        .code("attribution", referral.attribution.as_str())
        .code("contact_basis", referral.contact_basis.as_str())
        .code("contact_path", referral.contact_path.as_str())
        .tagged("handoff_code", referral.handoff_code.as_ref().map(|code| code.as_str()))
        .tagged("partner_reference", referral.partner_reference.as_ref().map(|reference| reference.as_str()))
        .tagged("external_ref", referral.external_ref.as_ref().map(|reference| reference.as_str()))
        .id("language_version_id", referral.language_version_id.map(|id| id.0))
        .code("late_reason", referral.late_reason.map(|reason| reason.as_str()))
        .id("owner_id", referral.owner_id.0)
        .code("status", referral.status.as_str())
        .code("held_status", referral.held_status.map(|status| status.as_str()))
        .code("quarantine_reason", referral.quarantine_reason.map(|reason| reason.as_str()))
        .code("blocker", referral.blocker.map(|blocker| blocker.as_str()))
        .code("close_reason", referral.close_reason.map(|reason| reason.as_str()))
        .code("reopen_reason", referral.reopen_reason.map(|reason| reason.as_str()))
        .code("next_action", referral.next_action.map(|action| action.as_str()))
        .time("next_action_due_at", referral.times.next_action_due_at)
        .codes("handoff_issues", referral.handoff_issues.0.iter().map(|issue| issue.as_str()))
        .flag("is_test", referral.is_test)
        .time("received_at", referral.received_at)
        .time("acknowledged_at", referral.times.acknowledged_at)
        .time("contacting_at", referral.times.contacting_at)
        .time("connected_at", referral.times.connected_at)
        .time("handed_off_at", referral.times.handed_off_at)
        .time("closed_at", referral.times.closed_at)
        .time("partner_withdrawn_at", referral.times.partner_withdrawn_at)
        .code("held_blocker", referral.held_blocker.map(|blocker| blocker.as_str()))
        .time("first_due_at", referral.times.first_due_at)
        .time("first_due_by_receipt_at", referral.times.first_due_by_receipt_at)
        .code("escalation", referral.escalation.map(|step| step.as_str()))
        .id("merged_into_id", referral.merged_into_id.map(|id| id.0))
}

/// The words themselves are tagged; so is the reference, which is the board's.
pub(super) fn of_language_version(version: &LanguageVersionRow) -> Facts {
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    let dates = [
        ("effective_on", day(version.effective_on)),
        ("expires_on", day(version.expires_on)),
        ("in_force_on", day(version.in_force_on)),
        ("superseded_on", day(version.superseded_on)),
        ("retired_on", day(version.retired_on)),
    ];
    let facts = version.parts().into_iter().fold(Facts::new(), |facts, (part, text)| facts.tagged(part.as_str(), text));
    dates
        .into_iter()
        .filter_map(|(field, day)| Some((field, day?)))
        .fold(facts, |facts, (field, day)| facts.slug(field, &day))
        .id("study_id", version.study_id.0)
        .slug("locale", version.locale.as_str())
        .code("audience", version.audience.as_str())
        .tagged("approval_reference", version.approval_reference.as_ref().map(|reference| reference.as_str()))
        .number("grace_days", version.grace_days)
        .code("status", version.status.as_str())
        .id("author_id", version.author_id.0)
        .id("last_editor_id", version.last_editor_id.0)
        .time("submitted_at", version.submitted_at)
        .code("return_reason", version.return_reason.map(|reason| reason.as_str()))
        .id("approved_by", version.approved_by.map(|member| member.0))
        .time("approved_at", version.approved_at)
        .id("superseded_by_id", version.superseded_by_id.map(|id| id.0))
        .code("retirement_reason", version.retirement_reason.map(|reason| reason.as_str()))
}

pub(super) fn of_referral_import(import: &ImportRow) -> Facts {
    Facts::new()
        .code("status", import.status.as_str())
        .code("stop_reason", import.stop_reason.map(|reason| reason.as_str()))
        .code("format", import.format.as_str())
        .flag("dry_run", import.dry_run)
        .number("rows", import.rows)
        .number("created", import.created)
        .number("unchanged", import.unchanged)
        .number("refused", import.refused)
}

pub(super) fn of_approved_process(process: &ApprovedProcessRow) -> Facts {
    Facts::new()
        .id("study_id", process.study_id.0)
        .id("partner_id", process.partner_id.map(|partner| partner.0))
        .codes("fields", process.fields.0.iter().map(|field| field.as_str()))
        .code("purpose", process.purpose.as_str())
        .tagged("approval_reference", process.approval_reference.as_str())
        .id("approved_by", process.approved_by.0)
        .slug("valid_from", &process.valid_from.to_string())
        .slug("valid_until", &process.valid_until.to_string())
        .time("revoked_at", process.revoked_at)
        .id("revoked_by", process.revoked_by.map(|member| member.0))
        .code("revocation_reason", process.revocation_reason.map(|reason| reason.as_str()))
}

/// Of which kinds of detail: never which, and of no referral.
pub(super) fn of_contact_withdrawal(
    kinds: impl IntoIterator<Item = DigestKind>,
    received_at: DateTime<Utc>,
    is_test: bool,
) -> Facts {
    Facts::new()
        .codes("kinds", kinds.into_iter().map(|kind| kind.as_str()))
        .time("received_at", received_at)
        .flag("is_test", is_test)
}

/// Of which kinds of detail: never which, and of no referral.
pub(super) fn of_erasure(kinds: impl IntoIterator<Item = DigestKind>) -> Facts {
    Facts::new().codes("kinds", kinds.into_iter().map(|kind| kind.as_str()))
}

/// A test run with what came of its steps.
pub(super) fn of_test_run(run: &TestRun) -> Facts {
    let words = |result| run.steps.iter().filter(move |step| step.result == result).map(|step| step.step.as_str());
    Facts::new()
        .id("route_id", run.run.route_id.0)
        .code("persona", run.run.persona.map(|persona| persona.as_str()))
        .code("status", run.run.status.as_str())
        .id("referral_id", run.run.referral_id.map(|id| id.0))
        .id("copy_referral_id", run.run.copy_referral_id.map(|id| id.0))
        .codes("passed", words(StepResult::Passed))
        .codes("failed", words(StepResult::Failed))
}

pub(super) fn of_partner_review(review: &PartnerReviewRow) -> Facts {
    Facts::new().id("review_id", review.id.0).code("decision", review.decision.as_str()).code("reason", review.reason.as_str())
}

pub(super) fn of_duplicate_review(review: &ReviewRow) -> Facts {
    Facts::new()
        .ids("referral_ids", [review.first_referral_id.0, review.second_referral_id.0])
        .codes("grounds", review.grounds.0.iter().map(|ground| ground.as_str()))
        .code("status", review.status.as_str())
        .flag("is_test", review.is_test)
        .time("resolved_at", review.resolved_at)
        .id("resolved_by", review.resolved_by.map(|member| member.0))
        .id("kept_referral_id", review.kept_referral_id.map(|kept| kept.0))
}
