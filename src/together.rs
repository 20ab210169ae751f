//! Which tables may stand in one query of Diesel's: those that a file of the store uses together, each pair once.
//!
//! `diesel print-schema` would say so of every pair, some 1,200, each of which is ten implementations to check: two thirds of the time
//! that a check of this crate took.

use crate::schema::*;

macro_rules! together {
    ($($table:ident with $($other:ident),+;)+) => {
        $($(diesel::allow_tables_to_appear_in_same_query!($table, $other);)+)+
    };
}

together! {
    alert_channel_states with members;
    alert_deliveries with alerts, members, referrals;
    alerts with members, referrals;
    api_keys with partners;
    approved_processes with handoff_routes, partners, studies;
    audit_entries with audit_seals, event_positions, events, journal_heads, journal_queue;
    audit_seals with event_positions, events, journal_heads, journal_queue;
    away_windows with members, sites;
    contact_withdrawals with referral_digests, referrals;
    duplicate_reviews with partners, referrals, studies;
    event_positions with events, journal_heads, journal_queue;
    events with journal_heads, journal_queue, webhook_deliveries, webhook_endpoints;
    handoff_routes with language_versions, partners, referrals, refusals, report_releases, report_source_cells, sealed_details, studies;
    journal_heads with journal_queue;
    language_acknowledgements with language_versions, partners, studies;
    language_versions with partners, studies;
    member_studies with studies;
    members with referrals, sites;
    partners with referrals, refusals, sealed_details, studies;
    referral_digests with referrals;
    referral_import_keys with referral_import_results;
    referrals with report_facts, route_counts, sealed_details, studies;
    refusals with studies;
    report_cells with report_channel_cells, report_late_cells, report_owner_cells, report_source_cells;
    report_channel_cells with report_late_cells, report_owner_cells, report_source_cells;
    report_late_cells with report_owner_cells, report_source_cells;
    report_owner_cells with report_source_cells;
    report_releases with report_source_cells;
    sealed_details with studies;
    test_run_steps with test_runs;
    webhook_deliveries with webhook_endpoints;
}
