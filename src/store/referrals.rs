//! Referrals and the digests beside them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::dsl::array_position;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{Array, Text, Uuid};
use diesel::upsert::excluded;

use crate::auth::SiteScope;
use crate::domain::CodeList;
use crate::domain::ids::{PartnerId, ReferralId};
use crate::domain::text::{HandoffCode, Reference};
use crate::domain::vocabulary::HandoffIssue;
use crate::schema::{handoff_routes, partners, referrals, sealed_details, studies};

mod digests;
mod escalation;
mod intake;
mod owner;
mod rows;
mod study;

pub use digests::{add_digests, insert_all_digests, insert_digests};
pub use escalation::{Involved, count_due, due, involved, lock_due};
pub use intake::{Source, set_external_ref, set_source};
pub use owner::{lock_open_of_owner, open_of_owner, set_owner};
pub use pages::{Filter, OwnFilter, own_page, page};
pub use rows::{CodedReferral, Completion, OwnReferral, OwnReferralRow, ReferralRow, Revision, RouteWords, StateChange, Times};
pub use study::{hold_studies_of_partner, hold_study, lock_open_of_partner, lock_open_of_study};

/// Referrals joined with their study and with what their route hands to the person.
macro_rules! with_route {
    () => {
        referrals::table
            .inner_join(studies::table.on(studies::site_id.eq(referrals::site_id).and(studies::id.eq(referrals::study_id))))
            .left_join(
                handoff_routes::table.on(handoff_routes::site_id
                    .eq(referrals::site_id)
                    .and(handoff_routes::id.nullable().eq(referrals::route_id))),
            )
    };
}

/// [`RouteWords`]: of the instructions of its route the one on the referral's channel.
macro_rules! route_words {
    () => {
        (
            handoff_routes::intake_url.nullable(),
            handoff_routes::instruction
                .index(array_position(handoff_routes::channels, referrals::channel.nullable()).assume_not_null())
                .nullable(),
        )
    };
}

/// Referrals joined with what [`CodedReferral`] shows of their partner, study and route.
macro_rules! with_codes {
    () => {
        with_route!()
            .left_join(
                partners::table
                    .on(partners::site_id.eq(referrals::site_id).and(partners::id.nullable().eq(referrals::partner_id))),
            )
            .select((
                ReferralRow::as_select(),
                partners::code.nullable(),
                studies::code,
                route_words!(),
                diesel::dsl::exists(
                    sealed_details::table.filter(
                        sealed_details::site_id.eq(referrals::site_id).and(sealed_details::referral_id.eq(referrals::id)),
                    ),
                ),
            ))
    };
}

// Below the macros that it uses.
mod pages;

/// The referral with this id. A partner's scope finds its own only; test callers find test referrals only, others live ones.
///
/// # Errors
/// A database failure.
pub fn find(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: ReferralId) -> QueryResult<Option<CodedReferral>> {
    let mut query = with_codes!()
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::is_test.eq(is_test)))
        .into_boxed();
    if let Some(own) = scope.partner() {
        query = query.filter(referrals::partner_id.eq(own));
    }
    query.first(conn).optional()
}

/// Locks the referral until the transaction ends; `false` when there is none for this scope.
///
/// # Errors
/// A database failure.
pub fn lock(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, id: ReferralId) -> QueryResult<bool> {
    let query = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::is_test.eq(is_test)))
        .select(referrals::id)
        .for_update();
    // A partner does not even wait for what is not its own.
    let found = match scope.partner() {
        Some(own) => query.filter(referrals::partner_id.eq(own)).first::<ReferralId>(conn),
        None => query.first(conn),
    };
    found.optional().map(|found| found.is_some())
}

/// The referral on which this partner already used this reference.
///
/// # Errors
/// A database failure.
pub fn find_by_partner_reference(
    conn: &mut PgConnection,
    scope: &SiteScope,
    partner: PartnerId,
    reference: &Reference,
    is_test: bool,
) -> QueryResult<Option<ReferralId>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::partner_id.eq(partner)))
        .filter(referrals::partner_reference.eq(reference).and(referrals::is_test.eq(is_test)))
        .select(referrals::id)
        .first(conn)
        .optional()
}

/// The referral that was given this handoff code. Live ones alone answer a live caller, test ones a test caller.
///
/// # Errors
/// A database failure.
pub fn find_by_handoff_code(
    conn: &mut PgConnection,
    scope: &SiteScope,
    is_test: bool,
    code: &HandoffCode,
) -> QueryResult<Option<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::handoff_code.eq(code)).and(referrals::is_test.eq(is_test)))
        .select(ReferralRow::as_select())
        .first(conn)
        .optional()
}

/// Keeps a new referral unless its partner already used its reference; says whether it was kept.
///
/// # Errors
/// A database failure.
pub fn insert(conn: &mut PgConnection, referral: &ReferralRow) -> QueryResult<bool> {
    diesel::insert_into(referrals::table).values(referral).on_conflict_do_nothing().execute(conn).map(|kept| kept == 1)
}

/// Keeps many new referrals, each unless its partner already used its reference; answers the ids of those that were kept.
///
/// # Errors
/// A database failure.
pub fn insert_all(conn: &mut PgConnection, new: &[ReferralRow]) -> QueryResult<BTreeSet<ReferralId>> {
    if let [one] = new {
        // By itself: that statement is prepared.
        return Ok(insert(conn, one)?.then_some(one.id).into_iter().collect());
    }
    let kept: Vec<ReferralId> =
        diesel::insert_into(referrals::table).values(new).on_conflict_do_nothing().returning(referrals::id).load(conn)?;
    Ok(kept.into_iter().collect())
}

/// Those of these references that partners already used on live referrals. Each is looked up by its
/// key, whatever the planner makes of a table that is still without statistics.
///
/// # Errors
/// A database failure.
pub fn used_references(
    conn: &mut PgConnection,
    scope: &SiteScope,
    sought: &[(PartnerId, &Reference)],
) -> QueryResult<BTreeSet<(PartnerId, Reference)>> {
    #[derive(QueryableByName)]
    #[diesel(table_name = referrals)]
    struct Used {
        partner_id: Option<PartnerId>,
        partner_reference: Option<Reference>,
    }
    let (partners, references): (Vec<PartnerId>, Vec<&Reference>) = sought.iter().copied().unzip();
    let found: Vec<Used> = diesel::sql_query(
        "SELECT used.partner_id, used.partner_reference
           FROM unnest($2::uuid[], $3::text[]) AS sought (partner, reference)
          CROSS JOIN LATERAL (
                SELECT partner_id, partner_reference FROM referrals
                 WHERE site_id = $1 AND partner_id = sought.partner AND partner_reference = sought.reference AND NOT is_test
                OFFSET 0) used",
    )
    .bind::<Uuid, _>(scope.site())
    .bind::<Array<Uuid>, _>(partners)
    .bind::<Array<Text>, _>(references)
    .load(conn)?;
    Ok(found.into_iter().filter_map(|used| used.partner_id.zip(used.partner_reference)).collect())
}

/// Writes a new state over the version that was read; says whether that version still stood.
///
/// # Errors
/// A database failure.
pub fn update_state(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: ReferralId,
    read_version: i32,
    change: &StateChange,
) -> QueryResult<bool> {
    diesel::update(
        referrals::table
            .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::version.eq(read_version))),
    )
    .set(change)
    .execute(conn)
    .map(|changed| changed == 1)
}

/// Writes a partner's completion over the version that was read; `false`: the partner used its reference before, and nothing was
/// written. The savepoint keeps the transaction good, so that the referral with that reference can be looked up.
///
/// # Errors
/// A database failure, [`Error::NotFound`] when the version does not stand.
pub fn complete(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: ReferralId,
    read_version: i32,
    change: &StateChange,
    completion: &Completion,
) -> QueryResult<bool> {
    let target = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::version.eq(read_version)));
    let written = conn.transaction(|conn| match diesel::update(target).set((change, completion)).execute(conn)? {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    });
    match written {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info))
            if info.constraint_name() == Some("referrals_partner_reference_unique") =>
        {
            Ok(false)
        }
        other => other.map(|()| true),
    }
}

/// Writes a change without a transition over the version that was read; says whether that version still stood.
///
/// # Errors
/// A database failure.
pub fn revise(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: ReferralId,
    read_version: i32,
    revision: &Revision,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let target = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::version.eq(read_version)));
    diesel::update(target)
        .set((revision, referrals::version.eq(read_version + 1), referrals::updated_at.eq(now)))
        .execute(conn)
        .map(|changed| changed == 1)
}

/// Writes what went wrong with a handoff over the version that was read; says whether that version still stood.
///
/// # Errors
/// A database failure.
pub fn set_issues(
    conn: &mut PgConnection,
    scope: &SiteScope,
    id: ReferralId,
    read_version: i32,
    issues: &CodeList<HandoffIssue>,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let target = referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq(id)).and(referrals::version.eq(read_version)));
    diesel::update(target)
        .set((referrals::handoff_issues.eq(issues), referrals::version.eq(read_version + 1), referrals::updated_at.eq(now)))
        .execute(conn)
        .map(|changed| changed == 1)
}

/// Writes these referrals, which are there and locked, as they are now: everything that a change may touch, many rows in one
/// statement. The one way to change many referrals at once.
///
/// # Errors
/// A database failure.
pub fn write_all(conn: &mut PgConnection, changed: &[ReferralRow]) -> QueryResult<()> {
    // An insert that always meets its row: diesel knows no other update of many rows to values of their own. PostgreSQL takes
    // 65,535 values a statement.
    for some in changed.chunks(1_000) {
        diesel::insert_into(referrals::table)
            .values(some)
            .on_conflict((referrals::site_id, referrals::id))
            .do_update()
            .set((
                (
                    referrals::contact_basis.eq(excluded(referrals::contact_basis)),
                    referrals::owner_id.eq(excluded(referrals::owner_id)),
                    referrals::status.eq(excluded(referrals::status)),
                    referrals::held_status.eq(excluded(referrals::held_status)),
                    referrals::quarantine_reason.eq(excluded(referrals::quarantine_reason)),
                    referrals::blocker.eq(excluded(referrals::blocker)),
                    referrals::held_blocker.eq(excluded(referrals::held_blocker)),
                    referrals::blocked_since.eq(excluded(referrals::blocked_since)),
                    referrals::close_reason.eq(excluded(referrals::close_reason)),
                    referrals::reopen_reason.eq(excluded(referrals::reopen_reason)),
                    referrals::next_action.eq(excluded(referrals::next_action)),
                    referrals::next_action_due_at.eq(excluded(referrals::next_action_due_at)),
                    referrals::escalation.eq(excluded(referrals::escalation)),
                    referrals::escalate_at.eq(excluded(referrals::escalate_at)),
                ),
                (
                    referrals::handoff_issues.eq(excluded(referrals::handoff_issues)),
                    referrals::version.eq(excluded(referrals::version)),
                    referrals::clock_started_at.eq(excluded(referrals::clock_started_at)),
                    referrals::acknowledged_at.eq(excluded(referrals::acknowledged_at)),
                    referrals::contacting_at.eq(excluded(referrals::contacting_at)),
                    referrals::connected_at.eq(excluded(referrals::connected_at)),
                    referrals::handed_off_at.eq(excluded(referrals::handed_off_at)),
                    referrals::closed_at.eq(excluded(referrals::closed_at)),
                    referrals::updated_at.eq(excluded(referrals::updated_at)),
                    referrals::merged_into_id.eq(excluded(referrals::merged_into_id)),
                    referrals::partner_withdrawn_at.eq(excluded(referrals::partner_withdrawn_at)),
                    referrals::first_due_at.eq(excluded(referrals::first_due_at)),
                    referrals::first_due_by_receipt_at.eq(excluded(referrals::first_due_by_receipt_at)),
                ),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The referrals with these ids, by id.
///
/// # Errors
/// A database failure.
pub fn load_rows(conn: &mut PgConnection, scope: &SiteScope, ids: &[ReferralId]) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .load(conn)
}

/// The referrals with these ids, by id and locked until the transaction ends. Test callers find test referrals only, others live
/// ones. For the site: a partner's request changes one at a time.
///
/// # Errors
/// A database failure.
pub fn lock_rows(conn: &mut PgConnection, scope: &SiteScope, is_test: bool, ids: &[ReferralId]) -> QueryResult<Vec<ReferralRow>> {
    referrals::table
        .filter(referrals::site_id.eq(scope.site()).and(referrals::id.eq_any(ids)).and(referrals::is_test.eq(is_test)))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .for_update()
        .load(conn)
}
