//! Multi-step writes, one file per operation: load, let `domain` decide, let `store` write, all in the caller's
//! transaction. An operation knows who acts and what time it is; it knows no request and no response.

pub mod add_member;
mod admit;
pub mod advance_test_run;
mod away_plan;
pub mod cancel_referral_import;
pub mod cancel_test_run;
pub mod check_language;
pub mod complete_referral;
pub mod confirm_alert;
pub mod confirm_intake_link;
mod contact_details;
pub mod correct_attribution;
pub mod create_acknowledgement;
pub mod create_approved_process;
pub mod create_away_window;
pub mod create_bulk_action;
pub mod create_contact_withdrawal;
pub mod create_erasure;
pub mod create_intake;
pub mod create_language_version;
pub mod create_partner;
pub mod create_partner_review;
pub mod create_referral;
pub mod create_referrals;
pub mod create_route;
pub mod create_site;
pub mod create_study;
pub mod create_test_alert;
mod create_test_referral;
pub mod create_webhook_endpoint;
pub mod create_webhook_test;
pub mod deactivate_member;
pub mod delete_away_window;
pub mod drop_journal_month;
pub mod escalate;
pub mod export_audit_trail;
mod facts;
pub mod fan_out_events;
mod heir;
pub mod import_referrals;
pub mod issue_key;
mod join_referral;
mod language_draft;
pub mod launch_readiness;
pub mod launch_route;
pub mod launch_sample_route;
pub mod lease_deliveries;
pub mod lease_webhook_deliveries;
pub mod mark_referral_issue;
pub mod match_duplicates;
pub mod move_language_version;
pub mod move_partner;
pub mod move_route;
pub mod move_study;
mod new_referral;
mod no_route;
pub mod open_test_run;
mod open_work;
pub mod own_referral;
pub mod pair_referrals;
pub mod preflight_route;
pub mod purge_details;
pub mod purge_digests;
pub mod reachability;
pub mod reactivate_member;
pub mod read_details;
pub mod receive_referral_import;
mod received;
mod record;
pub mod redact_audit_entry;
mod referral_route;
pub mod release_reports;
pub mod replay_webhook_events;
mod report_counts;
pub mod report_sums;
pub mod reseal_details;
pub mod resolve_duplicate;
pub mod revoke_approved_process;
pub mod revoke_key;
pub mod roll_reports;
mod roster;
pub mod rotate_key;
mod route_configurations;
mod seal_details;
pub mod sequence;
pub mod set_alert_webhook;
pub mod settle_delivery;
pub mod settle_language;
pub mod settle_webhook_delivery;
pub mod signing_secret;
mod standstill;
pub mod suspend_partners;
pub mod take_up_alerts;
pub mod transition_referral;
pub mod unmark_referral_issue;
pub mod update_away_window;
pub mod update_language_version;
pub mod update_member;
pub mod update_partner;
pub mod update_referral;
pub mod update_route;
pub mod update_site;
pub mod update_study;
pub mod update_webhook_endpoint;
pub mod verify_audit;
mod void_proofs;
pub mod webhook_endpoint;
pub mod withdraw_referral;

use crate::auth::{Actor, SiteScope};
use crate::error::{AppError, ErrorCode};
use chrono::{DateTime, Utc};

/// Who acts, within which tenant, and when: the second argument of every operation.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who acts.
    pub actor: Actor,
    /// Which rows the transaction may touch.
    pub scope: SiteScope,
    /// The time of the request.
    pub now: DateTime<Utc>,
    /// The request, for the audit trail; `None` at the command line and in jobs.
    pub request_id: Option<String>,
}

impl Context {
    /// The operator at the command line.
    #[must_use]
    pub const fn of_operator(scope: SiteScope, now: DateTime<Utc>) -> Self {
        Self { actor: Actor::Operator, scope, now, request_id: None }
    }

    /// The server by itself, in a job.
    #[must_use]
    pub const fn of_system(scope: SiteScope, now: DateTime<Utc>) -> Self {
        Self { actor: Actor::System, scope, now, request_id: None }
    }
}

/// What a caller read before changing something (`If-Match`): the site a version, a partner its own view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there now (`If-Match: *`).
    Any,
    /// One of these strong entity tags, quotes and all.
    Tags(Vec<String>),
}

impl Expected {
    /// Compares with the version that is there.
    ///
    /// # Errors
    /// 412 when the resource has changed since.
    pub fn check(&self, version: i32) -> Result<(), AppError> {
        self.check_tag(&format!("\"{version}\""))
    }

    /// Compares with the entity tag that this caller would read now.
    ///
    /// # Errors
    /// 412 when what it sees has changed since.
    pub fn check_tag(&self, tag: &str) -> Result<(), AppError> {
        match self {
            Self::Any => Ok(()),
            Self::Tags(read) if read.iter().any(|read| read == tag) => Ok(()),
            Self::Tags(_) => Err(AppError::new(ErrorCode::StaleVersion)),
        }
    }
}

/// 409 for a move that the state does not allow, with those that it does.
fn illegal_move(allowed: impl IntoIterator<Item = &'static str>) -> AppError {
    AppError::new(ErrorCode::IllegalTransition).with_allowed_actions(allowed.into_iter().map(str::to_owned).collect())
}

/// 409 for a name that is taken, pointing at it.
fn taken(pointer: &'static str, message: &'static str) -> AppError {
    use crate::domain::fault::{Fault, FaultCode};
    AppError::new(ErrorCode::AlreadyExists).with_faults(vec![Fault::new(pointer, FaultCode::Inconsistent, message)])
}
