//! The route table: one row per operation. It makes the server, the document and the access matrix.

use actix_web::web;
use utoipa_actix_web::service_config;

use crate::api::{
    acknowledgements, alert_webhook, alerts, api_keys, approved_processes, audit, away_windows, bulk_actions,
    contact_withdrawals, current_language, duplicates, erasures, events, feedback, guard, history, intake, issues, language,
    language_versions, launch, members, partner_reviews, partners, queue, referral_imports, referrals, refusals, reports, routes,
    sealed_details, sites, sponsor_summary, studies, system, test_runs, webhook_endpoints,
};
use crate::auth::permission::{
    AcknowledgeLanguage, ApproveLanguage, AskGuard, CheckLanguage, CorrectAttribution, CreateReferrals, DraftLanguage,
    ErasePersons, FollowAlerts, FollowUpReferrals, ImportReferrals, ManageApiKeys, ManageApprovedProcesses, ManageConfiguration,
    ManageMembers, ManageSite, ManageWebhooks, Permission, PlanAbsences, PlanReferrals, PurgeDetails, ReadAcknowledgements,
    ReadApprovedProcesses, ReadAudit, ReadConfiguration, ReadDetails, ReadEvents, ReadFeedback, ReadLanguage,
    ReadLanguageVersions, ReadMembers, ReadPartnerReviews, ReadReferrals, ReadRefusals, ReadReports, ReadRouteHistory, ReadSite,
    ReadSponsorSummary, ReadTestRuns, RecordWithdrawals, ResolveDuplicates, ReviewPartners, Row, TakeIntake, TestRoutes,
    WorkReferrals,
};

/// Who may call an operation.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Anybody, without credentials.
    Public,
    /// Whom this row of the permission table names.
    Permission(Row),
}

macro_rules! table {
    ($($module:ident::$handler:ident => $access:expr;)+) => {
        /// Registers every operation with the server. Each of its threads does so: what the document needs would be made by each.
        pub fn configure(config: &mut web::ServiceConfig) {
            $(config.service($module::$handler);)+
        }

        /// Registers every operation with the document.
        pub fn describe(config: &mut service_config::ServiceConfig) {
            $(config.service($module::$handler);)+
        }

        /// Every operation by its id, with who may call it.
        #[must_use]
        pub fn operations() -> Vec<(&'static str, Access)> {
            vec![$((stringify!($handler), $access)),+]
        }
    };
}

table! {
    // The router tries row after row, and a path with an id costs it a search: what is called most stands first.
    referrals::create_referral => Access::Permission(CreateReferrals::ROW);
    referrals::list_referrals => Access::Permission(ReadReferrals::ROW);
    referrals::get_referral => Access::Permission(ReadReferrals::ROW);
    referrals::update_referral => Access::Permission(WorkReferrals::ROW);
    referrals::list_referral_actions => Access::Permission(PlanReferrals::ROW);
    referrals::transition_referral => Access::Permission(WorkReferrals::ROW);
    queue::list_queue => Access::Permission(PlanReferrals::ROW);
    queue::get_queue_counts => Access::Permission(PlanReferrals::ROW);
    referrals::complete_referral => Access::Permission(FollowUpReferrals::ROW);
    referrals::withdraw_referral => Access::Permission(FollowUpReferrals::ROW);
    sites::get_site => Access::Permission(ReadSite::ROW);
    sites::update_site => Access::Permission(ManageSite::ROW);
    api_keys::create_api_key => Access::Permission(ManageApiKeys::ROW);
    api_keys::list_api_keys => Access::Permission(ManageApiKeys::ROW);
    api_keys::get_api_key => Access::Permission(ManageApiKeys::ROW);
    api_keys::rotate_api_key => Access::Permission(ManageApiKeys::ROW);
    api_keys::revoke_api_key => Access::Permission(ManageApiKeys::ROW);
    members::create_member => Access::Permission(ManageMembers::ROW);
    members::list_members => Access::Permission(ReadMembers::ROW);
    members::get_member => Access::Permission(ReadMembers::ROW);
    members::update_member => Access::Permission(ManageMembers::ROW);
    members::deactivate_member => Access::Permission(ManageMembers::ROW);
    members::reactivate_member => Access::Permission(ManageMembers::ROW);
    away_windows::create_away_window => Access::Permission(PlanAbsences::ROW);
    away_windows::list_away_windows => Access::Permission(ReadMembers::ROW);
    away_windows::get_away_window => Access::Permission(ReadMembers::ROW);
    away_windows::update_away_window => Access::Permission(PlanAbsences::ROW);
    away_windows::delete_away_window => Access::Permission(PlanAbsences::ROW);
    alerts::list_alerts => Access::Permission(FollowAlerts::ROW);
    alerts::get_alert => Access::Permission(FollowAlerts::ROW);
    alerts::confirm_alert => Access::Permission(FollowAlerts::ROW);
    alerts::create_test_alert => Access::Permission(FollowAlerts::ROW);
    webhook_endpoints::create_webhook_endpoint => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::list_webhook_endpoints => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::get_webhook_endpoint => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::update_webhook_endpoint => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::delete_webhook_endpoint => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::rotate_webhook_endpoint_secret => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::replay_webhook_events => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::create_webhook_test => Access::Permission(ManageWebhooks::ROW);
    webhook_endpoints::list_webhook_deliveries => Access::Permission(ManageWebhooks::ROW);
    alert_webhook::get_alert_webhook => Access::Permission(ManageSite::ROW);
    alert_webhook::set_alert_webhook => Access::Permission(ManageSite::ROW);
    alert_webhook::delete_alert_webhook => Access::Permission(ManageSite::ROW);
    alert_webhook::rotate_alert_webhook_secret => Access::Permission(ManageSite::ROW);
    studies::create_study => Access::Permission(ManageConfiguration::ROW);
    studies::list_studies => Access::Permission(ReadConfiguration::ROW);
    studies::get_study => Access::Permission(ReadConfiguration::ROW);
    studies::update_study => Access::Permission(ManageConfiguration::ROW);
    studies::transition_study => Access::Permission(ManageConfiguration::ROW);
    partners::create_partner => Access::Permission(ManageConfiguration::ROW);
    partners::list_partners => Access::Permission(ReadConfiguration::ROW);
    partners::get_partner => Access::Permission(ReadConfiguration::ROW);
    partners::update_partner => Access::Permission(ManageConfiguration::ROW);
    partners::transition_partner => Access::Permission(ManageConfiguration::ROW);
    partner_reviews::create_partner_review => Access::Permission(ReviewPartners::ROW);
    partner_reviews::list_partner_reviews => Access::Permission(ReadPartnerReviews::ROW);
    partner_reviews::get_partner_review => Access::Permission(ReadPartnerReviews::ROW);
    routes::create_route => Access::Permission(ManageConfiguration::ROW);
    routes::list_routes => Access::Permission(ReadConfiguration::ROW);
    routes::get_route => Access::Permission(ReadConfiguration::ROW);
    routes::update_route => Access::Permission(ManageConfiguration::ROW);
    launch::launch_route => Access::Permission(ManageConfiguration::ROW);
    routes::pause_route => Access::Permission(ManageConfiguration::ROW);
    routes::resume_route => Access::Permission(ManageConfiguration::ROW);
    routes::retire_route => Access::Permission(ManageConfiguration::ROW);
    launch::get_launch_check => Access::Permission(ReadRouteHistory::ROW);
    test_runs::create_test_referral => Access::Permission(TestRoutes::ROW);
    test_runs::list_test_runs => Access::Permission(ReadTestRuns::ROW);
    test_runs::get_test_run => Access::Permission(ReadTestRuns::ROW);
    test_runs::confirm_test_run => Access::Permission(TestRoutes::ROW);
    test_runs::cancel_test_run => Access::Permission(TestRoutes::ROW);
    routes::list_route_configurations => Access::Permission(ReadRouteHistory::ROW);
    routes::preflight_route => Access::Permission(CreateReferrals::ROW);
    language_versions::create_language_version => Access::Permission(DraftLanguage::ROW);
    language_versions::list_language_versions => Access::Permission(ReadLanguageVersions::ROW);
    language_versions::get_language_version => Access::Permission(ReadLanguageVersions::ROW);
    language_versions::update_language_version => Access::Permission(DraftLanguage::ROW);
    language_versions::diff_language_versions => Access::Permission(ReadLanguageVersions::ROW);
    language_versions::submit_language_version => Access::Permission(DraftLanguage::ROW);
    language_versions::return_language_version => Access::Permission(DraftLanguage::ROW);
    language_versions::approve_language_version => Access::Permission(ApproveLanguage::ROW);
    language_versions::retire_language_version => Access::Permission(ApproveLanguage::ROW);
    current_language::get_current_language => Access::Permission(ReadLanguage::ROW);
    acknowledgements::create_acknowledgement => Access::Permission(AcknowledgeLanguage::ROW);
    acknowledgements::list_acknowledgements => Access::Permission(ReadAcknowledgements::ROW);
    approved_processes::create_approved_process => Access::Permission(ManageApprovedProcesses::ROW);
    approved_processes::list_approved_processes => Access::Permission(ReadApprovedProcesses::ROW);
    approved_processes::get_approved_process => Access::Permission(ReadApprovedProcesses::ROW);
    approved_processes::revoke_approved_process => Access::Permission(ManageApprovedProcesses::ROW);
    sealed_details::read_sealed_details => Access::Permission(ReadDetails::ROW);
    sealed_details::delete_sealed_details => Access::Permission(PurgeDetails::ROW);
    issues::mark_referral_issue => Access::Permission(WorkReferrals::ROW);
    issues::unmark_referral_issue => Access::Permission(WorkReferrals::ROW);
    bulk_actions::create_bulk_action => Access::Permission(WorkReferrals::ROW);
    reports::get_source_quality_report => Access::Permission(ReadReports::ROW);
    reports::get_movement_report => Access::Permission(ReadReports::ROW);
    reports::get_blockers_report => Access::Permission(ReadReports::ROW);
    reports::get_next_actions_report => Access::Permission(ReadReports::ROW);
    reports::get_workflow_signal_report => Access::Permission(ReadReports::ROW);
    sponsor_summary::get_sponsor_summary_report => Access::Permission(ReadSponsorSummary::ROW);
    feedback::get_feedback => Access::Permission(ReadFeedback::ROW);
    history::list_referral_events => Access::Permission(PlanReferrals::ROW);
    events::list_events => Access::Permission(ReadEvents::ROW);
    audit::list_audit_entries => Access::Permission(ReadAudit::ROW);
    referral_imports::create_referral_import => Access::Permission(ImportReferrals::ROW);
    referral_imports::list_referral_imports => Access::Permission(ImportReferrals::ROW);
    referral_imports::get_referral_import => Access::Permission(ImportReferrals::ROW);
    referral_imports::list_import_rows => Access::Permission(ImportReferrals::ROW);
    referral_imports::cancel_referral_import => Access::Permission(ImportReferrals::ROW);
    intake::create_intake => Access::Permission(TakeIntake::ROW);
    intake::correct_attribution => Access::Permission(CorrectAttribution::ROW);
    guard::check_guard => Access::Permission(AskGuard::ROW);
    refusals::list_refusals => Access::Permission(ReadRefusals::ROW);
    contact_withdrawals::create_contact_withdrawal => Access::Permission(RecordWithdrawals::ROW);
    erasures::create_erasure => Access::Permission(ErasePersons::ROW);
    duplicates::list_duplicate_reviews => Access::Permission(ResolveDuplicates::ROW);
    duplicates::get_duplicate_review => Access::Permission(ResolveDuplicates::ROW);
    duplicates::create_duplicate_review => Access::Permission(ResolveDuplicates::ROW);
    duplicates::resolve_duplicate_review => Access::Permission(ResolveDuplicates::ROW);
    language::check_language => Access::Permission(CheckLanguage::ROW);
    system::healthz => Access::Public;
    system::readyz => Access::Public;
}
