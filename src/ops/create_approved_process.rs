//! Recording an approved process.

use chrono::NaiveDate;

use super::record::{Change, record};
use super::{Context, facts, language_draft};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::approved_process::{ProcessField, ProcessPurpose};
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::ApprovedProcessId;
use crate::domain::journal::SubjectKind;
use crate::domain::text::{ApprovalReference, Code};
use crate::error::AppError;
use crate::store;
use crate::store::approved_processes::{ApprovedProcessRow, ProcessContext};

/// Nothing is opened for ever.
const LONGEST_DAYS: i64 = 5 * 366;

/// A process to be recorded.
#[derive(Debug)]
pub struct NewApprovedProcess {
    /// The study's code.
    pub study: Code,
    /// The partner's code; `None`: all partners of the study.
    pub partner: Option<Code>,
    /// What it opens.
    pub fields: Vec<ProcessField>,
    /// What for.
    pub purpose: ProcessPurpose,
    /// Under which approval.
    pub approval_reference: ApprovalReference,
    /// Its first day.
    pub valid_from: NaiveDate,
    /// Its last day.
    pub valid_until: NaiveDate,
}

/// Records a process.
///
/// # Errors
/// 422 with every fault: an unknown study or partner, days out of order or over already.
pub fn run(conn: &mut Conn, context: &Context, new: NewApprovedProcess) -> Result<ProcessContext, AppError> {
    let scope = &context.scope;
    let approver = language_draft::member(context)?;
    let study = store::studies::find_by_code(conn, scope, &new.study)?;
    let partner = new.partner.as_ref().map(|code| store::partners::find_by_code(conn, scope, code)).transpose()?;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let mut faults = day_faults(new.valid_from, new.valid_until, today);
    if study.is_none() {
        faults.push(Fault::new("/study", FaultCode::UnknownReference, "No study of the site has this code."));
    }
    if partner.as_ref().is_some_and(Option::is_none) {
        faults.push(Fault::new("/partner", FaultCode::UnknownReference, "No partner of the site has this code."));
    }
    let (Some(study), true) = (study, faults.is_empty()) else { return Err(AppError::invalid(faults)) };
    let partner = partner.flatten();
    let process = ApprovedProcessRow {
        site_id: scope.site(),
        id: ApprovedProcessId::at(context.now),
        study_id: study.id,
        partner_id: partner.as_ref().map(|partner| partner.id),
        fields: CodeList(new.fields),
        purpose: new.purpose,
        approval_reference: new.approval_reference,
        approved_by: approver,
        valid_from: new.valid_from,
        valid_until: new.valid_until,
        revoked_at: None,
        revoked_by: None,
        revocation_reason: None,
        version: 1,
        created_at: context.now,
        updated_at: context.now,
    };
    store::approved_processes::insert(conn, &process)?;
    let after = facts::of_approved_process(&process);
    record(conn, context, [Change::made("create_approved_process", SubjectKind::ApprovedProcess, process.id.0, after)])?;
    Ok(ProcessContext { process, study_code: study.code, partner_code: partner.map(|partner| partner.code) })
}

fn day_faults(from: NaiveDate, until: NaiveDate, today: NaiveDate) -> Vec<Fault> {
    let (code, message) = if until < from {
        (FaultCode::Inconsistent, "Send a last day on or after `valid_from`.")
    } else if until < today {
        (FaultCode::OutOfRange, "These days are over. Send a last day that is today or later, in the site's time zone.")
    } else if (until - from).num_days() > LONGEST_DAYS {
        (FaultCode::OutOfRange, "Send a last day within five years from `valid_from`.")
    } else {
        return Vec::new();
    };
    vec![Fault::new("/valid_until", code, message)]
}
