//! What goes in and out of the approved processes.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::{Validate, ValidationError};

use crate::api::extract::contract;
use crate::domain::approved_process::{self, ProcessField, ProcessPurpose, ProcessRevocationReason, ProcessStatus};
use crate::domain::ids::{ApprovedProcessId, MemberId};
use crate::domain::text::{ApprovalReference, CalendarDate, Code};
use crate::ops::create_approved_process::NewApprovedProcess;
use crate::store::approved_processes::ProcessContext;

/// An exception to record. Dates are days of the site's calendar.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "study": "heart-2026", "partner": "lakeside-cardiology", "fields": ["interpreter_language"], "purpose": "language_access",
    "approval_reference": "IRB-2026-114", "valid_from": "2026-06-01", "valid_until": "2026-12-31"
}))]
pub struct CreateApprovedProcess {
    /// Code of the study.
    pub study: Code,
    /// Code of the partner; absent: every partner with a route for the study.
    pub partner: Option<Code>,
    /// The coded fields that it opens; each once.
    #[schema(min_items = 1, max_items = 4)]
    #[validate(custom(function = "each_once"))]
    pub fields: Vec<ProcessField>,
    /// What they are for.
    pub purpose: ProcessPurpose,
    /// Approval reference of the ethics board.
    pub approval_reference: ApprovalReference,
    /// The first day.
    #[schema(value_type = CalendarDate)]
    pub valid_from: NaiveDate,
    /// The last day: not over yet, and within five years.
    #[schema(value_type = CalendarDate)]
    pub valid_until: NaiveDate,
}
contract!(CreateApprovedProcess);

fn each_once(fields: &[ProcessField]) -> Result<(), ValidationError> {
    if fields.iter().collect::<std::collections::BTreeSet<_>>().len() == fields.len() {
        return Ok(());
    }
    Err(ValidationError::new("each_once").with_message("Name each field once.".into()))
}

impl From<CreateApprovedProcess> for NewApprovedProcess {
    fn from(body: CreateApprovedProcess) -> Self {
        Self {
            study: body.study,
            partner: body.partner,
            fields: body.fields,
            purpose: body.purpose,
            approval_reference: body.approval_reference,
            valid_from: body.valid_from,
            valid_until: body.valid_until,
        }
    }
}

/// Why a process is revoked.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "approval_withdrawn"}))]
pub struct RevokeApprovedProcess {
    /// Why.
    pub reason: ProcessRevocationReason,
}
contract!(RevokeApprovedProcess);

/// A recorded exception.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f48", "study": "heart-2026", "partner": "lakeside-cardiology", "status": "open",
    "fields": ["interpreter_language"], "purpose": "language_access", "approval_reference": "IRB-2026-114",
    "approved_by": "0199aa10-7c1e-7b52-9f0e-3d6a5b1c2f51", "valid_from": "2026-06-01", "valid_until": "2026-12-31",
    "revoked_at": null, "revoked_by": null, "revocation_reason": null, "created_at": "2026-05-28T09:00:00Z"
}))]
pub struct ApprovedProcessView {
    /// Id of the process.
    pub id: ApprovedProcessId,
    /// Code of the study.
    pub study: Code,
    /// Code of the partner; `null`: every partner with a route for the study.
    pub partner: Option<Code>,
    /// Where it stands today, in the site's time zone.
    pub status: ProcessStatus,
    /// The coded fields that it opens.
    #[schema(min_items = 1, max_items = 4)]
    pub fields: Vec<ProcessField>,
    /// What they are for.
    pub purpose: ProcessPurpose,
    /// Approval reference of the ethics board.
    pub approval_reference: ApprovalReference,
    /// The admin who recorded it.
    pub approved_by: MemberId,
    /// The first day.
    #[schema(value_type = CalendarDate)]
    pub valid_from: NaiveDate,
    /// The last day.
    #[schema(value_type = CalendarDate)]
    pub valid_until: NaiveDate,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The admin who revoked it.
    pub revoked_by: Option<MemberId>,
    /// Why.
    pub revocation_reason: Option<ProcessRevocationReason>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
}

impl ApprovedProcessView {
    /// A process as it stands on this day.
    pub(super) fn new(context: ProcessContext, today: NaiveDate) -> Self {
        let process = context.process;
        Self {
            id: process.id,
            study: context.study_code,
            partner: context.partner_code,
            status: approved_process::status(process.valid_from, process.valid_until, process.revoked_at.is_some(), today),
            fields: process.fields.0,
            purpose: process.purpose,
            approval_reference: process.approval_reference,
            approved_by: process.approved_by,
            valid_from: process.valid_from,
            valid_until: process.valid_until,
            revoked_at: process.revoked_at,
            revoked_by: process.revoked_by,
            revocation_reason: process.revocation_reason,
            created_at: process.created_at,
        }
    }
}

/// A page of approved processes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovedProcessPage {
    /// The processes, in the order in which they were recorded.
    #[schema(max_items = 200)]
    pub data: Vec<ApprovedProcessView>,
    /// Send it as `cursor` for the next page; `null` on the last one.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub next_cursor: Option<String>,
}

/// Which approved processes to list.
#[derive(Debug, Deserialize, IntoParams, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListApprovedProcesses {
    /// Only those for this study, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub study: Option<Code>,
    /// Only those for this partner by name, by code.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub partner: Option<Code>,
    /// Only those that stand so today.
    #[schema(nullable = false)]
    #[param(nullable = false)]
    pub status: Option<ProcessStatus>,
    /// How many at most; 50 if absent.
    #[schema(nullable = false, minimum = 1, maximum = 200)]
    #[param(nullable = false, minimum = 1, maximum = 200, default = 50, example = 20)]
    pub limit: Option<u16>,
    /// `next_cursor` of the page before, with the same filters.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    #[param(nullable = false, min_length = 1, max_length = 200, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}
contract!(ListApprovedProcesses);
