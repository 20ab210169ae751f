//! Deciding whether two records are one person. `same` merges them: one goes on, the other ends as its duplicate, both keep their
//! partners and sources, and the strictest permission to contact counts for both. `different` is never flagged again.
//!
//! What was decided of two records was decided of everything that was merged into them: every open review between the two people
//! gets the same verdict.

use super::pair_referrals::{People, changed, root_of};
use super::record::{Change, record};
use super::transition_referral::{apply, change, closed, state_of};
use super::{Context, Expected, create_contact_withdrawal, referral_route};
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{DuplicateReviewId, ReferralId};
use crate::domain::journal::EventType;
use crate::domain::merge::{self, Merge, Record};
use crate::domain::referral_state;
use crate::domain::vocabulary::{Blocker, CloseReason, QuarantineReason, ReferralStatus, Resolution, ReviewStatus};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::duplicates::ReviewRow;
use crate::store::referrals::{ReferralRow, Times};
use crate::store::sites::SiteRow;

const OPERATION: &str = "resolve_duplicate_review";

/// Decides a review; answers it as it is now.
///
/// # Errors
/// 404 for an unknown or foreign review, 412 when it has changed since it was read, 409 when it is decided already, 422 when the
/// record to keep cannot be kept, 503 when one of the two is being merged elsewhere right now.
pub fn run(
    conn: &mut Conn,
    context: &Context,
    id: DuplicateReviewId,
    expected: &Expected,
    resolution: Resolution,
    keep: Option<ReferralId>,
) -> Result<ReviewRow, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let is_test = context.actor.is_test();
    let review = store::duplicates::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    let ids = [review.first_referral_id, review.second_referral_id];
    let roots: Vec<ReferralId> = store::referrals::load_rows(conn, scope, &ids)?.iter().map(root_of).collect();
    if resolution == Resolution::Same {
        // Before the referrals' own locks, as a withdrawal with the contact details takes the two: nobody waits in a circle.
        let mut digests = Vec::new();
        for root in &roots {
            digests.extend(store::contact_digests::of_referral(conn, scope, *root)?);
        }
        store::contact_digests::take_turn_of_kept(conn, &digests)?;
    }
    let people = People::lock(conn, context, &roots)?;
    // Whoever decides a review holds its referrals: it is read again as they left it.
    let review = store::duplicates::find(conn, scope, is_test, id)?.ok_or_else(AppError::not_found)?;
    expected.check(review.version)?;
    if review.status != ReviewStatus::Open {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This review is decided already. Read it again."));
    }
    let standing: Vec<&ReferralRow> = roots.iter().filter_map(|root| people.standing(*root)).collect();
    let [one, other] = standing.as_slice() else { return Err(AppError::new(ErrorCode::Overloaded)) };

    let everyone: Vec<ReferralId> = people.0.iter().map(|row| row.id).collect();
    let between =
        |review: &ReviewRow| everyone.contains(&review.first_referral_id) && everyone.contains(&review.second_referral_id);
    let open = store::duplicates::of_referrals(conn, scope, &everyone, true)?;
    let (decided, others): (Vec<ReviewRow>, Vec<ReviewRow>) = open.into_iter().partition(between);
    let site = store::sites::current(conn, scope)?;
    let (merge, mut changes) = match resolution {
        Resolution::Same => {
            let merge = decide(conn, context, &people, one, other, keep)?;
            let changes = join(conn, context, &people, &site, &merge, &others)?;
            (Some(merge), changes)
        }
        Resolution::Different if keep.is_some() => {
            let message = "Only `same` keeps one of the two. Leave this field out.";
            return Err(AppError::invalid(vec![Fault::new("/keep", FaultCode::Inconsistent, message)]));
        }
        Resolution::Different => (None, part(conn, context, &people, &site, &[one, other], &others)?),
    };
    let after: Vec<ReviewRow> = decided
        .iter()
        .map(|before| ReviewRow {
            status: if merge.is_some() { ReviewStatus::Same } else { ReviewStatus::Different },
            resolved_at: Some(now),
            resolved_by: context.actor.member(),
            kept_referral_id: merge.map(|merge| merge.survivor),
            version: before.version + 1,
            ..before.clone()
        })
        .collect();
    store::duplicates::write_all(conn, scope, &after)?;
    changes.extend(decided.iter().zip(&after).map(|(before, after)| changed(OPERATION, Some(before), after)));
    record(conn, context, changes)?;
    after.into_iter().find(|after| after.id == id).ok_or_else(AppError::not_found)
}

/// Which record goes on. One that was merged before is kept in the one that stands for it.
fn decide(
    conn: &mut Conn,
    context: &Context,
    people: &People,
    one: &ReferralRow,
    other: &ReferralRow,
    keep: Option<ReferralId>,
) -> Result<Merge, AppError> {
    let [one, other] = [record_of(conn, context, people, one)?, record_of(conn, context, people, other)?];
    let keep = keep.map(|keep| people.row(keep).map_or(keep, root_of));
    merge::decide(&one, &other, keep).map_err(|refusal| {
        let code = match refusal {
            merge::Refusal::KeepsNeither => FaultCode::UnknownReference,
            merge::Refusal::KeepsClosed => FaultCode::Inconsistent,
        };
        AppError::invalid(vec![Fault::new("/keep", code, refusal.message())])
    })
}

fn record_of(conn: &mut Conn, context: &Context, people: &People, root: &ReferralRow) -> Result<Record, AppError> {
    let said_so = |row: &ReferralRow| {
        row.close_reason == Some(CloseReason::PersonRequestedNoContact)
            || row.quarantine_reason == Some(QuarantineReason::ContactWithdrawn)
    };
    let digests = store::contact_digests::of_referral(conn, &context.scope, root.id)?;
    let withdrew =
        people.of(root.id).any(said_so) || store::contact_digests::are_withdrawn(conn, &context.scope, root.is_test, &digests)?;
    Ok(Record {
        id: root.id,
        open: root.status != ReferralStatus::Closed,
        received_at: root.received_at,
        contact_basis: root.contact_basis,
        withdrew,
    })
}

/// Merges two people: writes their records, and answers what is to be recorded of them.
fn join(
    conn: &mut Conn,
    context: &Context,
    people: &People,
    site: &SiteRow,
    merge: &Merge,
    others: &[ReviewRow],
) -> Result<Vec<Change>, AppError> {
    let now = context.now;
    let (Some(survivor), Some(merged)) = (people.row(merge.survivor), people.row(merge.merged)) else {
        return Err(AppError::new(ErrorCode::Overloaded));
    };
    let ends = merge.withdrew && survivor.status != ReferralStatus::Closed;
    let no_contact = CloseReason::PersonRequestedNoContact;
    let goes_on = if ends {
        closed(survivor, no_contact, site, now)
    } else if others.is_empty() {
        freed(conn, context, survivor, site)?.unwrap_or_else(|| next_version(survivor, now))
    } else {
        next_version(survivor, now)
    };
    let goes_on = ReferralRow { contact_basis: merge.contact_basis, ..goes_on };
    let mut written = vec![(survivor, goes_on, ends.then_some(no_contact))];
    // One that was closed before keeps the reason that it was closed for: its partner may have been told.
    for before in people.of(merged.id) {
        let is_open = before.status != ReferralStatus::Closed;
        let after = if is_open { closed(before, CloseReason::Duplicate, site, now) } else { next_version(before, now) };
        let after = ReferralRow { merged_into_id: Some(survivor.id), ..after };
        written.push((before, after, Some(CloseReason::Duplicate)));
    }
    let rows: Vec<ReferralRow> = written.iter().map(|(_, after, _)| after.clone()).collect();
    store::referrals::write_all(conn, &rows)?;
    let told = written.iter().map(|(before, after, reason)| {
        let change = Change::of_referral(OPERATION, before, after).because(reason.map(CloseReason::as_str));
        change.tell_of_referral(EventType::ReferralMerged, after)
    });
    let mut changes: Vec<Change> = told.collect();
    if merge.withdrew {
        // Whatever the two were reached by, and whatever was sent about them, is one person's by now.
        changes.extend(create_contact_withdrawal::of_closed_referral(conn, context, OPERATION, survivor)?);
    }
    Ok(changes)
}

/// Parts two people: neither waits for this review any more.
fn part(
    conn: &mut Conn,
    context: &Context,
    people: &People,
    site: &SiteRow,
    pair: &[&ReferralRow],
    others: &[ReviewRow],
) -> Result<Vec<Change>, AppError> {
    let (mut rows, mut changes) = (Vec::new(), Vec::new());
    for before in pair {
        let of_person = |id| people.of(before.id).any(|row| row.id == id);
        let waits = others.iter().any(|review| of_person(review.first_referral_id) || of_person(review.second_referral_id));
        let after = if waits { None } else { freed(conn, context, before, site)? };
        if let Some(after) = after {
            changes.push(Change::of_referral(OPERATION, before, &after));
            rows.push(after);
        }
    }
    store::referrals::write_all(conn, &rows)?;
    Ok(changes)
}

/// A record that waits for no review any more, also when a pause of its study covers that it did; `None`: it did not.
fn freed(conn: &mut Conn, context: &Context, referral: &ReferralRow, site: &SiteRow) -> Result<Option<ReferralRow>, AppError> {
    let waits = Some(Blocker::DuplicateReview);
    if referral.held_blocker == waits {
        return Ok(Some(ReferralRow { held_blocker: None, ..next_version(referral, context.now) }));
    }
    if referral.blocker != waits {
        return Ok(None);
    }
    let terms = referral_route::due_terms_of(conn, context, referral, site)?;
    let decided = referral_state::resume(&state_of(referral));
    let mut freed = referral.clone();
    apply(&mut freed, change(referral, &decided, &terms, context.now));
    Ok(Some(freed))
}

fn next_version(referral: &ReferralRow, now: chrono::DateTime<chrono::Utc>) -> ReferralRow {
    let times = Times { updated_at: now, ..referral.times };
    ReferralRow { version: referral.version + 1, times, ..referral.clone() }
}
