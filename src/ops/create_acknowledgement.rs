//! A partner acknowledges a language version.

use super::record::{Change, record};
use super::{Context, suspend_partners};
use crate::auth::Actor;
use crate::db::Conn;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{AcknowledgementId, LanguageVersionId};
use crate::domain::journal::{EventType, Facts, SubjectKind};
use crate::domain::language_standing::{self, Approved};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::acknowledgements::{AcknowledgementContext, AcknowledgementRow};

/// Records that the calling partner acknowledges a version that counts today, or that is approved and counts from a later day on. A
/// second time changes nothing; answers whether it is the first. A partner that was suspended for its language goes on with it.
///
/// # Errors
/// 403 for anybody but a partner with a live key, 422 for a version that is not there for it, 409 for one that counts no more.
pub fn run(conn: &mut Conn, context: &Context, version: LanguageVersionId) -> Result<(AcknowledgementContext, bool), AppError> {
    let scope = &context.scope;
    let Actor::Partner(actor) = &context.actor else { return Err(AppError::new(ErrorCode::Forbidden)) };
    if actor.is_test {
        let detail = "A test key tries things out. Acknowledge with a live key: it stands for the partner.";
        return Err(AppError::new(ErrorCode::Forbidden).with_detail(detail));
    }
    // Before the study, as whoever moves the partner takes the two.
    let partner = store::partners::lock(conn, scope, actor.partner)?.ok_or_else(AppError::not_found)?;
    let unknown = || {
        let message = "No approved language version of your studies has this id.";
        AppError::invalid(vec![Fault::new("/version_id", FaultCode::UnknownReference, message)])
    };
    let found = store::language_versions::find(conn, scope, version)?.ok_or_else(unknown)?;
    let study = found.version.study_id;
    // Held so that what counts now still does when this is kept.
    store::studies::hold(conn, scope, &[study])?;
    let today = store::sites::current(conn, scope)?.day_of(context.now);
    let rows = store::language_versions::approved_of_study(conn, scope, study)?;
    let all: Vec<Approved> = rows.iter().filter_map(|row| row.approved(false)).collect();
    let current = language_standing::current(&all, &found.version.locale, today).map(|current| current.id);
    let is_ahead = all.iter().any(|one| one.id == version && one.is_scheduled(today));
    let before = store::acknowledgements::find(conn, scope, actor.partner, version)?;
    if let Some(before) = before {
        return Ok((before, false));
    }
    if current != Some(version) && !is_ahead {
        return Err(AppError::new(ErrorCode::VersionNotCurrent).with_current_version(current));
    }
    let acknowledgement = AcknowledgementRow {
        site_id: scope.site(),
        id: AcknowledgementId::at(context.now),
        partner_id: actor.partner,
        version_id: version,
        api_key_id: actor.key,
        acknowledged_at: context.now,
    };
    let is_new = store::acknowledgements::insert(conn, &acknowledgement)?;
    if is_new {
        let facts = Facts::new().id("acknowledgement_id", acknowledgement.id.0).id("partner_id", actor.partner.0);
        let change = Change::made("create_acknowledgement", SubjectKind::LanguageVersion, version.0, facts);
        let told = EventType::LanguageAcknowledged;
        let told = change.tell_of_partner(told, found.version.version, actor.partner, Some(study));
        let lifted = suspend_partners::lift(conn, context, "create_acknowledgement", &partner)?;
        record(conn, context, [told].into_iter().chain(lifted))?;
    }
    let kept = store::acknowledgements::find(conn, scope, actor.partner, version)?.ok_or_else(unknown)?;
    Ok((kept, is_new))
}
