//! Thin handlers, one file per resource: request and response structs, and one operation each.
//!
//! A handler extracts, calls one operation inside one transaction and shapes the answer. Response structs are
//! allowlists: rows are never serialised.

pub mod acknowledgements;
pub mod alert_webhook;
pub mod alerts;
pub mod api_keys;
pub mod approved_processes;
pub mod audit;
pub mod away_windows;
pub mod bulk_actions;
pub mod contact_withdrawals;
pub mod csv;
pub mod current_language;
pub mod cursor;
pub mod duplicates;
pub mod erasures;
pub mod events;
pub mod extract;
pub mod feedback;
pub mod guard;
pub mod history;
pub mod idempotency;
pub mod intake;
pub mod issues;
pub mod language;
pub mod language_versions;
pub mod launch;
pub mod members;
pub mod partner_reviews;
pub mod partners;
pub mod queue;
pub mod read;
pub mod referral_imports;
pub mod referrals;
pub mod refusals;
pub mod reply;
pub mod reports;
pub mod routes;
pub mod sealed_details;
mod signed_posts;
pub mod sites;
pub mod sponsor_summary;
pub mod studies;
pub mod system;
pub mod test_runs;
pub mod views;
pub mod webhook_endpoints;

use crate::privacy::shape::ShapeError;
use extract::Contract;

/// Every request body and query of the contract with what is wrong with its schema, if anything: an open contract is found
/// at start and not at its first use.
#[must_use]
pub fn contracts() -> Vec<(&'static str, Option<&'static ShapeError>)> {
    macro_rules! of {
        ($($contract:ty),+ $(,)?) => { vec![$((stringify!($contract), <$contract>::shape().err())),+] };
    }
    of![
        sites::UpdateSite,
        api_keys::CreateApiKey,
        api_keys::RotateApiKey,
        api_keys::RevokeApiKey,
        api_keys::ListApiKeys,
        members::CreateMember,
        members::UpdateMember,
        members::DeactivateMember,
        members::ListMembers,
        away_windows::CreateAwayWindow,
        away_windows::UpdateAwayWindow,
        away_windows::ListAwayWindows,
        language::CheckLanguage,
        studies::CreateStudy,
        studies::UpdateStudy,
        studies::TransitionStudy,
        studies::ListStudies,
        partners::CreatePartner,
        partners::UpdatePartner,
        partners::TransitionPartner,
        partners::ListPartners,
        partner_reviews::CreatePartnerReview,
        partner_reviews::ListPartnerReviews,
        routes::CreateRoute,
        routes::UpdateRoute,
        routes::ListRouteConfigurations,
        test_runs::CreateTestReferral,
        test_runs::ListTestRuns,
        routes::Preflight,
        routes::ListRoutes,
        reports::GetSourceQualityReport,
        reports::GetMovementReport,
        reports::GetBlockersReport,
        reports::GetNextActionsReport,
        reports::GetWorkflowSignalReport,
        sponsor_summary::GetSponsorSummaryReport,
        feedback::GetFeedback,
        refusals::ListRefusals,
        guard::CheckGuard,
        language_versions::CreateLanguageVersion,
        language_versions::UpdateLanguageVersion,
        language_versions::ReturnLanguageVersion,
        language_versions::RetireLanguageVersion,
        language_versions::ListLanguageVersions,
        language_versions::DiffLanguageVersions,
        current_language::GetCurrentLanguage,
        acknowledgements::CreateAcknowledgement,
        acknowledgements::ListAcknowledgements,
        approved_processes::CreateApprovedProcess,
        approved_processes::RevokeApprovedProcess,
        approved_processes::ListApprovedProcesses,
        referral_imports::CreateReferralImport,
        referral_imports::ImportReferral,
        referral_imports::ListReferralImports,
        referral_imports::ListImportRows,
        referrals::CreateReferral,
        referrals::UpdateReferral,
        referrals::TransitionReferral,
        referrals::CompleteReferral,
        referrals::ListReferrals,
        sealed_details::ReadSealedDetails,
        issues::MarkReferralIssue,
        bulk_actions::CreateBulkAction,
        queue::ListQueue,
        queue::GetQueueCounts,
        history::ListReferralEvents,
        events::ListEvents,
        audit::ListAuditEntries,
        contact_withdrawals::CreateContactWithdrawal,
        erasures::CreateErasure,
        intake::CreateIntake,
        intake::CorrectAttribution,
        duplicates::CreateDuplicateReview,
        duplicates::ResolveDuplicateReview,
        duplicates::ListDuplicateReviews,
        alerts::ListAlerts,
        webhook_endpoints::CreateWebhookEndpoint,
        webhook_endpoints::UpdateWebhookEndpoint,
        webhook_endpoints::RotateWebhookEndpointSecret,
        webhook_endpoints::ReplayWebhookEvents,
        webhook_endpoints::ListWebhookEndpoints,
        webhook_endpoints::ListWebhookDeliveries,
        alert_webhook::SetAlertWebhook,
        alert_webhook::RotateAlertWebhookSecret,
    ]
}
