//! Approved processes: which extra fields may be sent, for what, and until when.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;

use super::studies::routed_to;
use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::approved_process::{ProcessField, ProcessPurpose, ProcessRevocationReason, ProcessStatus};
use crate::domain::ids::{ApprovedProcessId, MemberId, PartnerId, SiteId, StudyId};
use crate::domain::text::{ApprovalReference, Code};
use crate::schema::{approved_processes, partners, studies};

/// A process as it is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = approved_processes)]
pub struct ApprovedProcessRow {
    /// The tenant.
    pub site_id: SiteId,
    /// Its id.
    pub id: ApprovedProcessId,
    /// For which study.
    pub study_id: StudyId,
    /// For which partner; `None`: for all of the study's.
    pub partner_id: Option<PartnerId>,
    /// What it opens.
    pub fields: CodeList<ProcessField>,
    /// What for.
    pub purpose: ProcessPurpose,
    /// Under which approval.
    pub approval_reference: ApprovalReference,
    /// Who recorded it.
    pub approved_by: MemberId,
    /// Its first day.
    pub valid_from: NaiveDate,
    /// Its last day.
    pub valid_until: NaiveDate,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// By whom.
    pub revoked_by: Option<MemberId>,
    /// Why.
    pub revocation_reason: Option<ProcessRevocationReason>,
    /// Counts changes.
    pub version: i32,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A process with the codes of its study and partner.
#[derive(Debug, Clone, Queryable)]
pub struct ProcessContext {
    /// The process.
    pub process: ApprovedProcessRow,
    /// The study's code.
    pub study_code: Code,
    /// The partner's code.
    pub partner_code: Option<Code>,
}

/// Processes joined with the codes of their study and partner.
macro_rules! with_codes {
    ($scope:expr) => {
        approved_processes::table
            .inner_join(
                studies::table
                    .on(studies::site_id.eq(approved_processes::site_id).and(studies::id.eq(approved_processes::study_id))),
            )
            .left_join(partners::table.on(
                partners::site_id.eq(approved_processes::site_id).and(partners::id.nullable().eq(approved_processes::partner_id)),
            ))
            .select((approved_processes::all_columns, studies::code, partners::code.nullable()))
            .filter(approved_processes::site_id.eq($scope.site()))
    };
}

/// The process with this id.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, id: ApprovedProcessId) -> QueryResult<Option<ProcessContext>> {
    with_codes!(scope).filter(approved_processes::id.eq(id)).first(conn).optional()
}

/// The process with this id, locked until the transaction ends.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, id: ApprovedProcessId) -> QueryResult<Option<ApprovedProcessRow>> {
    approved_processes::table
        .filter(approved_processes::site_id.eq(scope.site()).and(approved_processes::id.eq(id)))
        .select(ApprovedProcessRow::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()
}

/// Which processes a list shows.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// For this study.
    pub study: Option<Code>,
    /// For this partner by name.
    pub partner: Option<Code>,
    /// Where they stand today.
    pub status: Option<ProcessStatus>,
}

/// A page in order of id, after this one. `today` is the day of the site's calendar that a status is told by.
///
/// # Errors
/// A database failure.
pub fn page(
    conn: &mut PgConnection,
    scope: &SiteScope,
    filter: &Filter,
    today: NaiveDate,
    after: Option<ApprovedProcessId>,
    limit: i64,
) -> QueryResult<Vec<ProcessContext>> {
    use approved_processes::{revoked_at, valid_from, valid_until};
    let mut query = with_codes!(scope).into_boxed();
    if let Some(study) = &filter.study {
        query = query.filter(studies::code.eq(study));
    }
    if let Some(partner) = &filter.partner {
        query = query.filter(partners::code.eq(partner));
    }
    query = match filter.status {
        None => query,
        Some(ProcessStatus::Revoked) => query.filter(revoked_at.is_not_null()),
        Some(ProcessStatus::Scheduled) => query.filter(revoked_at.is_null().and(valid_from.gt(today))),
        Some(ProcessStatus::Open) => query.filter(revoked_at.is_null().and(valid_from.le(today)).and(valid_until.ge(today))),
        Some(ProcessStatus::Ended) => query.filter(revoked_at.is_null().and(valid_until.lt(today))),
    };
    if let Some(after) = after {
        query = query.filter(approved_processes::id.gt(after));
    }
    query.order(approved_processes::id.asc()).limit(limit).load(conn)
}

/// The extra fields that this partner may send for this study on this day, by all processes that are open for it: each once, in the
/// order of the vocabulary. A partner's own request may ask for its own.
///
/// # Errors
/// A database failure.
pub fn open_fields(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    study: StudyId,
    today: NaiveDate,
) -> QueryResult<Vec<ProcessField>> {
    let mut query = approved_processes::table
        .filter(approved_processes::site_id.eq(scope.site()).and(approved_processes::study_id.eq(study)))
        .filter(approved_processes::partner_id.is_null().or(approved_processes::partner_id.assume_not_null().eq(partner)))
        .filter(approved_processes::revoked_at.is_null())
        .filter(approved_processes::valid_from.le(today).and(approved_processes::valid_until.ge(today)))
        .select(approved_processes::fields)
        .into_boxed();
    if let Some(own) = scope.partner() {
        let routed = approved_processes::study_id.eq_any(routed_to(scope, own));
        query = query.filter(
            routed.and(approved_processes::partner_id.is_null().or(approved_processes::partner_id.assume_not_null().eq(own))),
        );
    }
    let open: Vec<CodeList<ProcessField>> = query.load(conn)?;
    Ok(ProcessField::ALL.iter().copied().filter(|field| open.iter().any(|fields| fields.0.contains(field))).collect())
}

/// Keeps a new process.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, process: &ApprovedProcessRow) -> QueryResult<()> {
    diesel::insert_into(approved_processes::table).values(process).execute(conn).map(drop)
}

/// Writes that a process, which is locked, was revoked.
///
/// # Errors
/// A database failure.
pub fn revoke(conn: &mut PgConnection, scope: &SiteScope, process: &ApprovedProcessRow) -> QueryResult<()> {
    let target =
        approved_processes::table.filter(approved_processes::site_id.eq(scope.site()).and(approved_processes::id.eq(process.id)));
    diesel::update(target)
        .set((
            approved_processes::revoked_at.eq(process.revoked_at),
            approved_processes::revoked_by.eq(process.revoked_by),
            approved_processes::revocation_reason.eq(process.revocation_reason),
            approved_processes::version.eq(process.version),
            approved_processes::updated_at.eq(process.updated_at),
        ))
        .execute(conn)
        .map(drop)
}
