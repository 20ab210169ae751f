//! From an `Authorization` header to an actor and a scope.

use std::time::Instant;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use subtle::ConstantTimeEq as _;

use super::known_keys::Known;
use super::{Actor, Identified, PartnerActor, SiteClient, SiteScope, StaffActor, api_key, provider, token};
use crate::db::{Conn, Deadline, Whose, enter_site};
use crate::domain::vocabulary::PartnerStatus;
use crate::error::{AppError, ErrorCode};
use crate::state::AppState;
use crate::store;

/// Finds out who is calling.
///
/// # Errors
/// 401 with a code that says whether credentials are missing, not valid or expired; 503 when the database is not there, or an
/// identity provider whose key is not known.
pub async fn authenticate(app: &AppState, headers: &HeaderMap, request_id: String) -> Result<Identified, AppError> {
    let deadline = app.deadline();
    let credentials = bearer(headers)?;
    let (actor, scope, deadline) = if credentials.starts_with("hk_") {
        by_key(app, credentials, deadline).await?
    } else {
        by_token(app, credentials, deadline).await?
    };
    Ok(Identified { actor, scope, deadline, request_id })
}

/// Who calls, which rows it may touch, and the deadline: of a request that was looked up, as one that was let in to the database.
type Authenticated = (Actor, SiteScope, Deadline);

fn bearer(headers: &HeaderMap) -> Result<&str, AppError> {
    let mut values = headers.get_all(AUTHORIZATION);
    let missing = || AppError::new(ErrorCode::Unauthenticated);
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(AppError::new(ErrorCode::InvalidCredentials).with_detail("Send one Authorization header, not several."));
    }
    let (scheme, credentials) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || credentials.trim().is_empty() {
        return Err(missing());
    }
    Ok(credentials.trim())
}

fn invalid() -> AppError {
    AppError::new(ErrorCode::InvalidCredentials)
}

async fn by_key(app: &AppState, text: &str, deadline: Deadline) -> Result<Authenticated, AppError> {
    let presented = api_key::parse(text).ok_or_else(invalid)?;
    let now = app.clock.now();
    let (known, deadline) = match app.known_keys.find(&presented.hash) {
        // It has waited in no line yet.
        Some(known) => (known, deadline),
        None => (look_up(app, &presented, deadline).await?, deadline.admitted()),
    };
    if known.expires_at.is_some_and(|expires_at| expires_at <= now) {
        // Whoever is refused waits in no site's line.
        app.known_keys.forget(&presented.hash);
        return Err(AppError::new(ErrorCode::ExpiredCredentials));
    }
    if let Some(key) = known.actor.key() {
        app.key_uses.note(known.scope.site(), key, now);
    }
    Ok((known.actor, known.scope, deadline))
}

/// Whose key it is, from the database.
async fn look_up(app: &AppState, presented: &api_key::PresentedKey, deadline: Deadline) -> Result<Known, AppError> {
    let (hash, is_test, asked) = (presented.hash, presented.is_test, Instant::now());
    let whose = app.known_keys.site_of(&hash).map_or(Whose::Stranger, Whose::Site);
    let found = app.db.look_up(whose, deadline, move |conn| find(conn, &hash, is_test)).await;
    match &found {
        Ok(known) => app.known_keys.remember(hash, known.clone(), asked),
        Err(refused) if refused.code.status() == 401 => app.known_keys.forget(&hash),
        Err(_) => {}
    }
    found
}

fn find(conn: &mut Conn, hash: &[u8; 32], is_test: bool) -> Result<Known, AppError> {
    let Some((site, key_id)) = store::api_keys::find_in_directory(conn, hash)? else { return Err(invalid()) };
    let scope = SiteScope::of_site(site);
    enter_site(conn, &scope)?;
    let Some(key) = store::api_keys::find_credentials(conn, &scope, key_id)? else { return Err(invalid()) };
    let same: bool = key.key_hash.ct_eq(hash).into();
    if !same || key.is_test != is_test || key.revoked_at.is_some() {
        return Err(invalid());
    }
    let (actor, scope) = match (key.partner_id, key.partner_status) {
        (Some(_), Some(PartnerStatus::Ended)) => return Err(invalid()),
        (Some(partner), _) => {
            let actor = PartnerActor { key: key_id, partner, is_test: key.is_test };
            (Actor::Partner(actor), SiteScope::of_partner(site, partner))
        }
        (None, _) => {
            let actor = SiteClient { key: key_id, principal: key.principal_id, scopes: key.scopes.0, is_test: key.is_test };
            (Actor::Site(actor), scope)
        }
    };
    Ok(Known { actor, scope, expires_at: key.expires_at })
}

/// Who must verify a token, its unverified issuer says: the local one, or exactly one of the settings.
async fn by_token(app: &AppState, text: &str, deadline: Deadline) -> Result<Authenticated, AppError> {
    let issuer = token::claimed_issuer(text).ok_or_else(invalid)?;
    let (scope, found) = if token::is_local(&issuer) {
        let (site, member) = token::verify(&app.master, text, app.clock.now()).map_err(|refused| match refused {
            token::Refused::Invalid => invalid(),
            token::Refused::Expired => AppError::new(ErrorCode::ExpiredCredentials),
        })?;
        let scope = SiteScope::of_site(site);
        (scope, app.db.transact(scope, deadline, move |conn| Ok(store::members::find(conn, &scope, member)?)).await?)
    } else {
        let provider = app.providers.find(&issuer).ok_or_else(invalid)?;
        // Half of what is left: the database needs its part.
        let subject = provider.verify(text, &app.clock, deadline.remaining() / 2).await.map_err(|refused| match refused {
            provider::Refused::Invalid => invalid(),
            provider::Refused::Expired => AppError::new(ErrorCode::ExpiredCredentials),
            provider::Refused::Unavailable => AppError::new(ErrorCode::IdentityProviderUnavailable),
        })?;
        // The site is the one that the settings bind the issuer to; a token cannot name another.
        let (scope, issuer) = (SiteScope::of_site(provider.site()), provider.issuer().clone());
        let find = move |conn: &mut _| Ok(store::members::find_by_identity(conn, &scope, &issuer, &subject)?);
        (scope, app.db.transact(scope, deadline, find).await?)
    };
    let member = found.filter(|member| member.active).ok_or_else(invalid)?;
    Ok((Actor::Staff(StaffActor { member: member.id, role: member.role }), scope, deadline.admitted()))
}
