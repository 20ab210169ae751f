//! Issuing an API key. Its text exists in the answer alone.

use chrono::{DateTime, Months, SubsecRound as _, Utc};
use secrecy::SecretString;

use super::record::{Change, record};
use super::{Context, facts, taken};
use crate::auth::api_key;
use crate::db::Conn;
use crate::domain::CodeList;
use crate::domain::fault::{Fault, FaultCode};
use crate::domain::ids::{ApiKeyId, PrincipalId};
use crate::domain::journal::SubjectKind;
use crate::domain::text::{Code, KeyName};
use crate::domain::vocabulary::{PartnerStatus, Scope};
use crate::error::{AppError, ErrorCode};
use crate::store;
use crate::store::api_keys::{ApiKeyContext, ApiKeyRow};
use crate::store::partners::PartnerRow;

/// The longest life of a key that has an end: five years.
const LONGEST: Months = Months::new(60);

/// Whom the key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The partner with this code; its key carries exactly the scope `partner`.
    Partner(Code),
    /// A system of the site, with these scopes: one or more, each once, and not `partner`.
    Site(Vec<Scope>),
}

/// A key to be issued.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What people call it; the holder's active keys of one mode have different names.
    pub name: KeyName,
    /// Whom it is for.
    pub holder: Holder,
    /// A test key acts on test referrals only.
    pub is_test: bool,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key that was made, with its text.
#[derive(Debug)]
pub struct Issued {
    /// The key.
    pub key: ApiKeyContext,
    /// Its text, to be shown once.
    pub secret: SecretString,
}

/// Issues a key.
///
/// # Errors
/// 422 for an unknown partner, unfit scopes or an end outside its limits; 409 when the holder has an active key of this name and
/// mode, or the partner has ended.
pub fn run(conn: &mut Conn, context: &Context, new: NewKey) -> Result<Issued, AppError> {
    let (scope, now) = (&context.scope, context.now);
    let partner = match &new.holder {
        Holder::Partner(code) => Some(store::partners::find_by_code(conn, scope, code)?),
        Holder::Site(_) => None,
    };
    let mut faults: Vec<Fault> = end_fault(now, new.expires_at).into_iter().collect();
    if matches!(partner, Some(None)) {
        faults.push(Fault::new("/partner", FaultCode::UnknownReference, "No partner of the site has this code."));
    }
    let scopes = match new.holder {
        Holder::Partner(_) => vec![Scope::Partner],
        Holder::Site(scopes) => {
            faults.extend(scopes_fault(&scopes));
            scopes
        }
    };
    if !faults.is_empty() {
        return Err(AppError::invalid(faults));
    }
    let partner: Option<PartnerRow> = partner.flatten();
    refuse_ended(partner.as_ref().map(|partner| partner.status))?;
    let partner_id = partner.as_ref().map(|partner| partner.id);
    store::api_keys::administer(conn, scope)?;
    if store::api_keys::count_active(conn, scope, &new.name, partner_id, new.is_test, now)? > 0 {
        return Err(taken("/name", "This holder has an active key of this name.").with_detail(
            "This holder has an active key of this name and mode. Rotate or revoke that one, or choose another name.",
        ));
    }
    let key = ApiKeyRow {
        site_id: scope.site(),
        id: ApiKeyId::at(now),
        principal_id: partner_id.map_or_else(|| PrincipalId::at(now), |partner| PrincipalId(partner.0)),
        name: new.name,
        partner_id,
        scopes: CodeList(scopes),
        is_test: new.is_test,
        created_at: now,
        expires_at: new.expires_at.map(|at| at.trunc_subsecs(6)),
        revoked_at: None,
        version: 1,
        last_used_at: None,
        rotated_to_id: None,
    };
    let secret = keep(conn, &key)?;
    record(conn, context, [Change::made("create_api_key", SubjectKind::ApiKey, key.id.0, facts::of_api_key(&key))])?;
    let (partner_code, partner_status) = partner.map(|partner| (partner.code, partner.status)).unzip();
    Ok(Issued { key: ApiKeyContext { key, partner_code, partner_status }, secret })
}

/// Makes the text of a key and keeps its hash.
pub(super) fn keep(conn: &mut Conn, key: &ApiKeyRow) -> Result<SecretString, AppError> {
    let fresh = api_key::generate(key.is_test).map_err(AppError::internal)?;
    store::api_keys::insert(conn, key, &fresh.hash)?;
    Ok(fresh.text)
}

/// What is wrong with the end of a key, if anything.
pub(super) fn end_fault(now: DateTime<Utc>, expires_at: Option<DateTime<Utc>>) -> Option<Fault> {
    let at = expires_at?;
    let fault = |message| Some(Fault::new("/expires_at", FaultCode::OutOfRange, message));
    if at <= now {
        return fault("This time is not in the future. Send when the key shall end, in UTC, or leave it out.");
    }
    if now.checked_add_months(LONGEST).is_some_and(|latest| at > latest) {
        return fault("This time is more than five years ahead. Choose an earlier end; a key can be rotated before it.");
    }
    None
}

/// 409 for a key of a partner that has ended: nobody would be let in with it.
pub(super) fn refuse_ended(partner: Option<PartnerStatus>) -> Result<(), AppError> {
    if partner == Some(PartnerStatus::Ended) {
        return Err(AppError::new(ErrorCode::StateConflict).with_detail("This partner has ended: none of its keys is good."));
    }
    Ok(())
}

fn scopes_fault(scopes: &[Scope]) -> Option<Fault> {
    let distinct: std::collections::BTreeSet<_> = scopes.iter().collect();
    let (code, message) = if scopes.is_empty() {
        (FaultCode::TooFewItems, "Name one scope or more.")
    } else if scopes.contains(&Scope::Partner) {
        (FaultCode::Inconsistent, "A site key cannot carry `partner`. For a partner's key name the partner and no scopes.")
    } else if distinct.len() < scopes.len() {
        (FaultCode::DuplicateItem, "Name each scope once.")
    } else {
        return None;
    };
    Some(Fault::new("/scopes", code, message))
}
