//! The rows of an import, batch by batch (`batch` decides and makes them). A batch, what became of its rows and how far the import is are one transaction, so that a server that dies leaves
//! nothing done twice and nothing undone.

use std::collections::BTreeSet;

use super::receive_referral_import::OPERATION;
use super::record::{Change, record};
use super::{Context, facts};
use crate::auth::permission::{ImportReferrals, Permission as _};
use crate::auth::{Actor, SiteClient, StaffActor};
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::ids::{AlertId, ApiKeyId, MemberId};
use crate::domain::imports::{ImportOutcome, ImportStatus, ImportStopReason};
use crate::domain::journal::{ActorKind, EventType, SubjectKind};
use crate::domain::vocabulary::{AlertKind, Scope};
use crate::error::AppError;
use crate::privacy::keys::{KeyId, MasterKey, Purpose};
use crate::store;
use crate::store::alerts::NewAlert;
use crate::store::referral_imports::{BatchRow, ImportRow, Staged};

mod batch;

use batch::{Batch, Done};

/// Once it has made so many referrals, the planner is to know of them.
const STATISTICS_AT: [i32; 3] = [1_000, 10_000, 100_000];

/// Does the next batch of the site's oldest import; where none waits, forgets what is left of those that were ended. Answers how much was
/// done, 0 when there is nothing to do. `master`: contact details are looked for under its keys.
///
/// # Errors
/// A database failure, which undoes the batch.
pub fn pass(conn: &mut Conn, context: &Context, master: &MasterKey) -> Result<usize, AppError> {
    let scope = &context.scope;
    let Some(import) = store::referral_imports::lock_next(conn, scope)? else {
        return Ok(store::referral_imports::forget_batches(conn, scope)?);
    };
    let Some(actor) = importer(conn, context, &import)? else {
        return end(conn, context, import, ImportStatus::Stopped, Some(ImportStopReason::CallerRevoked));
    };
    let Some(BatchRow { first_row, rows }) = store::referral_imports::first_batch(conn, scope, import.id)? else {
        return end(conn, context, import, ImportStatus::Completed, None);
    };
    if is_under_another_key(&rows, master.keyring(Purpose::ContactDigest, scope.site()).current.id()) {
        return end(conn, context, import, ImportStatus::Stopped, Some(ImportStopReason::MasterKeyRotated));
    }
    let context = &Context { actor, ..context.clone() };
    let Done { results, owners } = Batch::load(conn, context, &rows)?.run(conn, context, &rows, import.dry_run)?;
    store::referral_imports::insert_results(conn, scope, import.id, &results)?;
    store::referral_imports::delete_batch(conn, scope, import.id, first_row)?;
    let told_member_ids = tell_owners(conn, context, &import, owners)?;
    let count = |outcome| i32::try_from(results.iter().filter(|row| row.outcome == outcome).count()).unwrap_or(i32::MAX);
    let begins = import.status != ImportStatus::Running;
    let after = ImportRow {
        status: ImportStatus::Running,
        version: import.version + i32::from(begins),
        created: import.created + count(ImportOutcome::Created),
        unchanged: import.unchanged + count(ImportOutcome::Unchanged),
        refused: import.refused + count(ImportOutcome::Refused),
        started_at: import.started_at.or(Some(context.now)),
        updated_at: context.now,
        told_member_ids,
        ..import
    };
    store::referral_imports::write(conn, &after)?;
    if let Some(rows) = STATISTICS_AT.iter().find(|rows| (import.created..after.created).contains(rows)) {
        store::referral_imports::refresh_statistics(conn, *rows)?;
    }
    Ok(results.len())
}

/// Tells each of these owners once that the import brings referrals of theirs, and not of each; answers everybody who was told so far.
fn tell_owners(
    conn: &mut Conn,
    context: &Context,
    import: &ImportRow,
    owners: BTreeSet<MemberId>,
) -> Result<Vec<Option<MemberId>>, AppError> {
    let mut told = import.told_member_ids.clone();
    let new: Vec<MemberId> = owners.into_iter().filter(|owner| !told.contains(&Some(*owner))).collect();
    let alert = |member: &MemberId| NewAlert {
        site_id: context.scope.site(),
        id: AlertId::at(context.now),
        member_id: *member,
        kind: AlertKind::ReferralsImported,
        referral_id: None,
        created_at: context.now,
    };
    store::alerts::insert(conn, &new.iter().map(alert).collect::<Vec<_>>())?;
    told.extend(new.into_iter().map(Some));
    Ok(told)
}

/// Whether contact details were digested before the master key was rotated, and cannot be looked for under the present one: who withdrew
/// permission since would not be found.
fn is_under_another_key(rows: &[(i32, Staged)], current: KeyId) -> bool {
    let details = rows.iter().filter_map(|(_, row)| if let Staged::Referral(row) = row { Some(row.details()) } else { None });
    details.flatten().any(|detail| detail.all().all(|digest| digest.key_id != current))
}

/// Whoever imports, as they may act now; `None` when they may import no more.
fn importer(conn: &mut Conn, context: &Context, import: &ImportRow) -> Result<Option<Actor>, AppError> {
    let scope = &context.scope;
    let actor = match import.actor_kind {
        ActorKind::Staff => store::members::find(conn, scope, MemberId(import.actor_id.0))?
            .filter(|member| member.active)
            .map(|member| Actor::Staff(StaffActor { member: member.id, role: member.role })),
        // The key may have been rotated meanwhile: its system acts on with the other one.
        _ => own_first(store::api_keys::of_system(conn, scope, import.actor_id, context.now)?, import.api_key_id)
            .into_iter()
            .map(|(key, scopes)| Actor::Site(SiteClient { key, principal: import.actor_id, scopes: scopes.0, is_test: false }))
            .find(|actor| ImportReferrals::ROW.check(actor).is_ok()),
    };
    Ok(actor.filter(|actor| ImportReferrals::ROW.check(actor).is_ok()))
}

/// The keys of a system, the one that it imports with before the others.
fn own_first(mut keys: Vec<(ApiKeyId, CodeList<Scope>)>, own: Option<ApiKeyId>) -> Vec<(ApiKeyId, CodeList<Scope>)> {
    keys.sort_by_key(|(key, _)| Some(*key) != own);
    keys
}

fn end(
    conn: &mut Conn,
    context: &Context,
    import: ImportRow,
    status: ImportStatus,
    stop_reason: Option<ImportStopReason>,
) -> Result<usize, AppError> {
    let after = ImportRow {
        status,
        stop_reason,
        version: import.version + 1,
        updated_at: context.now,
        started_at: import.started_at.or(Some(context.now)),
        ended_at: Some(context.now),
        ..import.clone()
    };
    store::referral_imports::write(conn, &after)?;
    let (was, is) = (facts::of_referral_import(&import), facts::of_referral_import(&after));
    let change = Change::new(OPERATION, SubjectKind::ReferralImport, import.id.0, was, is);
    // A dry run changed nothing that anybody would have to read again.
    let tells = status == ImportStatus::Completed && !import.dry_run;
    record(conn, context, [if tells { change.tell(EventType::ImportCompleted, after.version) } else { change }])?;
    Ok(1)
}
